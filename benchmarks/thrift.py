"""Requests to Notion for one change by the pipeline and for one edit by a user."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from benchmarks.kit.board_server import select
from benchmarks.kit.figures import Figure, main
from benchmarks.kit.places import Board, board, connected, database, quiet, webhook
from tasks.runtime.report import Report
from tasks.sync.cycle import cycle
from tasks.sync.import_board import import_cards
from tasks.sync.ingest import drain_inbox


async def asked(notion: Board, since: int) -> list[str]:
    """What was asked since then beside the sweep, which an idle cycle sends as well."""
    return [
        entry["method"]
        for entry in await notion.requests(since)
        if not entry["path"].endswith("/query")
    ]


async def measure() -> Sequence[Figure]:
    """One move by the pipeline, one by a person, on a board whose webhooks come."""
    quiet()
    with database() as url:
        async with board(3, latency_ms=0) as notion, connected(notion.settings(url)) as ctx:
            await import_cards(ctx, Report())
            async with ctx.sessions() as session:
                page = (
                    await session.execute(text("SELECT min(notion_page_id) FROM cards"))
                ).scalar_one()
            await webhook(ctx, page)
            await drain_inbox(ctx, Report())
            before = await notion.last()
            async with ctx.sessions.begin() as session:
                await session.execute(
                    text(
                        "UPDATE tasks SET board_status = 'Processing' WHERE notion_page_id = :page"
                    ),
                    {"page": page},
                )
            await cycle(ctx, Report(), "benchmark")
            of_pipeline, before = await asked(notion, before), await notion.last()
            async with ctx.sessions() as session:
                other = (
                    await session.execute(text("SELECT max(notion_page_id) FROM cards"))
                ).scalar_one()
            await notion.edit(other, {"Status": select("Draft")})
            await webhook(ctx, other)
            await drain_inbox(ctx, Report())
            await cycle(ctx, Report(), "benchmark")
            of_person = await asked(notion, before)
    return [
        Figure(
            what="Notion requests per change pushed, the cycle's one sweep aside",
            limit="1",
            measured=f"{len(of_pipeline)} ({', '.join(of_pipeline)})",
            ratio=float(len(of_pipeline)),
            good=len(of_pipeline) == 1,
        ),
        Figure(
            what="Notion requests per human edit taken (the fetch, and the date written back)",
            limit="2",
            measured=f"{len(of_person)} ({', '.join(of_person)})",
            ratio=len(of_person) / 2,
            good=len(of_person) <= 2,
        ),
    ]


if __name__ == "__main__":
    main(measure)
