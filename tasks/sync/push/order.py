"""The order of pushes: the most urgent card next, and never two pushes of one card at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Iterable

from models.rules.board_schema import Board
from models.tables.push_queue import pending
from tasks.runtime.card_locks import CardLocks
from tasks.runtime.context import Context

AHEAD = 12
"""Cards queried at once: four seconds' worth at 3 a second, after which newly urgent cards go
first."""


class PushOrder:
    """Hands out page ids of cards that differ, to several workers.

    Args:
        ctx: the connections of this process.
        board: defines which properties may be written.
        locks: keeps other processes from writing the same cards.
        among: the pages to hand out; None for all that differ.
        first: the most urgent cards, if they were queried already.

    Attributes:
        elsewhere: cards that another process had locked.
    """

    def __init__(
        self,
        ctx: Context,
        board: Board,
        locks: CardLocks,
        among: Collection[str] | None = None,
        first: Iterable[str] = (),
    ) -> None:
        self._ctx = ctx
        self._board = board
        self._locks = locks
        self._among = among
        self._ahead = deque(first)
        self._in_progress: set[str] = set()
        self._choosing = asyncio.Lock()
        self.elsewhere: set[str] = set()

    async def next(self) -> str | None:
        """The most urgent card that is not being written; None if there is none."""
        async with self._choosing:
            while True:
                if not self._ahead:
                    self._ahead.extend(await self._query())
                if not self._ahead:
                    return None
                page_id = self._ahead.popleft()
                if await self._locks.take(page_id):
                    self._in_progress.add(page_id)
                    return page_id
                self.elsewhere.add(page_id)

    async def done(self, page_id: str) -> None:
        """Unlock a card that was written."""
        self._in_progress.discard(page_id)
        await self._locks.free(page_id)

    async def _query(self) -> list[str]:
        # The query may still show the former state of a card that is being written.
        busy = frozenset(self._in_progress | self.elsewhere)
        limit = AHEAD + len(busy)
        async with self._ctx.sessions() as session:
            found = await pending(
                session, self._board, now=self._ctx.clock(), limit=limit, among=self._among
            )
        return [page_id for page_id in found if page_id not in busy]
