"""Push N changed cards at Notion's latency: the time beside N/3 s, Notion's minimum."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from benchmarks.kit.figures import Figure, main, most_in_any_window
from benchmarks.kit.places import board, connected, database, quiet, webhook
from tasks.runtime.context import Context
from tasks.runtime.report import Report
from tasks.sync.cycle import cycle
from tasks.sync.import_board import import_cards
from tasks.sync.ingest import drain_inbox


async def moved(ctx: Context) -> None:
    """The pipeline takes every task on by a step, in plain SQL."""
    async with ctx.sessions.begin() as session:
        await session.execute(text("UPDATE tasks SET board_status = 'Assets Generating'"))


async def push(cards: int) -> list[Figure]:
    """Import, change all, and time one push cycle."""
    with database() as url:
        async with board(cards) as notion, connected(notion.settings(url)) as ctx:
            await import_cards(ctx, Report())
            # Notion's webhooks come here, so nobody has to ask whether the board's options are
            # still those.
            async with ctx.sessions() as session:
                page = (
                    await session.execute(text("SELECT min(notion_page_id) FROM cards"))
                ).scalar_one()
            await webhook(ctx, page)
            await drain_inbox(ctx, Report())
            await moved(ctx)
            before, report = await notion.last(), Report()
            began = time.perf_counter()
            await cycle(ctx, report, "benchmark")
            seconds = time.perf_counter() - began
            requests = await notion.requests(before)
    least = cards / 3
    assert report.pushed == cards, report
    moments = [datetime.fromisoformat(each["time"]).timestamp() for each in requests]
    return [
        Figure(
            what=f"pushing {cards} changed cards, Notion answering after 300 ms",
            limit=f"{1.05 * least:.1f} s (1.05 of {cards}/3 s)",
            measured=f"{seconds:.1f} s, {len(requests)} requests, at most "
            f"{most_in_any_window(moments, 1)} a second",
            ratio=seconds / least,
            good=seconds <= 1.05 * least,
        )
    ]


async def measure() -> Sequence[Figure]:
    """60, then 600."""
    quiet()
    sizes = [int(each) for each in sys.argv[1:] if each.isdigit()] or [60, 600]
    return [figure for cards in sizes for figure in await push(cards)]


if __name__ == "__main__":
    main(measure)
