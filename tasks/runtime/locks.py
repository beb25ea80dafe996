"""One at a time, guarded by PostgreSQL: an advisory lock is free again the moment its holder's process dies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession


class Lock(IntEnum):
    """Keys of the locks, in a range of Showrunner's own."""

    PUSH = 7_236_011
    IMPORT = 7_236_012
    INBOX = 7_236_013
    GATHERING = 7_236_014
    WATCH = 7_236_015
    CARD = 7_236_016
    """Beside it stands which card (`tasks.runtime.card_locks`)."""


class WithEngine(Protocol):
    """Whatever has connections to the database of the locks."""

    @property
    def engine(self) -> AsyncEngine:
        """Where they come from."""


@asynccontextmanager
async def one_at_a_time(ctx: WithEngine, lock: Lock) -> AsyncIterator[bool]:
    """Whether the lock is ours while the context lasts.

    Never waits; holds a connection but no transaction.
    """
    async with ctx.engine.connect() as raw:
        connection = await raw.execution_options(isolation_level="AUTOCOMMIT")
        mine = (
            await connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": lock.value})
        ).scalar_one()
        try:
            yield bool(mine)
        finally:
            if mine:
                await release(connection, "SELECT pg_advisory_unlock(:key)", lock)


async def release(
    connection: AsyncConnection, statement: str, lock: Lock | None = None, **given: str
) -> None:
    """End a lock, or all of the connection's: unless it died, and they with it.

    What was done is none the worse.
    """
    try:
        await connection.execute(
            text(statement), {"key": lock.value, **given} if lock is not None else given
        )
    except DBAPIError:
        await connection.invalidate()


async def is_held(session: AsyncSession, lock: Lock) -> bool:
    """Whether somebody holds the lock now."""
    held = text(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = :key "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
    )
    return bool((await session.execute(held, {"key": lock.value})).scalar_one())
