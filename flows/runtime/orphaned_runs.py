"""Mark runs Crashed whose process died (kill -9, out of memory, power), to free their slots.

Prefect's server notices such a run only when its concurrency lease has run out: 318 s were measured
after a kill -9. A worker on the same host can check at once whether the process still exists.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import structlog
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Crashed

log = structlog.get_logger("showrunner.worker")

_UNFINISHED: Final = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
_RUNS_MAX: Final = 200
_SETTLED: Final = timedelta(seconds=3)
"""A run that is retried carries the infrastructure id of its last attempt until the new one is
written, a moment later."""
_TAKEN: Final = "Taken by "
_ID_PARTS: Final = 3
"""Host, pid, run."""


def infrastructure_id(run: UUID) -> str:
    """Where a run is executed, as Prefect stores it on the run: `host:pid:run`.

    The host's name must be unique (Docker's default, the container's id, is): a worker checks
    the processes of runs that carry its own host's name.
    """
    return f"{socket.gethostname()}:{os.getpid()}:{run}"


def taken_by(run: UUID) -> str:
    """The message of the state Pending that a worker gives to a run that it takes."""
    return f"{_TAKEN}{infrastructure_id(run)}"


def where_it_runs(run: FlowRun) -> str | None:
    """A run's `infrastructure_id`; None when no worker of ours took it.

    While it is Pending its state says which process took it, and the run itself may still carry
    the id of an earlier attempt.
    """
    if run.state is not None and run.state.is_pending():
        message = run.state.message or ""
        if message.startswith(_TAKEN):
            return message.removeprefix(_TAKEN)
    return run.infrastructure_pid


def is_orphaned(infrastructure_pid: str | None, run: UUID, running: Collection[UUID]) -> bool:
    """Whether an unfinished run can never finish: its process was on this host and has ended.

    Args:
        infrastructure_pid: the run's `infrastructure_id`; None or another form belongs to another
            kind of worker.
        run: id of the run.
        running: the runs that this process executes. A run of this process that is not among them
            is orphaned too. Either it ended without its end being reported, or an earlier process
            had the same pid (in a container every process has).
    """
    parts = (infrastructure_pid or "").rsplit(":", _ID_PARTS - 1)
    if len(parts) != _ID_PARTS or parts[0] != socket.gethostname() or not parts[1].isdigit():
        return False
    pid = int(parts[1])
    return run not in running and (pid == os.getpid() or not _exists(pid))


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A killed process keeps its pid until its parent has reaped it: a zombie ("Z") does nothing.
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


async def crash_orphaned_runs(
    client: PrefectClient, pool: str, running: Collection[UUID]
) -> list[FlowRun]:
    """Mark this host's orphaned runs Crashed (Cancelling ones Cancelled); return them.

    Safe at any time and from several workers at once: a run that ended meanwhile keeps its end.

    Args:
        client: of the Prefect server.
        pool: name of the work pool.
        running: as in `is_orphaned`; a live set, read for each run.

    Raises:
        httpx.HTTPError: the server does not answer.
    """
    unfinished = await client.read_flow_runs(
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNFINISHED))
        ),
        limit=_RUNS_MAX,
    )
    before = datetime.now(UTC) - _SETTLED
    crashed: list[FlowRun] = []
    for run in unfinished:
        if run.state is None or run.state.timestamp >= before:
            continue
        where = where_it_runs(run)
        if is_orphaned(where, run.id, running) and await _crash(client, run):
            log.warning(
                "orphaned_run_crashed",
                flow_run_id=str(run.id),
                flow_run_name=run.name,
                infrastructure_pid=where,
            )
            crashed.append(run)
    return crashed


async def _crash(client: PrefectClient, run: FlowRun) -> bool:
    message = "The process that ran it died; a worker on its host noticed."
    state: State[Any] = Crashed(message=message)
    if run.state is not None and run.state.is_cancelling():
        state = Cancelled(message=message)
    with suppress(ObjectNotFound):
        result = await client.set_flow_run_state(run.id, state)
        return result.status == SetStateStatus.ACCEPT
    return False
