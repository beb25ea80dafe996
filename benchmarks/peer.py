"""The same 500 cards and 20 changes, by us and by a loop that rewrites all (`peer_loop`).

Both have a board and a database of their own, with the same content, latency (300 ms) and limit
(3 requests a second). Both begin a cycle at the same time, and during its first ten seconds ten
tasks are moved by the pipeline in SQL and ten cards by users on the board. Twice: once each webhook
arrives the moment the card is edited, once none does (Notion promises none). A change is right when
board and database both show it, and an edit is
undone when the board shows again what was there before it.

`python -m benchmarks.peer 420` waits until the peer's second cycle is over too.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

import httpx
from sqlalchemy import text

from benchmarks.kit.figures import Figure, main
from benchmarks.kit.peer_loop import PeerLoop
from benchmarks.kit.places import Board, board, database, quiet
from models.postgres.engine import ensure_database, migrate
from models.tables import webhook_events as inbox
from models.tables.webhook_events import Delivery
from tasks.runtime.context import Context, close_connections, connections
from tasks.runtime.report import Report
from tasks.sync.cycle import INTERVAL, cycle
from tasks.sync.import_board import import_cards
from tasks.sync.ingest import drain_inbox

CARDS = 500
BOUND_SECONDS = float(next((each for each in sys.argv[1:] if each.isdigit()), 170))
"""One whole cycle of the peer takes 500/3 = 167 s."""
LOOK_SECONDS = 1.0
BEFORE, BY_PIPELINE, BY_PEOPLE = "Queued", "Assets Generating", "Draft"
CHANGES = 20


class Design(Protocol):
    """What keeps one board and one database equal."""

    async def run(self) -> None:
        """Cycle for ever."""

    async def webhook(self, page_id: str, status: str, /) -> None:
        """A webhook arrives."""


@dataclass
class Ours:
    """Our cycle every 60 s, our ingest at each webhook."""

    ctx: Context

    async def run(self) -> None:
        """As the push deployment does."""
        while True:
            began = time.monotonic()
            await cycle(self.ctx, Report(), None)
            await asyncio.sleep(max(0.0, INTERVAL.total_seconds() - (time.monotonic() - began)))

    async def webhook(self, page_id: str, _: str) -> None:
        """Handle a webhook as the product does: Notion's event names the page and nothing else."""
        event = Delivery(
            event_id=uuid4().hex, event_type="page.properties_updated", page_id=page_id, payload={}
        )
        async with self.ctx.sessions.begin() as session:
            await inbox.put(session, event, now=self.ctx.clock(), correlation_id=event.event_id)
        await drain_inbox(self.ctx, Report())


@dataclass
class Theirs:
    """The peer."""

    loop: PeerLoop

    async def run(self) -> None:
        """As its specification says."""
        await self.loop.run()

    async def webhook(self, page_id: str, status: str) -> None:
        """Its webhooks carry the new value."""
        await self.loop.webhook(page_id, status)


@dataclass
class Side:
    """One design at work, and what is seen of it.

    Attributes:
        wanted: what each of the 20 cards and its task are to show in the end.
        right_after: seconds after the first change until all were right; None when they were not
            within the bound.
        undone: cards whose edit was set back on the board while we looked.
    """

    design: Design
    notion: Board
    ctx: Context
    webhooks: bool
    wanted: dict[str, str] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)
    undone: set[str] = field(default_factory=set)
    right: int = 0
    right_after: float | None = None
    lost: int = 0
    requests: int = 0


async def live(side: Side) -> None:
    """Begin a cycle, make 20 changes in its first ten seconds, and wait until all are right."""
    before = await side.notion.last()
    running = asyncio.create_task(side.design.run())
    began = time.monotonic()
    changing = asyncio.create_task(_change(side))
    try:
        while time.monotonic() - began < BOUND_SECONDS and side.right_after is None:
            await asyncio.sleep(LOOK_SECONDS)
            if running.done():
                running.result()
            if await _look(side) == CHANGES:
                side.right_after = time.monotonic() - began
        await changing
        side.lost = await _lost(side)
        side.requests = len(await side.notion.requests(before))
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def _change(side: Side) -> None:
    """Alternate moves by the pipeline and by users, half a second apart, over the whole board."""
    async with side.ctx.sessions() as session:
        query = text("SELECT notion_page_id FROM tasks ORDER BY title")
        pages = [str(row[0]) for row in await session.execute(query)]
    for number, page_id in enumerate(pages[:: CARDS // CHANGES]):
        await asyncio.sleep(10 / CHANGES)
        if number % 2:
            side.wanted[page_id] = BY_PEOPLE
            await side.notion.edit(page_id, {"Status": {"select": {"name": BY_PEOPLE}}})
            if side.webhooks:
                await side.design.webhook(page_id, BY_PEOPLE)
        else:
            async with side.ctx.sessions.begin() as session:
                move = text("UPDATE tasks SET board_status = :to WHERE notion_page_id = :page")
                await session.execute(move, {"to": BY_PIPELINE, "page": page_id})
            side.wanted[page_id] = BY_PIPELINE


async def _look(side: Side) -> int:
    """How many of the changes board and database both show; edits that went back are noted."""
    moved = {"property": "Status", "select": {"does_not_equal": BEFORE}}
    path = f"/v1/data_sources/{side.notion.data_source_id}/query"
    answer = (
        (await side.notion.people.post(path, json={"filter": moved, "page_size": 100}))
        .raise_for_status()
        .json()
    )
    board_shows = {
        page["id"]: page["properties"]["Status"]["select"]["name"] for page in answer["results"]
    }
    tasks = await _tasks(side)
    wanted = dict(side.wanted)
    edits = {page_id for page_id, status in wanted.items() if status == BY_PEOPLE}
    side.undone |= {page_id for page_id in edits & side.shown if page_id not in board_shows}
    side.shown |= edits & set(board_shows)
    side.right = sum(
        board_shows.get(page) == status == tasks[page] for page, status in wanted.items()
    )
    return side.right


async def _tasks(side: Side) -> dict[str, str]:
    async with side.ctx.sessions() as session:
        return {
            row[0]: row[1]
            for row in await session.execute(text("SELECT notion_page_id, board_status FROM tasks"))
        }


async def _lost(side: Side) -> int:
    """Edits that were undone on the board and are not in the database either."""
    tasks = await _tasks(side)
    return sum(tasks[page_id] != side.wanted[page_id] for page_id in side.undone)


@asynccontextmanager
async def _sides() -> AsyncIterator[list[Side]]:
    """Measure us and the peer, with webhooks and without, each on its own board."""
    async with AsyncExitStack() as opened:
        server = opened.enter_context(database())
        urls = [server.set(database=f"side_{number}") for number in range(4)]
        for url in urls:
            ensure_database(server, str(url.database))
            migrate(url)
        boards = await asyncio.gather(*(opened.enter_async_context(board(CARDS)) for _ in urls))
        ons = [connections(each.settings(url)) for each, url in zip(boards, urls, strict=True)]
        opened.push_async_callback(close_connections)
        await asyncio.gather(*(import_cards(ctx, Report()) for ctx in ons))
        sides = []
        for number, (notion, ctx) in enumerate(zip(boards, ons, strict=True)):
            design: Design = Ours(ctx)
            if number % 2:
                headers = {
                    "Authorization": f"Bearer {notion.bot_token}",
                    "Notion-Version": "2026-03-11",
                }
                client = httpx.AsyncClient(base_url=notion.base_url, headers=headers, timeout=60)
                design = Theirs(PeerLoop(await opened.enter_async_context(client), ctx.engine))
            sides.append(Side(design=design, notion=notion, ctx=ctx, webhooks=number in {0, 1}))
        yield sides


def _figure(ours: Side, theirs: Side) -> Figure:
    announced = "each webhook at once" if ours.webhooks else "no webhook at all"
    mine, other = _seconds(ours), _seconds(theirs)
    return Figure(
        what=f"{CARDS} cards, {CHANGES} changes, {announced}: "
        "us beside a loop that writes everything each cycle",
        limit=f"all right, none undone; the loop: {_said(theirs)}",
        measured=_said(ours),
        ratio=mine / other,
        good=ours.right_after is not None and not ours.undone,
        note="The ratio is that of the seconds"
        + (
            "" if theirs.right_after is not None else f", the loop's counted as {BOUND_SECONDS:.0f}"
        ),
    )


def _seconds(side: Side) -> float:
    return BOUND_SECONDS if side.right_after is None else side.right_after


def _said(side: Side) -> str:
    when = f"after {BOUND_SECONDS:.0f} s {side.right} of {CHANGES} right"
    if side.right_after is not None:
        when = f"all right after {side.right_after:.0f} s"
    return (
        f"{when}, {side.requests} requests, "
        f"{len(side.undone)} edits undone, {side.lost} of them lost"
    )


async def measure() -> Sequence[Figure]:
    """All four at once: they wait more than they work."""
    quiet()
    async with _sides() as sides:
        await asyncio.gather(*map(live, sides))
    return [_figure(*sides[:2]), _figure(*sides[2:])]


if __name__ == "__main__":
    main(measure)
