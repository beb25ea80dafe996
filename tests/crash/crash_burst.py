"""A burst of 300 edits by users and 300 moves by the pipeline, with a kill in the middle."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

import psycopg
from crash_board import CrashBoard
from crash_stack import Crashing

from models.rules.statuses import STATE_OF, BoardStatus, Status

WORKING = [status for status, state in STATE_OF.items() if state is Status.PROCESSING]
FORBIDDEN = 10
"""Drags that belong to the pipeline; a cycle that had to put back more than 20 would stop and ask.
"""
HANDS = 4
"""Edits under way at the same time, and connections of pipeline workers."""
SECONDS_WITHOUT_DATABASE = 60.0

B = BoardStatus
STANDING = [*[B.PROCESSING] * FORBIDDEN, *[B.QUEUED] * 55, *[B.DRAFT] * 55]
"""Where the cards stand at first."""


@dataclass
class Burst:
    """What is done, and what has been.

    Attributes:
        contested: cards that people drag to where only the pipeline may; nobody else moves them.
        pipelines: cards whose tasks the pipeline moves.
        planned: cards that people move among the columns of planning, which they may in any order.
        struck: set once the kill has happened: the last quarter waits for it, so that the burst is
            under way then.
        lost: the value that cannot be granted, by card.
        wrote: what a person wrote last, by card and property.
        turns: whose turn it is at a card, so that the last to ask is the last to be answered.
    """

    board: CrashBoard
    crashing: Crashing
    rng: Random
    edits: int = 300
    moves: int = 300
    edited: int = 0
    moved: int = 0
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    lost: dict[str, str] = field(default_factory=dict)
    wrote: dict[tuple[str, str], str] = field(default_factory=dict)
    turns: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    seconds: float = 0.0

    @property
    def contested(self) -> list[str]:
        return self.board.cards[:FORBIDDEN]

    @property
    def pipelines(self) -> list[str]:
        return self.board.cards[FORBIDDEN : FORBIDDEN + (len(self.board.cards) - FORBIDDEN) // 2]

    @property
    def planned(self) -> list[str]:
        return self.board.cards[FORBIDDEN + (len(self.board.cards) - FORBIDDEN) // 2 :]

    async def rage(self) -> None:
        """All of it."""
        began = time.monotonic()
        await asyncio.gather(self._people(), self._pipeline())
        self.seconds = time.monotonic() - began

    async def _people(self) -> None:
        rest = (self.edits - FORBIDDEN) // 3
        work = [*(self._drags_where_it_may_not(page) for page in self.contested)]
        work += [self._drags() for _ in range(rest)]
        work += [self._sets_a_priority() for _ in range(rest)]
        work += [self._types(number) for number in range(self.edits - len(work))]
        self.rng.shuffle(work)
        await self._side_by_side(work, self._one_more_edit)

    async def _pipeline(self) -> None:
        work = [self._moves() for _ in range(self.moves)]
        await self._side_by_side(work, self._one_more_move)

    async def _side_by_side(self, work: list[Awaitable[None]], done: Callable[[], None]) -> None:
        left = list(enumerate(work))

        async def hand() -> None:
            while left:
                number, each = left.pop(0)
                if number >= len(work) * 3 // 4:
                    await self.struck.wait()
                await each
                done()

        await asyncio.gather(*(hand() for _ in range(HANDS)))

    def _one_more_edit(self) -> None:
        self.edited += 1

    def _one_more_move(self) -> None:
        self.moved += 1

    async def _drags_where_it_may_not(self, page_id: str) -> None:
        self.lost[page_id] = B.UPLOAD_COMPLETE.value
        await self._edit(page_id, status=B.UPLOAD_COMPLETE.value)

    async def _drags(self) -> None:
        to = self.rng.choice([B.DRAFT, B.READY_FOR_PLANNING, B.QUEUED])
        await self._edit(self.rng.choice(self.planned), status=to.value)

    async def _sets_a_priority(self) -> None:
        await self._edit(
            self.rng.choice(self.board.cards), priority=self.rng.choice(["Low", "Normal", "High"])
        )

    async def _types(self, number: int) -> None:
        words = f"as of {time.monotonic_ns()}, edit {number}"
        name = self.rng.choice(["title", "topic", "story"])
        await self._edit(self.rng.choice(self.board.cards), **{name: words})

    async def _edit(self, page_id: str, **values: str) -> None:
        async with self.turns[page_id]:
            await self.board.edit(page_id, **values)
            self.wrote |= {
                (page_id, {"story": "story_direction"}.get(name, name)): to
                for name, to in values.items()
            }

    async def _moves(self) -> None:
        """A worker's plain SQL, repeated when the database goes away, as every worker has to."""
        page_id, to = self.rng.choice(self.pipelines), self.rng.choice(WORKING)
        deadline = time.monotonic() + SECONDS_WITHOUT_DATABASE
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self.crashing.up.database, connect_timeout=5
                ) as worker:
                    await worker.execute(
                        "UPDATE tasks SET board_status = %s WHERE notion_page_id = %s",
                        [to.value, page_id],
                    )
                    return
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, "the database did not come back in time"
                await asyncio.sleep(0.2)
