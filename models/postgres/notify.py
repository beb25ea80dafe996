"""A word through PostgreSQL that a run was just asked for, so that a worker need not wait for its next poll.

Only a hint: whoever misses it (a worker that was away, a pooler that passes no notifications on) polls anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import psycopg
from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.postgres.engine import SESSION, connection_options, libpq

CHANNEL: Final = "showrunner_run_asked_for"
_AGAIN_SECONDS: Final = 5.0


async def announce_run(connection: AsyncConnection) -> None:
    """Tell every listener that a run was asked for, at the end of this transaction."""
    await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


async def hear_announcements(url: URL, heard: Callable[[], Awaitable[object]]) -> None:
    """Await `heard` after every announcement, for ever; what comes while it is awaited is heard afterwards.

    A server that does not answer is asked again every 5 s, and what was announced meanwhile is not heard.
    """
    while True:
        try:
            await _hear(url, heard)
        except psycopg.Error:
            await asyncio.sleep(_AGAIN_SECONDS)


async def _hear(url: URL, heard: Callable[[], Awaitable[object]]) -> None:
    # A listener only waits, and would never notice by itself that the other machine is gone.
    options = connection_options(url)
    async with await psycopg.AsyncConnection.connect(
        libpq(url), autocommit=True, **options
    ) as connection:
        await connection.execute(*SESSION)
        await connection.execute(
            psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(CHANNEL))
        )
        async for _ in connection.notifies():
            await heard()
