"""The request budget: one row in PostgreSQL that hands out the next free moment to every process in turn.

Measured against Prefect's own rate limit, the row gives the full rate, to everybody in turn, at about a millisecond a
request (see the README's figures); it needs no Prefect server to be up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from models.database import Sessions
from models.sync_state import free_slot, hold_slots, next_slot

Sleep = Callable[[float], Awaitable[None]]


class Budget(Protocol):
    """What `NotionClient` asks before each request, beside its own in-process limiter."""

    async def acquire(self) -> None:
        """Wait for this request's turn."""

    async def hold(self, seconds: float) -> None:
        """Let no process send for that long: Notion said so."""


_patient: ContextVar[bool] = ContextVar("notion_budget_patient", default=False)


@contextmanager
def patiently() -> Iterator[None]:
    """Requests sent in here take only moments that nobody else reserved: background work, which people's edits pass."""
    token = _patient.set(True)
    try:
        yield
    finally:
        _patient.reset(token)


class SharedBudget:
    """Requests a second, shared by all processes on one database.

    Args:
        sessions: where the row lives.
        per_second: requests a second.
        sleep: how to wait; tests and simulations bring their own clock.
    """

    KEY = "notion_budget"

    def __init__(self, sessions: Sessions, per_second: float, sleep: Sleep = asyncio.sleep) -> None:
        self._sessions = sessions
        self._interval = 1 / per_second
        self._sleep = sleep

    async def acquire(self) -> None:
        """Wait for this request's turn: reserve the next free moment, and sleep until it comes."""
        while _patient.get():
            async with self._sessions.begin() as session:
                wait = await free_slot(session, self.KEY, self._interval)
            if not wait:
                return
            await self._sleep(wait / 4)
        async with self._sessions.begin() as session:
            wait = await next_slot(session, self.KEY, self._interval)
        if wait > 0:
            await self._sleep(wait)

    async def hold(self, seconds: float) -> None:
        """Let no process send for that long."""
        async with self._sessions.begin() as session:
            await hold_slots(session, self.KEY, seconds)


class Unshared:
    """No budget beyond the in-process limiter: for a program that is alone, with no database yet."""

    async def acquire(self) -> None:
        """Go at once."""

    async def hold(self, seconds: float) -> None:
        """Nobody else to tell."""
