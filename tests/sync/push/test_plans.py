"""No statement of a cycle scans a table, so an idle cycle costs the same on a board of any size."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import psycopg
import pytest
from kit.stage import Stage
from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from benchmarks.kit.explaining import explain, heard
from benchmarks.kit.large_board import fill
from models.operations.resolved import recovered
from models.postgres.engine import libpq
from models.sync.safety_stop import missing_pages, pages_to_hold, waiting
from models.tables import webhook_events as inbox
from models.tables.push_queue import PENDING, pending, worth_a_push
from models.tables.sync_state import WATERMARK, remember
from models.tables.task import Task
from tasks.board.followed import followed_board

SMALL = {
    "board_statuses",
    "card_creations",
    "channels",
    "incidents",
    "rate_limit",
    "sync_state",
}
"""Tables of some dozen rows."""


@dataclass(frozen=True)
class Plan:
    """A statement and how PostgreSQL would run it."""

    statement: str
    nodes: tuple[Mapping[str, Any], ...]

    @property
    def read_whole(self) -> set[str]:
        """The tables that it would read from end to end."""
        scans = {node["Relation Name"] for node in self.nodes if node["Node Type"] == "Seq Scan"}
        return scans - SMALL

    @property
    def indexes(self) -> set[str]:
        return {node["Index Name"] for node in self.nodes if "Index Name" in node}


def nodes_of(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes_of(child)


async def plans_of(stage: Stage, work: Callable[[], Awaitable[object]]) -> list[Plan]:
    """How PostgreSQL runs each statement that the work sends."""
    with heard(stage.ctx.engine) as sent:
        await work()
    found = []
    for statement in sent:
        (explained,) = await explain(stage.ctx.engine, statement, "FORMAT JSON")
        found.append(Plan(statement[0], tuple(nodes_of(explained[0]["Plan"]))))
    return found


@pytest.fixture(scope="module")
def filled(postgres: URL) -> Iterator[str]:
    """The name of a database with 100,000 cards in sync, each with one processed event."""
    name = "large_board"
    with psycopg.connect(libpq(postgres.set(database="postgres")), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template_of_tests")
        with psycopg.connect(libpq(postgres.set(database=name)), autocommit=True) as connection:
            fill(connection, 100_000, at=datetime(2026, 11, 20, tzinfo=UTC))
        yield name
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(postgres: URL, filled: str) -> Iterator[URL]:
    """A copy of it."""
    with psycopg.connect(libpq(postgres.set(database="postgres")), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE copy_of_large TEMPLATE {filled}")
        yield postgres.set(database="copy_of_large")
        admin.execute("DROP DATABASE copy_of_large WITH (FORCE)")


@pytest.fixture
async def large(stage: Stage) -> Stage:
    """That database, its board swept before, three cards on it."""
    async with stage.sessions.begin() as session:
        await remember(session, WATERMARK, moment=stage.clock())
    for title in "abc":
        await stage.add_valid(title=title, status="Queued")
    await stage.cycle()
    stage.clock.pass_(600)
    return stage


async def test_no_statement_of_a_cycle_or_an_ingest_reads_a_whole_table(large: Stage) -> None:
    await (
        large.cycle()
    )  # it asks, once in ten minutes, who is still there: nearly nobody of these cards is
    idle = await plans_of(large, large.cycle)
    assert any("ix_cards_drift_mask" in plan.indexes for plan in idle)
    async with large.sessions() as session:
        on_board = select(Task.notion_page_id).where(~col(Task.notion_page_id).startswith("page-"))
        pages = [str(page) for page in await session.scalars(on_board)]
    await large.moves(pages[0], "Uploading")
    await large.edit(pages[1], priority="High")
    busy = await plans_of(large, large.cycle)
    await large.edit(pages[1], priority="Low")
    await large.trash(pages[2])
    for page in pages:
        await large.webhook(page)
    ingest = await plans_of(large, large.ingest)
    task = await large.task(pages[1])
    assert (await large.shows(pages[0]))["Status"] == "Uploading"
    assert task is not None
    assert task.priority == "low"
    assert min(len(idle), len(busy) - len(idle), len(ingest)) > 5
    plans = (*idle, *busy, *ingest)
    assert {plan.statement: plan.read_whole for plan in plans if plan.read_whole} == {}


async def test_what_is_pending_and_what_is_due_are_found_by_index_however_many_they_are(
    large: Stage,
) -> None:
    board = await followed_board(large.ctx)
    found: dict[str, list[Any]] = {}

    async def ask(session: AsyncSession) -> None:
        now = large.clock()
        found["pending"] = list(await pending(session, board, now=now, limit=60))
        found["claimed"] = await inbox.claim(session, now=now, limit=500)
        await session.rollback()
        await waiting(session)
        await missing_pages(session, 100)
        await pages_to_hold(session, ["page-1"], ["page-2"], watched=False, now=now)
        await recovered(session)

    for differing, due in ((0, 0), (60, 10)):
        await large.sql(
            "UPDATE tasks SET board_status = 'Uploading' WHERE id <= lpad(:n, 32, '0')::uuid",
            n=str(differing),
        )
        for number in range(due):
            await large.webhook(f"page-{number}")
        async with large.sessions() as session:
            plans = await plans_of(large, partial(ask, session))
        assert (len(found["pending"]), len(found["claimed"])) == (differing, due)
        assert {plan.statement: plan.read_whole for plan in plans if plan.read_whole} == {}
        assert plans[0].indexes == {"ix_cards_drift_mask"}
        assert plans[1].indexes == {"ix_webhook_events_due"}


async def test_a_board_without_our_dates_costs_no_more_although_every_card_lacks_them(
    large: Stage,
) -> None:
    await large.sql("UPDATE cards SET notion_created = NULL, notion_updated = NULL")
    board = await followed_board(large.ctx)
    without = replace(
        board,
        properties={n: p for n, p in board.properties.items() if n not in {"Created", "Updated"}},
    )
    async with large.sessions() as session:
        await session.execute(text("ANALYZE cards"))
        (plan,) = await plans_of(
            large, partial(pending, session, without, now=large.clock(), limit=60)
        )
        values = {
            "worth": worth_a_push(without),
            "now": large.clock(),
            "limit": 60,
            "waiting": False,
            "among": None,
        }
        explained = await session.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {PENDING}"), values)
        nodes = nodes_of(explained.scalar_one()[0]["Plan"])
        read = {node["Index Name"]: node["Actual Rows"] for node in nodes if "Index Name" in node}
    assert plan.indexes == read.keys()
    assert read == {"ix_cards_drift_mask": 0}
