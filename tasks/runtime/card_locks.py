"""One advisory lock per card, so that only one process at a time writes it.

A push and an ingest run that moves a card back may run at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tasks.runtime.locks import Lock, WithEngine, release

_CARD: Final = "(:key, hashtext(:page))"


class CardLocks:
    """Advisory locks on the cards that this process writes; opened by `card_locks`.

    PostgreSQL releases those of a process that died.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._in_use = asyncio.Lock()

    async def take(self, page_id: str) -> bool:
        """Lock a card until `free`; False when another process has it. Never waits."""
        async with self._in_use:
            asked = text(f"SELECT pg_try_advisory_lock{_CARD}")
            given = {"key": Lock.CARD.value, "page": page_id}
            return bool((await self._connection.execute(asked, given)).scalar_one())

    async def free(self, page_id: str) -> None:
        """Unlock a card."""
        async with self._in_use:
            await release(
                self._connection, f"SELECT pg_advisory_unlock{_CARD}", Lock.CARD, page=page_id
            )


@asynccontextmanager
async def card_locks(ctx: WithEngine) -> AsyncIterator[CardLocks]:
    """Lock cards in this context; those still locked at its end are unlocked.

    Holds a connection but no transaction.
    """
    async with ctx.engine.connect() as raw:
        connection = await raw.execution_options(isolation_level="AUTOCOMMIT")
        try:
            yield CardLocks(connection)
        finally:
            await release(connection, "SELECT pg_advisory_unlock_all()")
