"""Delete our own old runs through Prefect's API, so that they are bounded on every server.

The server that `showrunner up` starts also has a vacuum of its own, for all runs after some days
(`flows.server.prefect_settings`). This module does the same on a server whose settings are the
operator's. It deletes runs that changed nothing much earlier: they are 1,440 a day, and would
hide the runs that did something. Only runs of our deployments that carry our tag are deleted.
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

from flows.runs.api import IDLE_NAMES
from flows.server.automations import TAG
from flows.server.deployment_spec import PREFECT_YAML, read_declared

log = structlog.get_logger("showrunner.retention")

RUNS_MAX: Final = 2_000
"""Runs of each kind that one call deletes: half a minute's work. An hour makes 60 runs; the backlog
of an old server is deleted over several calls."""
_PAGE: Final = 200


@dataclass(frozen=True, kw_only=True)
class DeletedRuns:
    """How many runs were deleted: `idle` ones did nothing, `old` ones were past the time of all."""

    idle: int = 0
    old: int = 0


async def delete_old_runs(
    client: PrefectClient,
    *,
    idle_before: datetime,
    before: datetime,
    prefect_yaml: Path = PREFECT_YAML,
    dry_run: bool = False,
) -> DeletedRuns:
    """Delete our runs that ended before those moments, with their states, task runs, logs, tables.

    A server that stops answering ends it early; the next call continues. Safe to run twice or side
    by side.

    Args:
        client: of the Prefect server.
        idle_before: for completed runs that changed nothing.
        before: for every run that has ended, in whatever state.
        prefect_yaml: file with the deployments whose runs are ours.
        dry_run: only count, up to `RUNS_MAX` of each kind. A run may count as both kinds.
    """
    idle = old = 0
    remove = _delete
    if dry_run:
        remove = _count
    try:
        ours = await _deployments(client, prefect_yaml)
        if ours:
            idle_runs = _ended(ours, idle_before, [StateType.COMPLETED], names=list(IDLE_NAMES))
            idle = await remove(client, idle_runs)
            old = await remove(client, _ended(ours, before, sorted(TERMINAL_STATES)))
    except httpx.HTTPError as error:
        log.warning("old_runs_not_deleted", error=type(error).__name__)
    return DeletedRuns(idle=idle, old=old)


async def _deployments(client: PrefectClient, prefect_yaml: Path) -> list[UUID]:
    found = []
    for declared in read_declared(prefect_yaml):
        with suppress(ObjectNotFound):
            found.append((await client.read_deployment_by_name(declared.full_name)).id)
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


async def _page(client: PrefectClient, which: FlowRunFilter, offset: int = 0) -> list[UUID]:
    runs = await client.read_flow_runs(
        flow_run_filter=which, sort=FlowRunSort.START_TIME_ASC, limit=_PAGE, offset=offset
    )
    return [run.id for run in runs]


async def _delete(client: PrefectClient, which: FlowRunFilter) -> int:
    deleted = 0
    while deleted < RUNS_MAX:
        runs = await _page(client, which)
        await _delete_artifacts(client, runs)
        for run in runs:
            with suppress(ObjectNotFound):
                await client.delete_flow_run(run)
        deleted += len(runs)
        if len(runs) < _PAGE:
            break
    return deleted


async def _count(client: PrefectClient, which: FlowRunFilter) -> int:
    counted = 0
    while counted < RUNS_MAX:
        runs = await _page(client, which, offset=counted)
        counted += len(runs)
        if len(runs) < _PAGE:
            break
    return counted


async def _delete_artifacts(client: PrefectClient, runs: list[UUID]) -> None:
    """Delete the runs' tables: Prefect's API deletes a run's logs with it, but not its tables."""
    of_runs = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=runs))
    while runs and (tables := await client.read_artifacts(artifact_filter=of_runs, limit=_PAGE)):
        for table in tables:
            with suppress(ObjectNotFound):
                await client.delete_artifact(table.id)
