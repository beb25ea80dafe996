"""Dispatch at once when a task becomes ready: PostgreSQL announces it, a run is asked for."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import structlog
from sqlalchemy import URL, text
from sqlalchemy.exc import SQLAlchemyError

from flows.runs.requests import request_run
from models.errors import TryAgain
from models.postgres.engine import Sessions
from models.postgres.notify import READY, announce_run, hear_announcements

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
