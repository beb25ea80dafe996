"""Runs whose process died (kill -9, out of memory, power): found and marked, so that they free what they held.

Prefect's server notices a dead run only when its concurrency lease has run out: 318 s were measured after a kill -9.
A worker knows better, because it can look whether the process still lives, when it is on its own machine.
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
_AT_ONCE: Final = 200
_SETTLED: Final = timedelta(seconds=3)
"""A run that is tried again carries the place of its last attempt until its new one is written, a
moment later."""


def place(run: UUID) -> str:
    """Where a run is executed, as stored on it: `host:pid:run`.

    The host's name must be one machine's (Docker's default, the container's id, is): a worker looks
    for the processes of runs that carry its own host's name.
    """
    return f"{socket.gethostname()}:{os.getpid()}:{run}"


def is_dead(infrastructure_pid: str | None, run: UUID, mine: Collection[UUID]) -> bool:
    """Whether a run that is not finished can never finish: its process was on this host and is gone.

    Args:
        infrastructure_pid: what `place` returned when the run began; None or another form is somebody else's.
        run: id of the run.
        mine: the runs that this process has under way. One of ours that is not among them is dead too: it ended
            without its end being reported, or it was that of a process whose pid is now ours (a container's always is).
    """
    parts = (infrastructure_pid or "").rsplit(":", 2)
    if len(parts) != 3 or parts[0] != socket.gethostname() or not parts[1].isdigit():  # noqa: PLR2004 - host, pid, run
        return False
    pid = int(parts[1])
    return run not in mine and (pid == os.getpid() or not _lives(pid))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A killed process whose parent has not yet taken note of it still has its pid, and does
    # nothing.
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


async def bury_dead_runs(client: PrefectClient, pool: str, mine: Collection[UUID]) -> list[UUID]:
    """Mark this host's dead runs Crashed (or Cancelled, when that was asked of them), and return their ids.

    Safe to run at any time and by several workers at once: a run that ended meanwhile keeps its end.

    Args:
        client: of the Prefect server.
        pool: name of the work pool.
        mine: as in `is_dead`; read anew for each run.

    Raises:
        httpx.HTTPError: the server does not answer.
    """
    buried: list[UUID] = []
    runs = await client.read_flow_runs(
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNFINISHED))
        ),
        limit=_AT_ONCE,
    )
    before = datetime.now(UTC) - _SETTLED
    for run in runs:
        settled = run.state is not None and run.state.timestamp < before
        if settled and is_dead(run.infrastructure_pid, run.id, mine) and await _bury(client, run):
            log.warning(
                "dead_run_buried",
                flow_run_id=str(run.id),
                flow_run_name=run.name,
                place=run.infrastructure_pid,
            )
            buried.append(run.id)
    return buried


async def _bury(client: PrefectClient, run: FlowRun) -> bool:
    cancelling = run.state is not None and run.state.is_cancelling()
    message = "The process that ran it died; a worker on its host noticed."
    state: State[Any] = Cancelled(message=message) if cancelling else Crashed(message=message)
    with suppress(ObjectNotFound):
        result = await client.set_flow_run_state(run.id, state)
        return result.status == SetStateStatus.ACCEPT
    return False
