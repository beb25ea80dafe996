"""A process of a history: it can be killed, or held up, wherever it waits for something.

What happens between two statements or requests cannot be seen from outside, so these are the
moments at which a kill makes a difference.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import httpx
from kit.makers import Died
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

ACTING: ContextVar[Process | None] = ContextVar("ACTING", default=None)
"""The process that is at work; None while the history itself looks or acts."""
_RELEASED_BY_POSTGRES = "pg_advisory_unlock"
"""PostgreSQL does this itself for a connection that is gone."""


@dataclass
class Process:
    """One run of a process.

    Attributes:
        killed_at: the moment, counted from its start, at which it is killed; 0 for never.
        held_at: the request, counted from its start, before which it is held up; 0 for never.
        moments, requests: how many there were so far.
        is_held: set once it is held up.
        goes_on: set to let it go on.
        after_commit: called when a transaction was committed and the process still lives.
    """

    killed_at: int = 0
    held_at: int = 0
    moments: int = 0
    requests: int = 0
    is_dead: bool = False
    is_held: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    _committed: bool = False

    def moment(self, *, commits: bool = False) -> None:
        """Count a moment.

        Raises:
            Died: the process is killed now, or was killed before.
        """
        if self.is_dead:
            raise Died
        if self._committed:
            for call in self.after_commit:
                call()
            self.after_commit.clear()
        self._committed = commits
        self.moments += 1
        if self.moments == self.killed_at:
            self.is_dead = True
            raise Died

    async def request(self) -> None:
        """Count a request that is about to be sent.

        Raises:
            Died: as `moment`.
        """
        self.moment()
        self.requests += 1
        if self.requests == self.held_at:
            self.is_held.set()
            await self.goes_on.wait()

    def ended(self) -> None:
        """Note that it came to its end alive."""
        if not self.is_dead:
            self.moment()


@contextmanager
def acting(process: Process | None) -> Iterator[None]:
    """Within it, count statements and requests as this process's; with None, count none."""
    token = ACTING.set(process)
    try:
        yield
    finally:
        ACTING.reset(token)


@contextmanager
def statements_are_moments(engine: AsyncEngine) -> Iterator[None]:
    """Each statement and each commit is a moment."""

    def before_statement(
        _connection: Any,
        _cursor: Any,
        statement: str,
        *_: Any,
    ) -> None:
        process = ACTING.get()
        if process is not None and _RELEASED_BY_POSTGRES not in statement:
            process.moment()

    def before_commit(_connection: Any) -> None:
        process = ACTING.get()
        if process is not None:
            process.moment(commits=True)

    target = engine.sync_engine
    event.listen(target, "before_cursor_execute", before_statement)
    event.listen(target, "commit", before_commit)
    try:
        yield
    finally:
        event.remove(target, "before_cursor_execute", before_statement)
        event.remove(target, "commit", before_commit)


class Watched(httpx.AsyncByteStream):
    """The body of an answer; `whole` is called when it came to its end."""

    def __init__(self, inner: Any, whole: Callable[[], None]) -> None:
        self._inner, self._whole = inner, whole

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._inner:
            yield part
        self._whole()

    async def aclose(self) -> None:
        await self._inner.aclose()
