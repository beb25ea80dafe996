"""The request budget: one row in PostgreSQL that gives every process its turn and lets none leave too early.

Measured against Prefect's own rate limit, the row gives the full rate, to everybody in turn, at a few milliseconds a
request (see docs/benchmarks.md); it needs no Prefect server to be up.

Who is late for its moment comes too near to those after it. So a moment is only a place in the queue, and the row is
asked once more when it has come: it knows when the last requests really went.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from models.postgres.engine import Sessions
from models.tables.rate_limit import Rate, hold, reserve, take

Sleep = Callable[[float], Awaitable[None]]

LEEWAY: Final = 0.02
"""Part by which the limit's span is lengthened: what one request needs longer than another from the
row's word to Notion must not bring them nearer than allowed. 20 ms of each second, and as much of
the rate."""


class Budget(Protocol):
    """What `NotionClient` asks before each request, beside its own in-process limiter."""

    async def acquire(self, *, background: bool = False) -> None:
        """Wait for a request's turn.

        Args:
            background: take only a moment that nobody else reserved.
        """

    async def hold(self, seconds: float) -> None:
        """Let no process send for that long: Notion said so."""


class SharedBudget:
    """Requests a second, shared by all processes on one database.

    Args:
        sessions: where the row lives.
        per_second: requests in any second; of a fraction, the seconds in which one is allowed.
        sleep: how to wait; tests and simulations bring their own clock.
    """

    def __init__(self, sessions: Sessions, per_second: float, sleep: Sleep = asyncio.sleep) -> None:
        self._sessions = sessions
        self._rate = Rate.of(per_second, LEEWAY)
        self._sleep = sleep

    async def acquire(self, *, background: bool = False) -> None:
        """Wait for a request's turn; it is to be sent at once then."""
        if not background:
            async with self._sessions.begin() as session:
                wait = await reserve(session, self._rate)
            if wait > 0:
                await self._sleep(wait)
        while True:
            async with self._sessions.begin() as session:
                wait = await take(session, self._rate, background=background)
            if not wait:
                return
            await self._sleep(wait)

    async def hold(self, seconds: float) -> None:
        """Let no process send for that long."""
        async with self._sessions.begin() as session:
            await hold(session, seconds)


class Unshared:
    """No budget beyond the in-process limiter: for a program that is alone, with no database yet."""

    async def acquire(self, *, background: bool = False) -> None:
        """Go at once."""

    async def hold(self, seconds: float) -> None:
        """Nobody else to tell."""
