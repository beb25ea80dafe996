"""A user's edit amid a backlog of 10,000 cards: how long until it is in the database.

Every task was moved while nobody pushed, so that a cycle of an hour is under way and takes each of
Notion's turns.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence

import psycopg
from sqlalchemy import URL

from benchmarks.kit.figures import Figure, main, percentile
from benchmarks.kit.places import Board, board, connected, database, free_port, quiet
from benchmarks.kit.prefect_stack import Prefect, stack, webhooks
from benchmarks.kit.waiting import until
from benchmarks.webhook_to_row import Taken, edit
from models.postgres.engine import libpq
from tasks.runtime.report import Report
from tasks.sync.import_board import import_cards

CARDS, EDITS, GAP = 10_000, 10, (1.0, 2.5)
WITHIN = 3.0
AT_WORK = 10
"""Writes from which on a cycle is at work."""


async def known(url: URL, notion: Board) -> None:
    """Import the board, faster than Notion lets anyone: the import is not what is measured here."""
    ample = notion.settings(url).model_copy(update={"notion_requests_per_second": 100.0})
    async with connected(ample) as ctx:
        await import_cards(ctx, Report())


async def under_way(prefect: Prefect, notion: Board) -> None:
    """Have a cycle begin, and return when it writes."""
    before = await notion.last()
    await prefect.ask(await prefect.deployment("push/push"))

    async def writes() -> bool:
        methods = [entry["method"] for entry in await notion.requests(before)]
        return methods.count("PATCH") >= AT_WORK

    await until(writes, f"{AT_WORK} cards are written", every=0.5)


async def edits(url: URL, notion: Board) -> list[Taken]:
    """A person edits one card after the other, at moments that know nothing of anybody's rhythm."""
    chance = random.Random(5)
    taken = []
    async with await psycopg.AsyncConnection.connect(libpq(url), autocommit=True) as connection:
        some = "SELECT notion_page_id FROM tasks ORDER BY md5(notion_page_id) LIMIT 100"
        found = await (await connection.execute(some)).fetchall()
        for number in range(EDITS):
            await asyncio.sleep(chance.uniform(*GAP))
            taken.append(
                await edit(
                    notion, connection, str(found[number][0]), f"edited amid the backlog, {number}"
                )
            )
    return taken


async def measure() -> Sequence[Figure]:
    """Fill, import, move everything, push, edit."""
    quiet()
    receiver = free_port()
    # The import alone would use up Notion's minute.
    options = (*webhooks(receiver), "--requests-per-minute", "100000")
    with database() as url:
        async with board(CARDS, options=options) as notion:
            await known(url, notion)
            with psycopg.connect(libpq(url)) as worker:
                worker.execute("UPDATE tasks SET board_status = 'Assets Generating'")
            async with stack(url, notion, receiver) as prefect:
                await under_way(prefect, notion)
                before = await notion.last()
                began = time.monotonic()
                taken = await edits(url, notion)
                rate = len(await notion.requests(before)) / (time.monotonic() - began)
    seconds = [each.seconds for each in taken]
    return [
        Figure(
            what=f"an edit of a person amid a backlog of {CARDS:,} cards is in the database",
            limit=f"within {WITHIN:.0f} s",
            measured=f"p50 {percentile(seconds, 0.5):.2f} s, worst of {EDITS} {max(seconds):.2f} s",
            ratio=max(seconds) / WITHIN,
            good=max(seconds) <= WITHIN,
            note=f"Meanwhile {rate:.2f} requests a second went to Notion",
        )
    ]


if __name__ == "__main__":
    main(measure)
