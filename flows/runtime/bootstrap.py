"""Sets up Prefect's server for Showrunner: work pool, deployments of `prefect.yaml`, automations.

Twice is as once.

Prefect's own commands do parts of this, take seconds each, and make a second copy of every
automation when they are run again. Nothing is deleted here: a deployment that left `prefect.yaml`
is the operator's to remove. What is already as it should be is not written, so that what was paused
by hand stays paused and runs that are scheduled stay scheduled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import structlog
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

from flows.runtime.warm_worker import TYPE, WarmWorker
from flows.server.automations import automations
from flows.server.deployment_spec import PREFECT_YAML, Declared, read_declared
from models.errors import GiveUp, TryAgain

log = structlog.get_logger("showrunner.bootstrap")

POOL: Final = "showrunner"
"""Name of the work pool of our deployments and workers."""


@dataclass(kw_only=True)
class Changes:
    """What a bootstrap wrote, by name. All empty: everything was there as it should be."""

    pools: list[str] = field(default_factory=list)
    deployments: list[str] = field(default_factory=list)
    automations: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether anything was written."""
        return bool(self.pools or self.deployments or self.automations)


async def bootstrap(prefect_yaml: Path = PREFECT_YAML, *, pool: str = POOL) -> Changes:
    """Make on the Prefect server of PREFECT_API_URL what our flows need.

    About 2 s, 0.25 s when it is all there.

    An existing pool keeps its type, so the same deployments may run on a process, Docker or
    Kubernetes pool.

    Args:
        prefect_yaml: file with the deployments; each must name the pool.
        pool: the work pool to make when it is missing.

    Raises:
        GiveUp: the file is wrong, a flow cannot be loaded, or the server refuses what is asked of
            it.
        TryAgain: the server does not answer.
    """
    declared = read_declared(prefect_yaml)
    if strangers := sorted({each.work_pool.name for each in declared} - {pool}):
        raise GiveUp(
            f"{prefect_yaml} names the work pool {', '.join(strangers)}, which nobody makes; use {pool}."
        )
    changes = Changes()
    try:
        async with get_client() as client:
            await _make_pool(client, pool, changes)
            for each in declared:
                await _deploy(client, each, changes)
            for automation in automations():
                await _automate(client, automation, changes)
    except httpx.HTTPStatusError as error:
        raise GiveUp(
            f"Prefect's server refused: {error.response.status_code} {error.response.text[:300]}"
        ) from error
    except httpx.HTTPError as error:
        raise TryAgain(
            f"Prefect's server does not answer: {str(error) or type(error).__name__}."
        ) from error
    log.info(
        "prefect_bootstrapped",
        pools=changes.pools,
        deployments=changes.deployments,
        automations=changes.automations,
    )
    return changes


async def bootstrap_if_forgotten(
    client: PrefectClient, prefect_yaml: Path = PREFECT_YAML, *, pool: str = POOL
) -> None:
    """Make everything again when the server lacks one of our deployments: its database was lost.

    One request.

    Raises:
        GiveUp, TryAgain: as `bootstrap` does.
        httpx.HTTPError: the server does not answer.
    """
    wanted = {each.name for each in read_declared(prefect_yaml)}
    asked = DeploymentFilter(name=DeploymentFilterName(any_=sorted(wanted)))
    there = {each.name for each in await client.read_deployments(deployment_filter=asked)}
    if not wanted <= there:
        log.warning("prefect_forgot_deployments", missing=sorted(wanted - there))
        await bootstrap(prefect_yaml, pool=pool)


async def _make_pool(client: PrefectClient, name: str, changes: Changes) -> None:
    try:
        await client.read_work_pool(name)
    except ObjectNotFound:
        template = WarmWorker.get_default_base_job_template()
        try:
            await client.create_work_pool(
                WorkPoolCreate(name=name, type=TYPE, base_job_template=template)
            )
        except ObjectAlreadyExists:  # a worker that starts at the same moment makes it too
            return
        changes.pools.append(name)


async def _deploy(client: PrefectClient, declared: Declared, changes: Changes) -> None:
    try:
        flow: Flow[..., Any] = load_flow_from_entrypoint(
            declared.entrypoint, use_placeholder_flow=False
        )
    except Exception as error:
        raise GiveUp(
            f"Deployment {declared.name}: {declared.entrypoint} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    schema = parameter_schema(flow).model_dump(exclude_unset=True)
    try:
        there = await client.read_deployment_by_name(f"{flow.name}/{declared.name}")
    except ObjectNotFound:
        there = None
    if there is not None and declared.is_as_declared(there, schema):
        return
    # Prefect's API creates or replaces, by flow and name; replacing drops the runs scheduled so
    # far.
    await client.create_deployment(
        flow_id=await client.create_flow(flow),
        name=declared.name,
        entrypoint=declared.entrypoint,
        description=declared.description,
        tags=list(declared.tags),
        schedules=[schedule.for_prefect() for schedule in declared.schedules],
        concurrency_limit=declared.concurrency_limit.limit,
        concurrency_options=declared.options(),
        parameters=declared.parameters,
        work_pool_name=declared.work_pool.name,
        parameter_openapi_schema=schema,
        enforce_parameter_schema=True,
        pull_steps=[],
    )
    changes.deployments.append(declared.name)


async def _automate(client: PrefectClient, wanted: AutomationCore, changes: Changes) -> None:
    there = await client.read_automations_by_name(wanted.name)
    for twin in there[
        1:
    ]:  # made by `prefect automation create`, or by two bootstraps at the same moment
        await client.delete_automation(twin.id)
        changes.automations.append(f"{wanted.name} (twin)")
    if not there:
        await client.create_automation(wanted)
    elif _said(there[0]) != _said(wanted):
        await client.update_automation(
            there[0].id, wanted.model_copy(update={"enabled": there[0].enabled})
        )
    else:
        return
    changes.automations.append(wanted.name)


def _said(automation: AutomationCore) -> Any:
    """What an automation says, for comparison: without whether it is switched on, which is people's to change."""
    said = automation.model_dump(
        mode="json", include={"name", "description", "tags", "trigger", "actions"}
    )
    return _unordered(said)


def _unordered(value: Any) -> Any:
    """The same with every list sorted: Prefect keeps sets, and gives them back in any order."""
    if isinstance(value, dict):
        return {key: _unordered(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return sorted((_unordered(each) for each in value), key=repr)
    return value
