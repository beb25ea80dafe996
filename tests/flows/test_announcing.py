"""Runs that are announced: taken at once, by a worker that does not poll at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg
import pytest
from kit.processes.ports import free_port
from kit.processes.prefect_runs import RunKit
from kit.waiting import until
from sqlalchemy import URL
from stand_ins import CALLS

from flows.runtime.warm_worker import WarmWorker
from models.postgres import notify as announcing
from models.postgres.engine import Sessions, libpq, open_engine, open_sessions
from models.postgres.notify import CHANNEL, hear_announcements
from webhook.server import announce


@asynccontextmanager
async def listening(database: URL) -> AsyncIterator[asyncio.Queue[None]]:
    """What is heard, once somebody listens."""
    events: asyncio.Queue[None] = asyncio.Queue()
    task = asyncio.create_task(hear_announcements(database, lambda: events.put(None)))
    try:
        await until(lambda: listeners(database))
        yield events
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def listeners(database: URL) -> list[int]:
    """The backends that wait for announcements."""
    query = (
        "SELECT pid FROM pg_stat_activity "
        "WHERE datname = current_database() AND query = %s AND state = 'idle'"
    )
    async with await psycopg.AsyncConnection.connect(libpq(database)) as other:
        found = await other.execute(query, [f'LISTEN "{CHANNEL}"'])
        return [row[0] for row in await found.fetchall()]


async def test_a_listener_whose_connection_died_listens_again(
    database: URL, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcing, "_RECONNECT_SECONDS", 0.0)
    async with listening(database) as events:
        await announce(sessions)
        await asyncio.wait_for(events.get(), 30)
        [first] = await listeners(database)
        with psycopg.connect(libpq(database), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
        await until(lambda: listeners(database))
        await announce(sessions)
        await asyncio.wait_for(events.get(), 30)


async def test_a_database_that_is_away_keeps_nobody_from_announcing() -> None:
    engine = open_engine(
        URL.create("postgresql+psycopg", host="127.0.0.1", port=free_port(), database="none")
    )
    await announce(open_sessions(engine))
    await engine.dispose()


async def test_an_announced_run_is_taken_by_a_worker_that_does_not_poll(
    kit: RunKit, database: URL, sessions: Sessions
) -> None:
    await kit.deploy("noted")
    worker = WarmWorker(work_pool_name=kit.pool, name=kit.pool, prefetch_seconds=0)
    worker.database = database
    CALLS.clear()
    async with worker:
        await until(lambda: listeners(database))
        run = await kit.ask_for("noted", word="at once")
        await announce(sessions)
        await kit.reaches(run, "Completed")
    assert [word for word, _ in CALLS] == ["at once"]
