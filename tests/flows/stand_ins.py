"""Flows for tests, which workers in this or another process load as `stand_ins:<name>`."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta

import structlog
from prefect import flow
from structlog.contextvars import bound_contextvars

from flows.runs.api import is_superseded, publish_table, rename_run
from tasks.runtime.prefect_task import step

log = structlog.get_logger("showrunner.stand_ins")

CALLS: list[tuple[str, int]] = []
"""What was called in this process: the parameter, the process's id."""

RELEASED: dict[str, asyncio.Event] = {}
"""Set to let a `held` flow go on."""


@flow(name="noted", persist_result=False)
async def noted(word: str) -> None:
    """Note the call."""
    CALLS.append((word, os.getpid()))


@flow(name="failing", persist_result=False)
async def failing() -> None:
    """Fail as flows do."""
    raise ValueError("as flows do")


@flow(name="leaving", persist_result=False)
async def leaving() -> None:
    """Try to take the process down."""
    raise SystemExit(3)


@flow(name="held", persist_result=False)
async def held(word: str) -> None:
    """Go on only when released; note how it ended."""
    CALLS.append((f"{word} began", os.getpid()))
    try:
        await RELEASED.setdefault(word, asyncio.Event()).wait()
    except asyncio.CancelledError:
        CALLS.append((f"{word} was cancelled", os.getpid()))
        raise


@flow(name="lasting", persist_result=False)
async def lasting(seconds: float) -> None:
    """Last, with log lines that belong together."""
    with bound_contextvars(correlation_id="c-lasting"):
        log.info("lasting_began", seconds=seconds)
        await asyncio.sleep(seconds)


@flow(name="blocking", persist_result=False)
def blocking() -> None:
    """Be a flow that the warm worker must not run."""


@step("doubled", holds="double {number}")
async def doubled(number: int) -> int:
    """Double it."""
    return 2 * number


@flow(name="telling", persist_result=False)
async def telling() -> None:
    """Tell the run what it did."""
    await rename_run("did 2 things")
    await publish_table("stand-in", [{"thing": "one", "count": 2}], "What it did.")
    await publish_table("stand-in", [])
    CALLS.append((f"superseded {is_superseded(timedelta(0))}", os.getpid()))
    CALLS.append((f"doubled {await doubled(4)}", os.getpid()))
