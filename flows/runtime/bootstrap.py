"""Set up Prefect's server for Showrunner: work pool, deployments of `prefect.yaml`, automations.

It is idempotent. Prefect's own commands do parts of this, take seconds each, and make a second copy
of every automation when they run again. Nothing is deleted here: the operator removes a deployment
that is no longer in `prefect.yaml`. What is already as declared is not written, so that what was
paused by hand stays paused and scheduled runs stay scheduled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

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
from flows.server.deployment_spec import POOL, PREFECT_YAML, PRODUCE, Declared, read_declared
from models.errors import GiveUp, TryAgain
from models.production.steps import Step

log = structlog.get_logger("showrunner.bootstrap")


@dataclass(kw_only=True)
class Changes:
    """Names of what a bootstrap wrote. All empty: everything was already as declared."""

    pools: list[str] = field(default_factory=list)
    deployments: list[str] = field(default_factory=list)
    automations: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether anything was written."""
        return bool(self.pools or self.deployments or self.automations)


async def bootstrap(
    prefect_yaml: Path = PREFECT_YAML,
    *,
    pool: str = POOL,
    step_pools: Mapping[str, str] = MappingProxyType({}),
) -> Changes:
    """Make on the Prefect server of PREFECT_API_URL what our flows need.

    It takes about 2 s, or 0.25 s when everything is there. An existing pool keeps its type, so the
    same deployments may run on a process, Docker or Kubernetes pool.

    Args:
        prefect_yaml: file with the deployments; each must name the pool.
        pool: the work pool to make when it is missing.
        step_pools: the operator's other work pools, by step of production; each gets a deployment
            of its own and is not made here.

    Raises:
        GiveUp: the file is wrong, a flow cannot be loaded, `step_pools` names a step or a pool that
            is missing, or the server refuses a request.
        TryAgain: the server does not answer.
    """
    declared = read_declared(prefect_yaml)
    if other := sorted({each.work_pool.name for each in declared} - {pool}):
        names = ", ".join(other)
        raise GiveUp(f"{prefect_yaml} names the work pool {names}, which nobody makes; use {pool}.")
    if unknown := sorted(step_pools.keys() - set(Step)):
        raise GiveUp(
            f"PRODUCTION_WORK_POOLS names the step {', '.join(unknown)}; the steps are "
            f"{', '.join(Step)}."
        )
    changes = Changes()
    try:
        async with get_client() as client:
            await _make_pool(client, pool, changes)
            for each in declared:
                await _deploy(client, each, changes)
            for name in sorted(set(step_pools.values()) - {pool}):
                await _deploy_on(client, name, declared, changes)
            for automation in automations():
                await _make_automation(client, automation, changes)
    except httpx.HTTPStatusError as error:
        answer = f"{error.response.status_code} {error.response.text[:300]}"
        raise GiveUp(f"Prefect's server refused: {answer}") from error
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise TryAgain(f"Prefect's server does not answer: {reason}.") from error
    log.info(
        "prefect_bootstrapped",
        pools=changes.pools,
        deployments=changes.deployments,
        automations=changes.automations,
    )
    return changes


async def bootstrap_if_missing(
    client: PrefectClient,
    prefect_yaml: Path = PREFECT_YAML,
    *,
    pool: str = POOL,
    step_pools: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Bootstrap again when the server lacks one of our deployments: its database was lost.

    One request when nothing is missing.

    Raises:
        GiveUp, TryAgain: as `bootstrap` does.
        httpx.HTTPError: the server does not answer.
    """
    declared = {each.name for each in read_declared(prefect_yaml)}
    by_name = DeploymentFilter(name=DeploymentFilterName(any_=sorted(declared)))
    existing = {each.name for each in await client.read_deployments(deployment_filter=by_name)}
    if not declared <= existing:
        log.warning("prefect_deployments_missing", missing=sorted(declared - existing))
        await bootstrap(prefect_yaml, pool=pool, step_pools=step_pools)


async def _make_pool(client: PrefectClient, name: str, changes: Changes) -> None:
    try:
        await client.read_work_pool(name)
    except ObjectNotFound:
        template = WarmWorker.get_default_base_job_template()
        try:
            await client.create_work_pool(
                WorkPoolCreate(name=name, type=TYPE, base_job_template=template)
            )
        except ObjectAlreadyExists:  # made by a worker that starts at the same moment
            return
        changes.pools.append(name)


async def _deploy_on(
    client: PrefectClient, pool: str, declared: Sequence[Declared], changes: Changes
) -> None:
    """Deploy `produce` on another work pool.

    Raises:
        GiveUp: there is no such pool.
    """
    try:
        await client.read_work_pool(pool)
    except ObjectNotFound as error:
        raise GiveUp(
            f"PRODUCTION_WORK_POOLS names the work pool “{pool}”, which Prefect does not have. "
            f"Make it: prefect work-pool create {pool} --type process"
        ) from error
    for each in declared:
        if each.full_name == PRODUCE:
            await _deploy(client, each.on_pool(pool), changes)


async def _deploy(client: PrefectClient, declared: Declared, changes: Changes) -> None:
    flow = _load(declared)
    schema = parameter_schema(flow).model_dump(exclude_unset=True)
    try:
        existing = await client.read_deployment_by_name(f"{flow.name}/{declared.name}")
    except ObjectNotFound:
        existing = None
    if existing is not None and declared.matches(existing, schema):
        return
    # Prefect's API creates or replaces, by flow and name. Replacing drops the runs that were
    # scheduled so far.
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


def _load(declared: Declared) -> Flow[..., Any]:
    try:
        return load_flow_from_entrypoint(declared.entrypoint, use_placeholder_flow=False)
    except Exception as error:
        raise GiveUp(
            f"Deployment {declared.name}: {declared.entrypoint} cannot be loaded: "
            f"{type(error).__name__}: {error}"
        ) from error


async def _make_automation(client: PrefectClient, wanted: AutomationCore, changes: Changes) -> None:
    existing = await client.read_automations_by_name(wanted.name)
    # Copies are made by `prefect automation create`, or by two bootstraps at the same moment.
    for copy in existing[1:]:
        await client.delete_automation(copy.id)
        changes.automations.append(f"{wanted.name} (twin)")
    if not existing:
        await client.create_automation(wanted)
    elif _definition(existing[0]) != _definition(wanted):
        kept = {"enabled": existing[0].enabled}
        await client.update_automation(existing[0].id, wanted.model_copy(update=kept))
    else:
        return
    changes.automations.append(wanted.name)


def _definition(automation: AutomationCore) -> Any:
    """An automation for comparison, without whether it is enabled: users may change that."""
    compared = {"name", "description", "tags", "trigger", "actions"}
    return _with_sorted_lists(automation.model_dump(mode="json", include=compared))


def _with_sorted_lists(value: Any) -> Any:
    """The value with every list sorted: Prefect keeps sets, and returns them in any order."""
    if isinstance(value, dict):
        return {key: _with_sorted_lists(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return sorted((_with_sorted_lists(each) for each in value), key=repr)
    return value
