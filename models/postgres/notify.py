"""LISTEN/NOTIFY: a worker learns that a run was requested or is needed, without polling for it.

A notification is only a hint: a worker that misses it (because it was away, or behind a pooler that
passes no notifications on) polls as usual.
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
CARDS_DIFFER: Final = "showrunner_cards_differ"
"""Notified by triggers when the board does not show something yet (migration 0025)."""
READY: Final = "showrunner_tasks"
"""A task became pending, was approved, or was stopped (migration 0020)."""
_RECONNECT_SECONDS: Final = 5.0


async def announce_run(connection: AsyncConnection) -> None:
    """Notify every listener, when this transaction commits, that a run was requested."""
    await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


async def hear_announcements(
    url: URL, heard: Callable[[], Awaitable[object]], *, channel: str = CHANNEL
) -> None:
    """Await `heard` after every notification of a channel, for ever, one after the other.

    Reconnects every 5 s when the server does not answer; notifications of that time are lost.
    """
    while True:
        try:
            await _hear(url, heard, channel)
        except psycopg.Error:
            await asyncio.sleep(_RECONNECT_SECONDS)


async def _hear(url: URL, heard: Callable[[], Awaitable[object]], channel: str) -> None:
    # A listener sends nothing, so it would not notice by itself that the server is unreachable.
    options = connection_options(url)
    async with await psycopg.AsyncConnection.connect(
        libpq(url), autocommit=True, **options
    ) as connection:
        await connection.execute(*SESSION)
        await connection.execute(
            psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel))
        )
        async for _ in connection.notifies():
            await heard()
