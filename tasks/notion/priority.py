"""Who goes first: one process's requests to Notion, the most urgent of those that wait whenever a moment comes.

A moment is reserved for the process and not for a request, so a person's edit does not queue behind what a push has
lined up: it takes the next moment, and the push the one after it. Of what comes in there may be much, though, so while
both wait every third moment is the push's: neither starves the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from typing import Final


class RequestPriority(IntEnum):
    """How urgent a request is; the least number goes first, `AHEAD` times in a row at most while others wait."""

    PEOPLE = 0
    """What people did or asked for: ingest, the sweep, commands. What nobody says otherwise of."""
    PUSH = 1
    """The pipeline's changes on their way to the board."""
    BACKGROUND = 2
    """What nobody waits for. It takes only moments that no process has reserved."""


AHEAD: Final = 2
"""Turns in a row that the more urgent lane takes while another waits: of 3 a second it has 2, 60 a
minute are left."""

_lane: ContextVar[RequestPriority] = ContextVar("notion_lane", default=RequestPriority.PEOPLE)


@contextmanager
def with_priority(lane: RequestPriority) -> Iterator[None]:
    """Requests sent in here, and by the asyncio tasks started here, go in that lane."""
    token = _lane.set(lane)
    try:
        yield
    finally:
        _lane.reset(token)


def current_priority() -> RequestPriority:
    """The lane of a request sent here."""
    return _lane.get()


@dataclass(order=True)
class _Waiting:
    lane: RequestPriority
    number: int
    news: asyncio.Event = field(default_factory=asyncio.Event, compare=False)
    may_go: bool = field(default=False, compare=False)


class PriorityGate:
    """Lets requests through one by one.

    One of those who wait fetches the next turn, for whoever is the most urgent when it has come. So
    nothing runs beside the requests themselves: when one is cancelled or cannot fetch, another goes
    on.

    Args:
        fetch: waits for the process's next turn; raises when there is none to be had.
    """

    def __init__(self, fetch: Callable[[], Awaitable[None]]) -> None:
        self._fetch = fetch
        self._queue: list[_Waiting] = []
        self._ahead = 0
        self._numbers = count()
        self._fetching = False

    async def pass_through(self, lane: RequestPriority) -> None:
        """Wait until it is this request's turn. Raises what `fetch` does."""
        me = _Waiting(lane, next(self._numbers))
        self._queue.append(me)
        try:
            while not me.may_go:
                if self._fetching:
                    await me.news.wait()
                    me.news.clear()
                else:
                    await self._fetch_one()
        finally:
            if not me.may_go:
                self._queue.remove(me)
            self._call_next()

    async def _fetch_one(self) -> None:
        self._fetching = True
        try:
            await self._fetch()
            first = self._take_first()
            first.may_go = True
            first.news.set()
        finally:
            self._fetching = False

    def _take_first(self) -> _Waiting:
        first = min(self._queue)
        others = [waiting for waiting in self._queue if waiting.lane != first.lane]
        if others and self._ahead >= AHEAD:
            first, others = min(others), []
        self._ahead = self._ahead + 1 if others else 0
        self._queue.remove(first)
        return first

    def _call_next(self) -> None:
        if self._queue and not self._fetching:
            min(self._queue).news.set()
