"""Two hosts, two clocks: which look at a card is newer is judged by one clock, PostgreSQL's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import psycopg
import pytest
from kit.clock import Clock
from kit.stage import Stage
from sqlalchemy import URL, text

from models.postgres.engine import Sessions, libpq, open_engine, open_sessions
from models.tables import webhook_events as inbox
from models.tables.webhook_events import Delivery
from tasks.board.followed import bot_ids, followed_board
from tasks.runtime.clock import DatabaseClock, utc_now
from tasks.runtime.context import Context
from tasks.runtime.report import Report
from tasks.sync.fetch import read_by_id
from tasks.sync.ingest import drain_inbox
from tasks.sync.store import SyncContext, process_readings

SKEW = timedelta(seconds=20)


class Now(Clock):
    """The time as it is."""

    def __call__(self) -> datetime:
        return utc_now()


class Hosts:
    """Makes hosts: connections of their own, and a clock that is wrong by so much."""

    def __init__(self, stage: Stage, database: URL, cleanup: AsyncExitStack) -> None:
        self._stage, self._database, self._cleanup = stage, database, cleanup

    def host(self, *, wrong_by: timedelta) -> Context:
        engine = open_engine(self._database, pool_size=2)
        self._cleanup.push_async_callback(engine.dispose)
        clock = DatabaseClock(engine, here=lambda: utc_now() + wrong_by)
        return Context(
            self._stage.ctx.settings, open_sessions(engine), self._stage.ctx.notion, clock=clock
        )


@pytest.fixture
async def stage(sessions: Sessions) -> AsyncIterator[Stage]:
    """A stage on which time passes by itself, as it does for PostgreSQL."""
    made = Stage(sessions, Now())
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def hosts(stage: Stage, database: URL) -> AsyncIterator[Hosts]:
    async with AsyncExitStack() as cleanup:
        yield Hosts(stage, database, cleanup)


async def connect(ctx: Context) -> None:
    async with ctx.sessions() as session:
        await session.execute(text("SELECT 1"))


async def reader_of(stage: Stage) -> SyncContext:
    return SyncContext(
        board=await followed_board(stage.ctx), bot_ids=await bot_ids(stage.ctx), correlation_id=None
    )


async def receive_event(ctx: Context, page: str) -> None:
    """The host's receiver stores an event about the page."""
    async with ctx.sessions.begin() as session:
        await session.execute(text("SELECT 1"))
        delivery = Delivery(
            event_id=f"event-{page}",
            event_type="page.properties_updated",
            page_id=page,
            payload={"authors": []},
        )
        await inbox.put(session, delivery, now=ctx.clock(), correlation_id="receiver")


@pytest.mark.parametrize("wrong_by", [SKEW, -SKEW])
async def test_a_host_uses_the_time_of_postgresql(hosts: Hosts, wrong_by: timedelta) -> None:
    ctx = hosts.host(wrong_by=wrong_by)
    assert abs(ctx.clock() - utc_now()) > SKEW / 2
    await connect(ctx)
    async with ctx.sessions() as session:
        before = ctx.clock()
        theirs = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
        assert before - SKEW / 4 < theirs < ctx.clock() + SKEW / 4


async def test_a_clock_that_was_set_is_compared_again(database: URL) -> None:
    set_by = [timedelta(0)]
    engine = open_engine(database, pool_size=1)
    clock = DatabaseClock(engine, here=lambda: utc_now() + set_by[-1])
    for each in (timedelta(0), timedelta(hours=1), -timedelta(hours=1)):
        set_by.append(each)
        async with open_sessions(engine)() as session:
            await session.execute(text("SELECT 1"))
        assert abs(clock() - utc_now()) < timedelta(minutes=1)
    await engine.dispose()


async def test_clocks_are_compared_once_in_half_a_minute(database: URL) -> None:
    engine, began, passed = open_engine(database, pool_size=1), utc_now(), [0.0]
    clock = DatabaseClock(
        engine, here=lambda: began + timedelta(seconds=passed[-1]), elapsed=lambda: passed[-1]
    )
    far_off = {}
    for each in (0.0, 25.0, 40.0):
        passed.append(each)
        async with open_sessions(engine)() as session:
            await session.execute(text("SELECT 1"))
        far_off[each] = abs(clock() - utc_now()) > timedelta(seconds=15)
    await engine.dispose()
    assert far_off == {0.0: False, 25.0: True, 40.0: False}


async def test_a_late_reading_of_a_host_whose_clock_is_ahead_undoes_no_move(
    stage: Stage, hosts: Hosts
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    ahead = hosts.host(wrong_by=SKEW)
    await connect(ahead)
    sync = await reader_of(stage)
    late = await read_by_id(ahead, sync.board, [page])
    await stage.moves(page, "Processing")
    await stage.cycle()
    await process_readings(ahead, sync, late, Report())
    await stage.cycle()
    shows = await stage.shows(page)
    assert (shows["Status"], shows["Attention"]) == ("Processing", "")
    assert [
        row.action for row in await stage.history(page) if row.action in {"refused", "overruled"}
    ] == []


async def test_an_edit_read_by_a_host_whose_clock_is_behind_is_stored_at_once(
    stage: Stage, hosts: Hosts
) -> None:
    page = await stage.add_valid(status="Draft")
    await stage.cycle()
    behind = hosts.host(wrong_by=-SKEW)
    await connect(behind)
    await stage.edit(page, status="Queued")
    await receive_event(behind, page)
    await drain_inbox(behind, Report())
    task = await stage.task(page)
    assert task is not None
    assert task.status == "pending"


async def test_an_event_of_a_receiver_whose_clock_is_ahead_is_due_at_once(
    stage: Stage, hosts: Hosts
) -> None:
    page = await stage.add_valid(status="Draft")
    await stage.cycle()
    await stage.edit(page, status="Queued")
    await receive_event(hosts.host(wrong_by=SKEW), page)
    await stage.ingest()
    assert [event.processed for event in await stage.events()] == [True]


async def test_a_connection_that_died_in_the_pool_is_replaced_and_not_asked_for_the_time(
    database: URL,
) -> None:
    elapsed = [0.0]
    engine = open_engine(database, pool_size=1, ping=False)
    clock = DatabaseClock(engine, elapsed=lambda: elapsed[-1])
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    with psycopg.connect(libpq(database), autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    elapsed.append(3600.0)
    async with engine.connect() as connection:
        now = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    assert abs(clock() - now) < timedelta(seconds=60)
    await engine.dispose()
