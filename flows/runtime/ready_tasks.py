"""Dispatch at once: when PostgreSQL announces a ready task, and when a step's process died."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import URL, text
from sqlalchemy.exc import SQLAlchemyError

from flows.runs.requests import request_run
from models.errors import TryAgain
from models.postgres.engine import Sessions
from models.postgres.notify import READY, announce_run, hear_announcements
from models.production.leases import SHORTEST
from tasks.production.dispatch import expire_leases

log = structlog.get_logger("showrunner.flows")

DISPATCH: Final = "dispatch/dispatch"
INTERVAL: Final = 1.0
"""Least seconds between two requests: tasks that become ready together share one run."""
_CONCERNED: Final = text("SELECT EXISTS (SELECT FROM channels WHERE producer = 'showrunner')")


async def dispatch_when_ready(database: URL, sessions: Sessions) -> None:
    """For ever: ask for a run of `dispatch` when a task became ready.

    Without a channel that Showrunner produces nothing is asked for. A request that fails is not
    repeated: `dispatch` runs every minute anyway.
    """
    ready = asyncio.Event()

    async def heard() -> None:
        ready.set()

    listener = asyncio.create_task(hear_announcements(database, heard, channel=READY))
    try:
        while True:
            await ready.wait()
            ready.clear()
            await _request(sessions)
            await asyncio.sleep(INTERVAL)
    finally:
        listener.cancel()
        with suppress(asyncio.CancelledError):
            await listener


async def take_over_steps(sessions: Sessions, runs: Sequence[Mapping[str, Any]]) -> None:
    """Have the steps of runs whose process died begun again by another process, in seconds.

    What fails is not repeated: their leases expire by themselves, after minutes.

    Args:
        runs: their parameters.
    """
    try:
        if await expire_leases(sessions, runs):
            await request_run(DISPATCH, at=datetime.now(UTC) + SHORTEST + timedelta(seconds=1))
    except (SQLAlchemyError, OSError, TryAgain) as error:
        log.warning("steps_not_taken_over", error=type(error).__name__)


async def _request(sessions: Sessions) -> None:
    try:
        async with sessions() as session:
            concerned = (await session.execute(_CONCERNED)).scalar_one()
        if concerned:
            await request_run(DISPATCH)
            async with sessions.kw["bind"].begin() as connection:
                await announce_run(connection)
    except (SQLAlchemyError, OSError, TryAgain) as error:
        log.warning("dispatch_not_requested", error=type(error).__name__)
