"""An idle cycle on boards of 100, 10,000 and 100,000 cards: its own time, its requests, its writes.

`--explain` prints instead how PostgreSQL runs the two hot queries at 100,000 cards and 100,000
events.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median

import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.kit.explaining import explain, heard
from benchmarks.kit.figures import Figure, main
from benchmarks.kit.large_board import fill
from benchmarks.kit.places import Board, board, connected, database, quiet
from models.postgres.engine import libpq
from models.tables import webhook_events as inbox
from models.tables.push_queue import pending
from tasks.board.followed import followed_board
from tasks.runtime.context import Context
from tasks.runtime.report import Report
from tasks.sync.cycle import cycle

SIZES = tuple(int(each) for each in sys.argv[1:] if each.isdigit()) or (100, 10_000, 100_000)
ON_BOARD = 100
"""Cards that the sandbox's board really has, at every size: making 100,000 there would take
minutes."""
ROUNDS = 25
MOST_SECONDS = 1.0
FLAT = 1.2
"""How much longer than on the smallest board a cycle may take on the largest: what the machine's
noise leaves open."""


@dataclass(frozen=True)
class Place:
    """A board of that many cards, imported, all of them right."""

    cards: int
    ctx: Context
    seconds: list[float] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@asynccontextmanager
async def place(notion: Board, cards: int) -> AsyncIterator[Place]:
    """A database of its own. Its request budget lets the one request of a cycle go at once."""
    with database() as url:
        settings = notion.settings(url).model_copy(update={"notion_requests_per_second": 100.0})
        async with connected(settings) as ctx:
            await cycle(ctx, Report(), "import")
            with psycopg.connect(libpq(url), autocommit=True) as connection:
                fill(
                    connection,
                    cards - ON_BOARD,
                    at=datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=1),
                )
            yield Place(cards, ctx)


async def idle(notion: Board, where: Place) -> None:
    """Run one cycle and note what it took and asked."""
    before, report = await notion.last(), Report()
    began = time.perf_counter()
    await cycle(where.ctx, report, "benchmark")
    where.seconds.append(time.perf_counter() - began)
    where.asked.extend(f"{each['method']} {each['path']}" for each in await notion.requests(before))
    assert not report, report


def figure(where: Place) -> Figure:
    """What the cycles of one board took and asked."""
    took, times = median(where.seconds), len(where.seconds)
    writes = sum(
        not asked.startswith("GET") and not asked.endswith("/query") for asked in where.asked
    )
    spread = f"{min(where.seconds) * 1000:.0f} to {max(where.seconds) * 1000:.0f}"
    return Figure(
        what=f"an idle cycle, {where.cards:,} cards",
        limit="1 s of its own, 1 request, 0 writes",
        measured=f"{took * 1000:.0f} ms ({spread}), {len(where.asked) / times:g} request, "
        f"{writes} writes",
        ratio=took / MOST_SECONDS,
        good=took <= MOST_SECONDS and len(where.asked) <= times and writes == 0,
        note=f"Median of {times}, Notion's answer without its latency included; {ON_BOARD} "
        f"cards are on the board, the "
        "others in the database, where the cycle's time goes: the sweep's one query asks "
        "only for the last edits",
    )


async def measure() -> Sequence[Figure]:
    """The boards in turn, so that what else the machine does falls on all of them alike."""
    quiet()
    async with AsyncExitStack() as stack:
        notion = await stack.enter_async_context(board(ON_BOARD, latency_ms=0))
        places = [await stack.enter_async_context(place(notion, cards)) for cards in SIZES]
        for where in places:
            await idle(notion, where)
            where.seconds.clear()
            where.asked.clear()
        for _ in range(ROUNDS):
            for where in places:
                await idle(notion, where)
    times_as_long = median(
        most / least for least, most in zip(places[0].seconds, places[-1].seconds, strict=True)
    )
    flat = Figure(
        what=f"an idle cycle at {SIZES[-1]:,} cards beside one at {SIZES[0]:,}",
        limit=f"{FLAT} times as long",
        measured=f"{times_as_long:.2f} times as long",
        ratio=times_as_long,
        good=times_as_long <= FLAT,
        note=f"Median of {ROUNDS} pairs, one after the other",
    )
    return [*map(figure, places), flat]


async def show_plans() -> None:
    """Print how PostgreSQL runs the two hot queries, first when there is nothing to do."""
    quiet()
    async with board(ON_BOARD, latency_ms=0) as notion, place(notion, SIZES[-1]) as where:
        for differing, due in ((0, 0), (60, 10)):
            async with where.ctx.sessions.begin() as session:
                await _make_work(session, differing, due)
            with heard(where.ctx.engine) as sent:
                await _ask(where.ctx)
            hot = [each for each in sent if "FROM cards" in each[0] or "SKIP LOCKED" in each[0]]
            for name, statement in zip(("pending", "claim"), hot, strict=True):
                lines = "\n".join(await explain(where.ctx.engine, statement, "ANALYZE, BUFFERS"))
                sys.stdout.write(
                    f"{name}: {differing} cards differ, {due} events are due\n{lines}\n\n"
                )


async def _make_work(session: AsyncSession, differing: int, due: int) -> None:
    connection = await session.connection()
    moved = "UPDATE tasks SET board_status = 'Uploading' WHERE id <= lpad(%s, 32, '0')::uuid"
    await connection.exec_driver_sql(moved, (str(differing),))
    for number in range(due):
        delivery = inbox.Delivery(
            event_id=f"due-{number}", event_type="page.created", page_id=None, payload={}
        )
        await inbox.put(session, delivery, now=datetime.now(UTC), correlation_id="benchmark")


async def _ask(ctx: Context) -> None:
    followed, now = await followed_board(ctx), ctx.clock()
    async with ctx.sessions() as session:
        await pending(session, followed, now=now, limit=60)
        await inbox.claim(session, now=now, limit=500)
        await session.rollback()


if __name__ == "__main__":
    if "--explain" in sys.argv:
        asyncio.run(show_plans())
    else:
        main(measure)
