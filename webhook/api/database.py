"""The worker API's transactions: with a time limit, and calls of the functions for workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.postgres.engine import Sessions

SECONDS: Final = 5.0
"""Time limit of a transaction. Claims wait for each other, and writers for a locked row."""


class Database:
    """PostgreSQL and its clock.

    Args:
        clock: the current time, aware.
        seconds: time limit of a transaction; after it the answer is 503.
    """

    def __init__(
        self, sessions: Sessions, clock: Callable[[], datetime], *, seconds: float = SECONDS
    ) -> None:
        self.clock = clock
        self._sessions = sessions
        self._seconds = seconds

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that is committed at the end.

        Raises:
            TimeoutError: when the time limit is over.
        """
        async with asyncio.timeout(self._seconds), self._sessions.begin() as session:
            yield session

    async def call(self, function: str, /, **given: Any) -> Mapping[str, Any] | None:
        """Call a function of the schema `showrunner` in a transaction of its own.

        Args:
            given: its arguments by name; None for the default.

        Returns:
            Its only row; None when it returns none. A single value stands under its own name.
        """
        sent = {name: value for name, value in given.items() if value is not None}
        arguments = ", ".join(f'"{name}" => :{name}' for name in sent)
        query = text(f"SELECT * FROM showrunner.{function}({arguments})")  # noqa: S608 - names of ours
        async with self.transaction() as session:
            row = (await session.execute(query, sent)).mappings().first()
        return None if row is None else {str(name): value for name, value in row.items()}


def _of_app(request: Request) -> Database:
    found: Database = request.app.state.database
    return found


OnDatabase = Annotated[Database, Depends(_of_app)]
