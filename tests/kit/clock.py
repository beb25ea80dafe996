"""The one clock of the tests: time moves only when a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

NOW: Final = datetime(2026, 11, 23, 10, 0, 30, tzinfo=UTC)
"""The moment tests begin at, unless they say otherwise."""
TICK: Final = timedelta(milliseconds=1)


class Clock:
    """Time that the test moves.

    Args:
        tick: how far each reading moves it, so that two readings differ.
    """

    def __init__(self, now: datetime = NOW, *, tick: timedelta = TICK) -> None:
        self.now, self._tick = now, tick

    def __call__(self) -> datetime:
        self.now += self._tick
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        self.pass_(seconds)
