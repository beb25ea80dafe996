"""Each card is written by one process at a time: a push and an ingest run that puts a card back work side by side."""

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
    """The cards that we write, one advisory lock each; opened by `card_locks`.

    PostgreSQL frees a dead process's.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._asking = asyncio.Lock()

    async def take(self, page_id: str) -> bool:
        """Whether the card is ours to write until `free`; False when another process is at it.

        Never waits for it.
        """
        async with self._asking:
            asked = text(f"SELECT pg_try_advisory_lock{_CARD}")
            given = {"key": Lock.CARD.value, "page": page_id}
            return bool((await self._connection.execute(asked, given)).scalar_one())

    async def free(self, page_id: str) -> None:
        """Let others write the card."""
        async with self._asking:
            await release(
                self._connection, f"SELECT pg_advisory_unlock{_CARD}", Lock.CARD, page=page_id
            )


@asynccontextmanager
async def card_locks(ctx: WithEngine) -> AsyncIterator[CardLocks]:
    """Take cards in here.

    Holds a connection but no transaction; what is still taken at the end is freed.
    """
    async with ctx.engine.connect() as raw:
        connection = await raw.execution_options(isolation_level="AUTOCOMMIT")
        try:
            yield CardLocks(connection)
        finally:
            await release(connection, "SELECT pg_advisory_unlock_all()")
