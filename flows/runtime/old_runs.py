"""Deleting our own old runs through Prefect's API, so that they are bounded on every server, whoever set it up.

The server that `showrunner up` starts has a vacuum of its own, for all runs after days (`flows.server.prefect_settings`). This does
the same on a server whose settings are the operator's, and much earlier for runs that found nothing to do: 1,440 of
them a day would bury what happened. Only runs of our deployments that carry our tag are ever touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx
import structlog
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterEndTime,
    FlowRunFilterName,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import TERMINAL_STATES, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from flows.runtime.run_api import IDLE_NAMES
from flows.server.automations import TAG
from flows.server.deployment_spec import PREFECT_YAML, read_declared

log = structlog.get_logger("showrunner.retention")

MOST: Final = 2_000
"""Runs one call deletes of each sort: half a minute's work. An hour makes 60; what an old server
holds goes in time."""
_PAGE: Final = 200


@dataclass(frozen=True, kw_only=True)
class DeletedRuns:
    """How many runs are gone: `idle` found nothing to do, `old` were past the time of all runs."""

    idle: int = 0
    old: int = 0


async def delete_old_runs(
    client: PrefectClient,
    *,
    idle_before: datetime,
    before: datetime,
    prefect_yaml: Path = PREFECT_YAML,
) -> DeletedRuns:
    """Delete our runs that ended before those moments, with their states, task runs, logs and artifacts.

    A server that stops answering ends it early: the next call goes on. Safe to run twice or side by side.

    Args:
        client: of the Prefect server.
        idle_before: for completed runs that found nothing to do.
        before: for every run that has ended, however it did.
        prefect_yaml: file with the deployments whose runs are ours.
    """
    idle = old = 0
    try:
        ours = await _deployments(client, prefect_yaml)
        if ours:
            idle = await _delete(
                client, _ended(ours, idle_before, [StateType.COMPLETED], names=list(IDLE_NAMES))
            )
            old = await _delete(client, _ended(ours, before, sorted(TERMINAL_STATES)))
    except httpx.HTTPError as error:
        log.warning("old_runs_not_deleted", error=type(error).__name__)
    return DeletedRuns(idle=idle, old=old)


async def _deployments(client: PrefectClient, prefect_yaml: Path) -> list[UUID]:
    found = []
    for declared in read_declared(prefect_yaml):
        flow = declared.entrypoint.partition(":")[2].replace("_", "-")
        with suppress(ObjectNotFound):
            found.append((await client.read_deployment_by_name(f"{flow}/{declared.name}")).id)
    return found


def _ended(
    deployments: Sequence[UUID],
    before: datetime,
    states: Sequence[StateType],
    *,
    names: list[str] | None = None,
) -> FlowRunFilter:
    return FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=list(deployments)),
        tags=FlowRunFilterTags(all_=[TAG]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states))),
        end_time=FlowRunFilterEndTime(before_=before),
        name=FlowRunFilterName(any_=names) if names is not None else None,
    )


async def _delete(client: PrefectClient, which: FlowRunFilter) -> int:
    gone = 0
    while gone < MOST:
        runs = await client.read_flow_runs(
            flow_run_filter=which, sort=FlowRunSort.START_TIME_ASC, limit=_PAGE
        )
        await _delete_artifacts(client, [run.id for run in runs])
        for run in runs:
            with suppress(ObjectNotFound):
                await client.delete_flow_run(run.id)
        gone += len(runs)
        if len(runs) < _PAGE:
            break
    return gone


async def _delete_artifacts(client: PrefectClient, runs: list[UUID]) -> None:
    """Prefect's API deletes a run's logs with it, and leaves its tables for ever."""
    of_runs = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=runs))
    while runs and (tables := await client.read_artifacts(artifact_filter=of_runs, limit=_PAGE)):
        for table in tables:
            with suppress(ObjectNotFound):
                await client.delete_artifact(table.id)
