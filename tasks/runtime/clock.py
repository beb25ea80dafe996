"""One clock for every host: PostgreSQL's, told by this machine's and set right whenever they have drifted apart.

Which of two looks at a card is the newer one is judged by when each began (`models.sync.observations`). Hosts whose own clocks
differ by more than a look takes would judge it wrongly: a late look would undo a write, and a new one be thrown away.
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
"""Seconds after which the clocks are compared again: two that drift apart do so by a few
milliseconds meanwhile."""
_JUMP: Final = 0.05
"""Seconds by which this machine's clock was set, or it slept, for its time to count as another."""


def utc_now() -> datetime:
    """The machine's clock, aware, UTC."""
    return datetime.now(UTC)


class DatabaseClock:
    """The time as PostgreSQL has it, to within half a round trip to it; before the first connection, this machine's.

    It costs a query when a connection is taken and the last comparison is `COMPARED_EVERY` ago, or this machine's clock
    was set since.

    Args:
        engine: whose connections are asked.
        here: this machine's clock.
        elapsed: seconds, of a clock that nobody sets.
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
        event.listen(engine.sync_engine, "checkout", self._look)

    def __call__(self) -> datetime:
        """Tell the time: aware, UTC."""
        return self._here() + self._ahead

    def _look(self, connection: DBAPIConnection, _record: object, _proxy: object) -> None:
        if self._is_known():
            return
        began = self._here()
        try:
            theirs = self._ask(connection)
        except psycopg.OperationalError as error:
            # The pool has no other way to know: whoever asked for this connection gets a new one.
            raise DisconnectionError from error
        ended = self._here()
        self._compared = (ended, self._elapsed())
        uncertain = (ended - began) / 2
        ahead = theirs - (began + uncertain)
        # A difference within what cannot be known would only make time jump.
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

    def _is_known(self) -> bool:
        if self._compared is None:
            return False
        moment, counted = self._compared
        passed = self._elapsed() - counted
        return (
            passed < COMPARED_EVERY
            and abs((self._here() - moment).total_seconds() - passed) < _JUMP
        )
