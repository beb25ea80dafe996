"""Priorities of one process's requests to Notion: each rate-limit slot goes to the most urgent one.

A slot is reserved for the process and not for a request. So an edit of a user does not queue behind
the requests of a push: it takes the next slot, and the push the one after it. While both wait, the
push gets every third slot, so that neither starves.
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
    """How urgent a request is. The lowest number goes first, at most `AHEAD` times in a row."""

    PEOPLE = 0
    """What users did or asked for: ingest, sweep, commands. The default."""
    PUSH = 1
    """The pipeline's changes on their way to the board."""
    BACKGROUND = 2
    """Requests without a deadline. They take only slots that no process has reserved."""


AHEAD: Final = 2
"""Slots in a row that the more urgent priority takes while another waits.

Of 3 slots a second it has 2, which leaves 60 a minute.
"""

_priority: ContextVar[RequestPriority] = ContextVar(
    "notion_priority", default=RequestPriority.PEOPLE
)


@contextmanager
def with_priority(priority: RequestPriority) -> Iterator[None]:
    """Set the priority of requests sent in this context, and by asyncio tasks started in it."""
    token = _priority.set(priority)
    try:
        yield
    finally:
        _priority.reset(token)


def current_priority() -> RequestPriority:
    """The priority of a request sent in this context."""
    return _priority.get()


@dataclass(order=True)
class _Waiter:
    priority: RequestPriority
    number: int
    wake_up: asyncio.Event = field(default_factory=asyncio.Event, compare=False)
    may_go: bool = field(default=False, compare=False)


class PriorityGate:
    """Lets requests through one by one, by priority.

    One waiter acquires the next rate-limit slot and hands it to the waiter with the highest
    priority, so no background task is needed. When it is cancelled or fails, another continues.

    Args:
        acquire: waits for the process's next slot; raises when there is none.
    """

    def __init__(self, acquire: Callable[[], Awaitable[None]]) -> None:
        self._acquire = acquire
        self._queue: list[_Waiter] = []
        self._in_a_row = 0
        self._numbers = count()
        self._acquiring = False

    async def pass_through(self, priority: RequestPriority) -> None:
        """Wait for a slot. Raises what `acquire` does."""
        waiter = _Waiter(priority, next(self._numbers))
        self._queue.append(waiter)
        try:
            while not waiter.may_go:
                if self._acquiring:
                    await waiter.wake_up.wait()
                    waiter.wake_up.clear()
                else:
                    await self._acquire_one()
        finally:
            if not waiter.may_go:
                self._queue.remove(waiter)
            self._wake_next()

    async def _acquire_one(self) -> None:
        self._acquiring = True
        try:
            await self._acquire()
            first = self._take_first()
            first.may_go = True
            first.wake_up.set()
        finally:
            self._acquiring = False

    def _take_first(self) -> _Waiter:
        first = min(self._queue)
        others = [waiter for waiter in self._queue if waiter.priority != first.priority]
        if others and self._in_a_row >= AHEAD:
            first, others = min(others), []
        self._in_a_row += 1
        if not others:
            self._in_a_row = 0
        self._queue.remove(first)
        return first

    def _wake_next(self) -> None:
        if self._queue and not self._acquiring:
            min(self._queue).wake_up.set()
