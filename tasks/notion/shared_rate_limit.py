"""Notion's rate limit, shared by all processes through one row in PostgreSQL.

Compared with Prefect's rate limits, the row gives the full rate to all processes in turn, at a few
milliseconds per request (see docs/benchmarks.md), and needs no Prefect server.

A process that uses its reserved slot late would send too close to the next ones. So a reservation
is only a place in the queue. When its time has come, the process asks the row again, which holds
the times of the last requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from models.postgres.engine import Sessions
from models.tables.rate_limit import Rate, hold, reserve, take

Sleep = Callable[[float], Awaitable[None]]

LEEWAY: Final = 0.02
"""Share by which the limit's period is lengthened: 20 ms of each second, and as much of the rate.

Requests take different times from the row's answer to Notion, and must not arrive too close.
"""


class Budget(Protocol):
    """The limit that `NotionClient` asks before each request, beside its in-process limiter."""

    async def acquire(self, *, background: bool = False) -> None:
        """Wait for a slot.

        Args:
            background: take only a slot that no process has reserved.
        """

    async def hold(self, seconds: float) -> None:
        """Let no process send for that many seconds, as Notion asked."""


class SharedBudget:
    """Requests a second, shared by all processes on one database.

    Args:
        sessions: where the row is.
        per_second: requests in any second; 0.5 allows one in any two seconds.
        sleep: how to wait; tests and simulations pass their own clock.
    """

    def __init__(self, sessions: Sessions, per_second: float, sleep: Sleep = asyncio.sleep) -> None:
        self._sessions = sessions
        self._rate = Rate.of(per_second, LEEWAY)
        self._sleep = sleep

    async def acquire(self, *, background: bool = False) -> None:
        """Wait for a slot. The request must be sent at once then."""
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
        """Let no process send for that many seconds."""
        async with self._sessions.begin() as session:
            await hold(session, seconds)


class Unshared:
    """No shared limit: for a single process without a database."""

    async def acquire(self, *, background: bool = False) -> None:
        """Return at once."""

    async def hold(self, seconds: float) -> None:
        """Do nothing: there is no other process."""
