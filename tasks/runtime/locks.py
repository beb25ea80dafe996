"""Advisory locks of PostgreSQL, which are released when the process that holds them dies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession


class Lock(IntEnum):
    """Keys of the locks, in a range that only Showrunner uses."""

    PUSH = 7_236_011
    IMPORT = 7_236_012
    INBOX = 7_236_013
    GATHERING = 7_236_014
    WATCH = 7_236_015
    CARD = 7_236_016
    """The first key of two; the second is the card's (`tasks.runtime.card_locks`)."""
    CLAIMS = 7_236_017
    """Taken by `showrunner.claim_task` and `claim_step`."""
    PLACES = 7_236_018
    """Taken while the free places of a paid maker are counted (`tasks.production.order_once`)."""
    COLLECT = 7_236_019
    PIECES = 7_236_020


class WithEngine(Protocol):
    """An object with connections to the database of the locks."""

    @property
    def engine(self) -> AsyncEngine:
        """The engine that opens the connections."""


@asynccontextmanager
async def one_at_a_time(ctx: WithEngine, lock: Lock) -> AsyncIterator[bool]:
    """Try to take a lock for the duration of the context; yields whether it was free.

    Never waits. Holds a connection but no transaction.
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
    """Release a lock, or all of the connection's.

    A connection that died is discarded: PostgreSQL has released its locks already.
    """
    try:
        parameters: dict[str, int | str] = dict(given)
        if lock is not None:
            parameters["key"] = lock.value
        await connection.execute(text(statement), parameters)
    except DBAPIError:
        await connection.invalidate()


async def is_held(session: AsyncSession, lock: Lock) -> bool:
    """Whether any process holds the lock now."""
    held = text(
        "SELECT EXISTS (SELECT FROM pg_locks "
        "WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = :key "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
    )
    return bool((await session.execute(held, {"key": lock.value})).scalar_one())
