"""Looking at what Prefect's server has of ours: deployments, workers, slots, automations.

Writes nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import psutil
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType, Worker, WorkerStatus
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from flows.server.automations import automations
from flows.server.deployment_spec import PREFECT_YAML, Declared, read_declared
from models.operations.health import Check, Finding, State, checked, failed
from models.rules.formatting import spoken
from tasks.operations.health import run_check

NAMES: Final = ("deployments", "worker", "limits")
SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 4.0
_BOOTSTRAP = "`python -m flows.runtime.worker --bootstrap` makes it so, and starts a worker; so does a restart of `showrunner up`."
_HOLDING: Final = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
"""States of a run that holds its deployment's slot."""
_LOOK_AGAIN: Final = 1.0
"""Seconds after which a slot is counted again: a run may have ended between two questions."""
_RUNS_MOST: Final = 50


@dataclass(frozen=True, kw_only=True)
class Slots:
    """The slots of one deployment's limit: how many there are, are taken, and by runs that are under way."""

    name: str
    limit: int
    taken: int
    runs: int

    @property
    def stuck(self) -> int:
        """Slots that no run will give back soon."""
        return max(0, self.taken - self.runs)


async def prefect_checks(
    api: str,
    *,
    auth: str | None,
    worker_log: Path,
    now: datetime,
    prefect_yaml: Path = PREFECT_YAML,
) -> list[Check]:
    """The checks of `NAMES`, side by side.

    Args:
        api: the server's API, e.g. http://127.0.0.1:4200/api.
        auth: `user:password`, if it asks for one.
        worker_log: where a worker that `showrunner up` runs writes.
    """
    declared = read_declared(prefect_yaml)
    async with PrefectClient(
        api, auth_string=auth, httpx_settings={"timeout": _ANSWER_SECONDS}
    ) as client:
        parts = await asyncio.gather(
            run_check(
                ["deployments"], SECONDS, _deployments(client, declared, api.removesuffix("/api"))
            ),
            run_check(
                ["worker"],
                SECONDS,
                _worker(client, declared[0].work_pool.name, api, worker_log, now),
            ),
            run_check(["limits"], SECONDS, _limits(client, declared, api)),
        )
    return [check for part in parts for check in part]


async def _find(client: PrefectClient, declared: Declared) -> DeploymentResponse | None:
    # A flow without a name of its own has its function's, dashes for underscores (Prefect's rule).
    flow = declared.entrypoint.rpartition(":")[2].replace("_", "-")
    try:
        return await client.read_deployment_by_name(f"{flow}/{declared.name}")
    except ObjectNotFound:
        return None


async def _deployments(client: PrefectClient, declared: Sequence[Declared], ui: str) -> list[Check]:
    there = await asyncio.gather(*(_find(client, each) for each in declared))
    found = [
        fault
        for each, one in zip(declared, there, strict=True)
        for fault in judge_deployment(each, one, ui)
    ]
    names = ", ".join(each.name for each in declared)
    return [checked("deployments", f"{names}: as declared, none paused", found)]


def judge_deployment(
    declared: Declared, there: DeploymentResponse | None, ui: str
) -> list[Finding]:
    """Whether a deployment is there, as declared, and not paused.

    Args:
        there: the deployment on the server; None when there is none.
        ui: address of Prefect's UI.
    """
    name = declared.name
    if there is None:
        return [Finding(state=State.FAIL, wrong=f"{name} is missing", cure=_BOOTSTRAP)]
    found = []
    asleep = [each for each in there.schedules if not each.active]
    if declared.schedules and (there.paused or asleep):
        # Without the schedule by the minute nothing is synced; what is due by the night may wait
        # for the morning.
        vital = any(schedule.interval is not None for schedule in declared.schedules)
        wrong = f"{name} is paused" if there.paused else f"the schedule of {name} is switched off"
        cure = f"Switch it on: {ui}/deployments/deployment/{there.id}"
        found.append(Finding(state=State.FAIL if vital else State.WARN, wrong=wrong, cure=cure))
    if there.work_pool_name != declared.work_pool.name:
        wrong = f"{name} points at the work pool {there.work_pool_name}, not at {declared.work_pool.name}"
        found.append(Finding(state=State.FAIL, wrong=wrong, cure=_BOOTSTRAP))
    elif not declared.is_as_declared(there, None):
        found.append(
            Finding(
                state=State.WARN,
                wrong=f"{name} is not as prefect.yaml declares it",
                cure=_BOOTSTRAP,
            )
        )
    return found


async def _worker(
    client: PrefectClient, pool: str, api: str, worker_log: Path, now: datetime
) -> list[Check]:
    try:
        known, queues, workers = await asyncio.gather(
            client.read_work_pool(pool),
            client.read_work_queues(work_pool_name=pool),
            client.read_workers_for_work_pool(pool),
        )
    except ObjectNotFound:
        return [failed("worker", f"there is no work pool {pool}", _BOOTSTRAP)]
    return [
        judge_workers(
            pool,
            [worker for worker in workers if not _gone(worker.name)],
            paused=known.is_paused,
            paused_queues=[queue.name for queue in queues if queue.is_paused],
            api=api,
            worker_log=worker_log,
            now=now,
        )
    ]


def _gone(name: str) -> bool:
    """Whether a worker of this host, named after its process as ours are, has ended: Prefect believes it for 90 s."""
    host, _, pid = name.rpartition(" ")
    return host == socket.gethostname() and pid.isdigit() and not psutil.pid_exists(int(pid))


def judge_workers(
    pool: str,
    workers: Sequence[Worker],
    *,
    paused: bool,
    paused_queues: Sequence[str],
    api: str,
    worker_log: Path,
    now: datetime,
) -> Check:
    """Whether somebody takes the runs of a work pool. A worker is online while its heartbeats come."""
    online = [worker for worker in workers if worker.status is WorkerStatus.ONLINE]
    beats = [
        worker.last_heartbeat_time for worker in online if worker.last_heartbeat_time is not None
    ]
    found = []
    if not online:
        seen = max(
            (w.last_heartbeat_time for w in workers if w.last_heartbeat_time is not None),
            default=None,
        )
        since = f"; the last was seen {spoken(now - seen)} ago" if seen is not None else ""
        cure = f"Start one: `showrunner up`, or `python -m flows.runtime.worker --bootstrap`; its log: {worker_log}"
        found.append(
            Finding(
                state=State.FAIL, wrong=f"none is alive in the work pool {pool}{since}", cure=cure
            )
        )
    if paused:
        cure = f"`PREFECT_API_URL={api} prefect work-pool resume {pool}`"
        found.append(Finding(state=State.FAIL, wrong=f"the work pool {pool} is paused", cure=cure))
    for queue in paused_queues:
        cure = f"`PREFECT_API_URL={api} prefect work-queue resume {queue} --pool {pool}`"
        found.append(
            Finding(state=State.FAIL, wrong=f"the work queue {queue} is paused", cure=cure)
        )
    heard = f", last heartbeat {spoken(now - max(beats))} ago" if beats else ""
    facts = f"{len(online)} online in the work pool {pool}{heard}"
    return checked(
        "worker", facts, found, online=len(online), names=[worker.name for worker in online]
    )


async def _limits(client: PrefectClient, declared: Sequence[Declared], api: str) -> list[Check]:
    slots = await _slots(client, declared)
    if any(each is not None and each.stuck for each in slots):
        await asyncio.sleep(_LOOK_AGAIN)
        again = await _slots(client, declared)
        slots = [min(one, two, key=_stuck) for one, two in zip(slots, again, strict=True)]
    there = await asyncio.gather(
        *(client.read_automations_by_name(each.name) for each in automations())
    )
    switched_on = sum(any(one.enabled for one in found) for found in there)
    return [judge_limits(slots, missing_automations=len(there) - switched_on, api=api)]


def _stuck(slots: Slots | None) -> int:
    return slots.stuck if slots is not None else 0


async def _slots(client: PrefectClient, declared: Sequence[Declared]) -> list[Slots | None]:
    return list(await asyncio.gather(*(_slots_of(client, each) for each in declared)))


async def _slots_of(client: PrefectClient, declared: Declared) -> Slots | None:
    """None when the deployment is missing, which has a line of its own."""
    there = await _find(client, declared)
    if there is None:
        return None
    limit = there.global_concurrency_limit
    if limit is None:
        return Slots(name=declared.name, limit=0, taken=0, runs=0)
    runs = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[there.id])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_HOLDING))
        ),
        limit=_RUNS_MOST,
    )
    return Slots(name=limit.name, limit=limit.limit, taken=limit.active_slots, runs=len(runs))


def judge_limits(slots: Sequence[Slots | None], *, missing_automations: int, api: str) -> Check:
    """Whether each deployment has its limit, and no slot is held by a run that is gone.

    Args:
        slots: a deployment each; a limit of 0 stands for none, None for a missing deployment.
        missing_automations: how many of ours that crash dead runs are missing or switched off.
    """
    there = [each for each in slots if each is not None]
    found = []
    for each in there:
        if each.limit == 0:
            found.append(
                Finding(
                    state=State.WARN, wrong=f"{each.name} has no concurrency limit", cure=_BOOTSTRAP
                )
            )
        elif each.stuck:
            full = each.taken >= each.limit
            wrong = f"{each.stuck} of {each.limit} slots of {each.name} held by no run"
            command = (
                f"prefect global-concurrency-limit update '{each.name}' --active-slots {each.runs}"
            )
            cure = f"Prefect frees it within 6 minutes. At once: `PREFECT_API_URL={api} {command}`"
            found.append(Finding(state=State.FAIL if full else State.WARN, wrong=wrong, cure=cure))
    if missing_automations:
        wrong = f"{missing_automations} automation(s) that crash dead runs missing or switched off"
        found.append(Finding(state=State.WARN, wrong=wrong, cure=_BOOTSTRAP))
    taken = sum(each.taken for each in there)
    facts = f"{len(there)} limits, {taken} of {sum(each.limit for each in there)} slots taken, none stuck"
    return checked("limits", facts, found, taken={each.name: each.taken for each in there})
