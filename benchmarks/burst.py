"""A burst: 1,000 pages edited within 10 s.

Every webhook goes through the real receiver to real Prefect runs.
The scheduled cycle is paused, so that every request counted is an ingest's.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from sqlalchemy import text

from benchmarks.kit.board_server import card
from benchmarks.kit.figures import Figure, main
from benchmarks.kit.places import Board, board, connected, database, free_port, quiet
from benchmarks.kit.prefect_stack import Prefect, stack, webhooks
from benchmarks.kit.waiting import until
from tasks.runtime.context import Context
from tasks.runtime.report import Report
from tasks.sync.import_board import import_cards

PAGES, SECONDS = 1000, 10.0
MOST_REQUESTS, MOST_RUNS = 30, 12


@dataclass(frozen=True, kw_only=True)
class System:
    """Everything that a webhook passes on its way."""

    notion: Board
    ctx: Context
    prefect: Prefect

    async def count(self, query: str, **values: Any) -> int:
        """What a query counts."""
        async with self.ctx.sessions() as session:
            return int((await session.execute(text(query), values)).scalar_one())

    async def comes(self, query: str, count: int, **values: Any) -> None:
        """Return once a query counts that many."""

        async def there() -> bool:
            return await self.count(query, **values) == count

        await until(there, f"{count}: {query}", every=0.05)

    async def is_quiet(self) -> None:
        """Return once no event waits and no run is under way."""
        await self.comes("SELECT count(*) FROM webhook_events WHERE NOT processed", 0)
        await until(self._no_run, "no ingest run is left", every=0.05)

    async def _no_run(self) -> bool:
        return not await self.prefect.runs("ingest", "SCHEDULED", "PENDING", "RUNNING")


@asynccontextmanager
async def followed(pages: int) -> AsyncIterator[System]:
    """An imported board of that many cards, an hour old, and our processes without schedules."""
    receiver = free_port()
    with database() as url:
        async with (
            board(pages, options=webhooks(receiver)) as notion,
            connected(notion.settings(url)) as ctx,
        ):
            await import_cards(ctx, Report())
            async with stack(url, notion, receiver) as prefect:
                await prefect.pause("push/push")
                yield System(notion=notion, ctx=ctx, prefect=prefect)


async def evenly(work: Sequence[Callable[[], Awaitable[object]]]) -> float:
    """Begin all of it within ten seconds, evenly; how long that took in fact."""
    began = time.perf_counter()

    async def at(number: int, each: Callable[[], Awaitable[object]]) -> None:
        await asyncio.sleep(max(0.0, began + SECONDS * number / len(work) - time.perf_counter()))
        await each()

    await asyncio.gather(*(at(number, each) for number, each in enumerate(work)))
    return time.perf_counter() - began


async def burst(
    what: str, system: System, work: Sequence[Callable[[], Awaitable[object]]], topic: str
) -> list[Figure]:
    """Do that work on the board, and count what it takes until all of it is in the database."""
    await system.is_quiet()
    first, runs = await system.notion.last(), await system.prefect.runs("ingest")
    began = time.perf_counter()
    arriving = asyncio.create_task(evenly(work))
    await system.comes(
        "SELECT count(*) FROM tasks WHERE topic LIKE :topic", len(work), topic=f"{topic}%"
    )
    seconds, took = time.perf_counter() - began, await arriving
    await system.is_quiet()
    requests = await system.notion.requests(first)
    runs = await system.prefect.runs("ingest") - runs
    by_id = sum(each["method"] == "GET" for each in requests)
    naive = len(work) / 3
    return [
        Figure(
            what=f"{what}: Notion requests",
            limit=f"{MOST_REQUESTS}",
            measured=f"{len(requests)}, {by_id} of them by id; {seconds:.1f} s until all "
            f"were in the database",
            ratio=len(requests) / MOST_REQUESTS,
            good=len(requests) <= MOST_REQUESTS,
            note=f"one request a card would take {naive:.0f} s; people took {took:.1f} s",
        ),
        Figure(
            what=f"{what}: ingest runs",
            limit=f"{MOST_RUNS}",
            measured=f"{runs}",
            ratio=runs / MOST_RUNS,
            good=runs <= MOST_RUNS,
        ),
    ]


async def measure() -> Sequence[Figure]:
    """Edits; with `made` among the arguments also as many pages that were not there before."""
    quiet()
    pages = next((int(each) for each in sys.argv[1:] if each.isdigit()), PAGES)
    async with followed(pages) as system:
        async with system.ctx.sessions() as session:
            known = [
                row[0] for row in await session.execute(text("SELECT notion_page_id FROM cards"))
            ]
        Random(7).shuffle(known)
        topic = {"Topic": {"rich_text": [{"text": {"content": "Edited in the burst"}}]}}
        edits = [lambda page=page: system.notion.edit(page, topic) for page in known]
        figures = await burst(
            f"{pages:,} pages edited in {SECONDS:.0f} s", system, edits, "Edited in the burst"
        )
        if "made" not in sys.argv:
            return figures
        parent = {"type": "data_source_id", "data_source_id": system.notion.data_source_id}
        made = [
            {"parent": parent, "properties": card(number, "Queued") | topic_of(number)}
            for number in range(pages)
        ]
        pages_made = [
            lambda body=body: system.notion.people.post("/v1/pages", json=body) for body in made
        ]
        figures += await burst(
            f"{pages:,} pages made in {SECONDS:.0f} s", system, pages_made, "Made in the burst"
        )
    return figures


def topic_of(number: int) -> dict[str, Any]:
    """The topic of a card that a burst makes."""
    return {"Topic": {"rich_text": [{"text": {"content": f"Made in the burst, {number}"}}]}}


if __name__ == "__main__":
    main(measure)
