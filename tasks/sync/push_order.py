"""The cards that wait to be pushed, as a line: the most urgent next, each with one push under way at most."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection

from models.rules.board_schema import Board
from models.tables.push_queue import pending
from tasks.runtime.card_locks import CardLocks
from tasks.runtime.context import Context

AHEAD = 12
"""Cards looked up at once: four seconds' worth at 3 a second, after which what became urgent
meanwhile goes first."""


class PushOrder:
    """Hands out page ids of cards that differ, to several takers.

    Args:
        on: where they are.
        board: says which properties may be written.
        taken: makes sure that no other process writes them meanwhile.
        among: the pages to hand out; None for all that differ.

    Attributes:
        elsewhere: cards that differed while another process was at them.
    """

    def __init__(
        self, ctx: Context, board: Board, taken: CardLocks, among: Collection[str] | None = None
    ) -> None:
        self._on = ctx
        self._board = board
        self._taken = taken
        self._among = among
        self._ahead: deque[str] = deque()
        self._under_way: set[str] = set()
        self._looking = asyncio.Lock()
        self.elsewhere: set[str] = set()

    async def next(self) -> str | None:
        """The most urgent card that nobody is at; None when there is none."""
        async with self._looking:
            while True:
                if not self._ahead:
                    self._ahead.extend(await self._look())
                if not self._ahead:
                    return None
                page_id = self._ahead.popleft()
                if await self._taken.take(page_id):
                    self._under_way.add(page_id)
                    return page_id
                self.elsewhere.add(page_id)

    async def done(self, page_id: str) -> None:
        """Nobody is at that card any more."""
        self._under_way.discard(page_id)
        await self._taken.free(page_id)

    async def _look(self) -> list[str]:
        # Of a card that somebody was at when we began to look, the query may still show what it was
        # like before.
        busy = frozenset(self._under_way | self.elsewhere)
        limit = AHEAD + len(busy)
        async with self._on.sessions() as session:
            found = await pending(
                session, self._board, now=self._on.clock(), limit=limit, among=self._among
            )
        return [page_id for page_id in found if page_id not in busy]
