"""One clock for every host: PostgreSQL's, as this machine's clock plus a measured offset.

Which of two observations of a card is newer is decided by when each began
(`models.sync.observations`). With hosts whose clocks differ by more than a read takes, a late
observation would undo a write, or a new one would be discarded.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import psycopg
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine

Clock = Callable[[], datetime]

COMPARED_EVERY: Final = 30.0
"""Seconds after which the clocks are compared again. They drift by a few milliseconds meanwhile."""
_JUMP: Final = 0.05
"""Seconds by which this machine's clock may jump before the clocks are compared again."""


def utc_now() -> datetime:
    """The machine's clock, aware, UTC."""
    return datetime.now(UTC)


class DatabaseClock:
    """PostgreSQL's time, to within half a round trip; before the first connection, this machine's.

    It costs a query when a connection is checked out and the last comparison is `COMPARED_EVERY`
    ago, or this machine's clock was set since.

    Args:
        engine: its connections are used for the comparison.
        here: this machine's clock.
        elapsed: seconds of a monotonic clock.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        here: Clock = utc_now,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._here = here
        self._elapsed = elapsed
        self._ahead = timedelta(0)
        self._compared: tuple[datetime, float] | None = None
        event.listen(engine.sync_engine, "checkout", self._compare)

    def __call__(self) -> datetime:
        """The current time, aware, UTC."""
        return self._here() + self._ahead

    def _compare(self, connection: DBAPIConnection, _record: object, _proxy: object) -> None:
        if self._is_recent():
            return
        began = self._here()
        try:
            theirs = self._ask(connection)
        except psycopg.OperationalError as error:
            # Makes the pool replace this connection by a new one.
            raise DisconnectionError from error
        ended = self._here()
        self._compared = (ended, self._elapsed())
        uncertain = (ended - began) / 2
        ahead = theirs - (began + uncertain)
        # A difference within the measurement's error would only make time jump.
        if abs(ahead - self._ahead) > uncertain:
            self._ahead = ahead

    @staticmethod
    def _ask(connection: DBAPIConnection) -> datetime:
        cursor = connection.cursor()
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
        cursor.close()
        connection.rollback()
        return cast("tuple[datetime]", row)[0]

    def _is_recent(self) -> bool:
        if self._compared is None:
            return False
        moment, counted = self._compared
        passed = self._elapsed() - counted
        jump = abs((self._here() - moment).total_seconds() - passed)
        return passed < COMPARED_EVERY and jump < _JUMP
