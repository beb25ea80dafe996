"""The database of all histories in turn: emptied before each, on the history's clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from kit.clock import Clock
from kit.shared_database import USERS_TABLES
from psycopg.waiting import wait
from sqlalchemy import URL, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from models.postgres.engine import Sessions, begin_session, libpq, open_sessions

HASTE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "timezone": "'Europe/Berlin'",
}
"""Settings of a server whose data nobody will miss, in a time zone with an hour that comes twice.
"""
_OPTIONS: dict[str, Any] = {"prepare_threshold": 2}


class Undivided(psycopg.AsyncConnection[Any]):
    """A connection that holds the event loop until PostgreSQL has answered.

    Turns let one transaction at a time happen, so nobody else could use the loop meanwhile, and
    going round it for each answer costs more than the answer.
    """

    async def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        return wait(gen, self.pgconn.socket, interval=interval, timeout=timeout)


@dataclass
class Databases:
    """One database by three ways.

    Attributes:
        sessions: for those who take turns.
        single: the same without BEGIN and COMMIT around it, for what reads, or writes with one
            statement.
        receivers: for webhook receivers, whose transactions overlap.
        tables: those that histories fill; what migrations put into the others stays.
        clock: whose time is PostgreSQL's `clock_timestamp()` in every statement.
    """

    sessions: Sessions
    single: Sessions
    receivers: Sessions
    tables: Sequence[str]
    clock: Clock = field(default_factory=Clock)

    def tell_time(self, engine: AsyncEngine) -> None:
        """Replace PostgreSQL's clock in statements, such as the rate limit's, by the history's."""

        def statement_at_our_time(
            _connection: Any,
            _cursor: Any,
            statement: str,
            given: Any,
            _context: Any,
            _many: bool,  # noqa: FBT001
        ) -> Any:
            for asks in ("clock_timestamp()", "showrunner_now()"):
                if asks in statement:
                    statement = statement.replace(asks, "%(the_time)s::timestamptz")
                    given = {**given, "the_time": self.clock.now}
            return statement, given

        event.listen(
            engine.sync_engine, "before_cursor_execute", statement_at_our_time, retval=True
        )


@asynccontextmanager
async def prepared(url: URL) -> AsyncIterator[Databases]:
    """Sessions on a migrated database."""

    async def connect(*_args: Any, **_kwargs: Any) -> Any:
        return await Undivided.connect(libpq(url), **_OPTIONS)

    turns: AsyncEngine = create_async_engine(url, async_creator=connect, pool_size=5)
    receivers: AsyncEngine = create_async_engine(url, connect_args=_OPTIONS, pool_size=2)
    for engine in (turns, receivers):
        event.listen(engine.sync_engine, "connect", begin_session, insert=True)
    single = turns.execution_options(isolation_level="AUTOCOMMIT")
    made = Databases(
        sessions=open_sessions(turns),
        single=open_sessions(single),
        receivers=open_sessions(receivers),
        tables=await _empty_tables(turns),
    )
    made.tell_time(turns)
    yield made
    await turns.dispose()
    await receivers.dispose()


async def _empty_tables(engine: AsyncEngine) -> list[str]:
    """The tables without a row in a database that was only migrated."""
    async with engine.connect() as connection:
        names = (await connection.execute(text(USERS_TABLES))).scalars().all()
        return [
            name
            for name in names
            if not (await connection.execute(text(f"SELECT 1 FROM {name} LIMIT 1"))).all()
        ]


async def emptied(databases: Databases) -> None:
    """Nothing is left of the history before."""
    async with databases.sessions.begin() as session:
        # In any order, without the triggers that guard the rows.
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        # DELETE is quicker than TRUNCATE for the few rows there are.
        for table in databases.tables:
            await session.execute(text(f"DELETE FROM {table}"))
