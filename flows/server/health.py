"""Health checks of our deployments, workers, slots and automations on Prefect's server.

They write nothing.
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
from models.operations.health.check import Check, Finding, checked, failed, failure, graded, warning
from models.rules.formatting import spoken
from tasks.operations.health import run_check, slowness

NAMES: Final = ("deployments", "worker", "limits")
SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 4.0
_BOOTSTRAP = (
    "`python -m flows.runtime.worker --bootstrap` makes it so, and starts a worker; "
    "so does a restart of `showrunner up`."
)
_HOLDING: Final = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
"""States of a run that holds its deployment's slot."""
_RECOUNT_SECONDS: Final = 1.0
"""Seconds after which slots are counted again: a run may have ended between two requests."""
_RUNS_MOST: Final = 50


@dataclass(frozen=True, kw_only=True)
class Slots:
    """The slots of one deployment's limit: all, those that are taken, and the runs under way."""

    name: str
    limit: int
    taken: int
    runs: int

    @property
    def stuck(self) -> int:
        """Slots that are taken by no run."""
        return max(0, self.taken - self.runs)


async def prefect_checks(
    api: str,
    *,
    auth: str | None,
    worker_log: Path,
    now: datetime,
    prefect_yaml: Path = PREFECT_YAML,
) -> list[Check]:
    """Run the checks of `NAMES` at the same time.

    Args:
        api: the server's API, e.g. http://127.0.0.1:4200/api.
        auth: `user:password`; None when the server needs no login.
        worker_log: log file of a worker that `showrunner up` runs.
    """
    declared = read_declared(prefect_yaml)
    async with PrefectClient(
        api, auth_string=auth, httpx_settings={"timeout": _ANSWER_SECONDS * slowness()}
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
    try:
        return await client.read_deployment_by_name(declared.full_name)
    except ObjectNotFound:
        return None


async def _deployments(client: PrefectClient, declared: Sequence[Declared], ui: str) -> list[Check]:
    existing = await asyncio.gather(*(_find(client, each) for each in declared))
    found = [
        finding
        for each, one in zip(declared, existing, strict=True)
        for finding in judge_deployment(each, one, ui)
    ]
    names = ", ".join(each.name for each in declared)
    return [checked("deployments", f"{names}: as declared, none paused", found)]


def judge_deployment(
    declared: Declared, existing: DeploymentResponse | None, ui: str
) -> list[Finding]:
    """Whether a deployment exists, is as declared, and is not paused.

    Args:
        existing: the deployment on the server; None when there is none.
        ui: address of Prefect's UI.
    """
    name = declared.name
    if existing is None:
        return [failure(f"{name} is missing", _BOOTSTRAP)]
    found = _judge_schedules(declared, existing, ui)
    pool = existing.work_pool_name
    if pool != declared.work_pool.name:
        wrong = f"{name} points at the work pool {pool}, not at {declared.work_pool.name}"
        found.append(failure(wrong, _BOOTSTRAP))
    elif not declared.matches(existing, None):
        wrong = f"{name} is not as prefect.yaml declares it"
        found.append(warning(wrong, _BOOTSTRAP))
    return found


def _judge_schedules(declared: Declared, existing: DeploymentResponse, ui: str) -> list[Finding]:
    inactive = any(not each.active for each in existing.schedules)
    if not declared.schedules or not (existing.paused or inactive):
        return []
    wrong = f"the schedule of {declared.name} is switched off"
    if existing.paused:
        wrong = f"{declared.name} is paused"
    # Without the schedule by the minute nothing is synced; an hourly one is less urgent.
    vital = any(schedule.interval is not None for schedule in declared.schedules)
    cure = f"Switch it on: {ui}/deployments/deployment/{existing.id}"
    return [graded(wrong, cure, fails=vital)]


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
            [worker for worker in workers if not _has_ended(worker.name)],
            paused=known.is_paused,
            paused_queues=[queue.name for queue in queues if queue.is_paused],
            api=api,
            worker_log=worker_log,
            now=now,
        )
    ]


def _has_ended(name: str) -> bool:
    """Whether a worker of this host has ended. Prefect shows it as online for another 90 s.

    Our workers are named after their host and process.
    """
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
    """Whether a work pool has a worker and is not paused. Heartbeats keep a worker online."""
    online = [worker for worker in workers if worker.status is WorkerStatus.ONLINE]
    found = []
    if not online:
        last = _last_heartbeat(workers)
        since = f"; the last was seen {spoken(now - last)} ago" if last else ""
        wrong = f"none is alive in the work pool {pool}{since}"
        cure = (
            "Start one: `showrunner up`, or `python -m flows.runtime.worker --bootstrap`; "
            f"its log: {worker_log}"
        )
        found.append(failure(wrong, cure))
    if paused:
        cure = f"`PREFECT_API_URL={api} prefect work-pool resume {pool}`"
        found.append(failure(f"the work pool {pool} is paused", cure))
    for queue in paused_queues:
        cure = f"`PREFECT_API_URL={api} prefect work-queue resume {queue} --pool {pool}`"
        found.append(failure(f"the work queue {queue} is paused", cure))
    last = _last_heartbeat(online)
    heartbeat = f", last heartbeat {spoken(now - last)} ago" if last else ""
    facts = f"{len(online)} online in the work pool {pool}{heartbeat}"
    names = [worker.name for worker in online]
    return checked("worker", facts, found, online=len(online), names=names)


def _last_heartbeat(workers: Sequence[Worker]) -> datetime | None:
    beats = [worker.last_heartbeat_time for worker in workers if worker.last_heartbeat_time]
    return max(beats, default=None)


async def _limits(client: PrefectClient, declared: Sequence[Declared], api: str) -> list[Check]:
    slots = await _slots(client, declared)
    if any(each is not None and each.stuck for each in slots):
        await asyncio.sleep(_RECOUNT_SECONDS)
        second = await _slots(client, declared)
        slots = [min(one, two, key=_stuck) for one, two in zip(slots, second, strict=True)]
    existing = await asyncio.gather(
        *(client.read_automations_by_name(each.name) for each in automations())
    )
    enabled = sum(any(one.enabled for one in found) for found in existing)
    return [judge_limits(slots, missing_automations=len(existing) - enabled, api=api)]


def _stuck(slots: Slots | None) -> int:
    return slots.stuck if slots is not None else 0


async def _slots(client: PrefectClient, declared: Sequence[Declared]) -> list[Slots | None]:
    return list(await asyncio.gather(*(_slots_of(client, each) for each in declared)))


async def _slots_of(client: PrefectClient, declared: Declared) -> Slots | None:
    """The deployment's slots; None when it is missing, which the check `deployments` reports."""
    existing = await _find(client, declared)
    if existing is None:
        return None
    limit = existing.global_concurrency_limit
    if limit is None:
        return Slots(name=declared.name, limit=0, taken=0, runs=0)
    runs = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[existing.id])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_HOLDING))
        ),
        limit=_RUNS_MOST,
    )
    return Slots(name=limit.name, limit=limit.limit, taken=limit.active_slots, runs=len(runs))


def judge_limits(slots: Sequence[Slots | None], *, missing_automations: int, api: str) -> Check:
    """Whether each deployment has its limit, and every taken slot belongs to a run under way.

    Args:
        slots: one per deployment; a limit of 0 means none, None a missing deployment.
        missing_automations: how many of ours are missing or switched off.
    """
    existing = [each for each in slots if each is not None]
    found = [finding for each in existing for finding in _judge_slots(each, api)]
    if missing_automations:
        wrong = f"{missing_automations} automation(s) that crash dead runs missing or switched off"
        found.append(warning(wrong, _BOOTSTRAP))
    taken, of = sum(each.taken for each in existing), sum(each.limit for each in existing)
    facts = f"{len(existing)} limits, {taken} of {of} slots taken, none stuck"
    return checked("limits", facts, found, taken={each.name: each.taken for each in existing})


def _judge_slots(slots: Slots, api: str) -> list[Finding]:
    name = slots.name
    if slots.limit == 0:
        wrong = f"{name} has no concurrency limit"
        return [warning(wrong, _BOOTSTRAP)]
    if not slots.stuck:
        return []
    wrong = f"{slots.stuck} of {slots.limit} slots of {name} held by no run"
    command = f"prefect global-concurrency-limit update '{name}' --active-slots {slots.runs}"
    cure = f"Prefect frees it within 6 minutes. At once: `PREFECT_API_URL={api} {command}`"
    return [graded(wrong, cure, fails=slots.taken >= slots.limit)]
