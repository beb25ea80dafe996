"""From a webhook to the row it is about: the whole way, on real servers, the system otherwise idle.

PostgreSQL, Prefect's server, the warm worker, the receiver, and a board that answers after 300 ms,
as Notion does. A user edits a card every few seconds, at random moments. The time runs from the
receiver's `received_at` to the moment another connection sees the edit in `tasks`. The cycle of
every minute runs as usual.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import psycopg
from sqlalchemy import URL

from benchmarks.kit.figures import Figure, main, percentile
from benchmarks.kit.places import Board, board, connected, database, free_port, quiet
from benchmarks.kit.prefect_stack import Prefect, stack, webhooks
from models.postgres.engine import libpq
from tasks.runtime.report import Report
from tasks.sync.import_board import import_cards

EDITS, GAP = 20, (1.0, 2.5)
CARDS, LATENCY = 10, 0.3
_PATIENCE, _LOOK_EVERY = 30.0, 0.005


@dataclass(frozen=True)
class Taken:
    """One edit: when its webhook was received, and when it was seen in `tasks`."""

    received: datetime
    seen: datetime

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.seen - self.received).total_seconds()


async def edit(notion: Board, connection: psycopg.AsyncConnection, page: str, topic: str) -> Taken:
    """A person gives a card a new topic; return when it is in `tasks`."""
    await notion.edit(page, {"Topic": {"rich_text": [{"text": {"content": topic}}]}})
    deadline = time.monotonic() + _PATIENCE
    query = "SELECT clock_timestamp() FROM tasks WHERE notion_page_id = %s AND topic = %s"
    while (found := await (await connection.execute(query, [page, topic])).fetchone()) is None:
        assert time.monotonic() < deadline, "the edit did not arrive"
        await asyncio.sleep(_LOOK_EVERY)
    last = (
        "SELECT max(received_at) FROM webhook_events WHERE page_id = %s AND event_type = "
        "'page.properties_updated'"
    )
    told = await (await connection.execute(last, [page])).fetchone()
    assert told is not None
    return Taken(told[0], found[0])


async def edits(url: URL, notion: Board) -> list[Taken]:
    """Edit card after card."""
    chance = random.Random(11)
    async with await psycopg.AsyncConnection.connect(libpq(url), autocommit=True) as connection:
        found = await (
            await connection.execute("SELECT notion_page_id FROM tasks ORDER BY 1")
        ).fetchall()
        pages = [str(row[0]) for row in found]
        await edit(notion, connection, pages[0], "the first one finds everything cold")
        taken = []
        for number in range(EDITS):
            await asyncio.sleep(chance.uniform(*GAP))
            taken.append(
                await edit(notion, connection, pages[number % len(pages)], f"topic {number}")
            )
    return taken


async def steps(prefect: Prefect, taken: Sequence[Taken]) -> str:
    """Where the time went, by Prefect's own records: medians, each step from the one before."""
    asked = {"flows": {"name": {"any_": ["ingest"]}}, "sort": "START_TIME_ASC", "limit": 200}
    answer = await prefect.api.post("/flow_runs/filter", json=asked)
    runs: list[dict[str, Any]] = answer.raise_for_status().json()
    ways = []
    for each in taken:
        mine = [
            run for run in runs if run["start_time"] and _moment(run["created"]) >= each.received
        ]
        if not mine or _moment(mine[0]["start_time"]) > each.seen:
            continue  # a cycle that was under way took it
        answer = await prefect.api.get(f"/flow_run_states/?flow_run_id={mine[0]['id']}")
        told = {
            state["type"]: _moment(state["timestamp"]) for state in answer.raise_for_status().json()
        }
        moments = [
            each.received,
            _moment(mine[0]["created"]),
            told["PENDING"],
            told["RUNNING"],
            each.seen,
        ]
        ways.append([(b - a).total_seconds() for a, b in pairwise(moments)])
    names = ("asked for", "taken by the worker", "running", "in the table")
    medians = [percentile(list(each), 0.5) for each in zip(*ways, strict=True)]
    return ", ".join(
        f"{name} {1000 * median:.0f} ms" for name, median in zip(names, medians, strict=False)
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def measure() -> Sequence[Figure]:
    """Start everything, edit, and count from the database's own moments."""
    quiet()
    receiver = free_port()
    with database() as url:
        async with board(CARDS, latency_ms=1000 * LATENCY, options=webhooks(receiver)) as notion:
            async with connected(notion.settings(url)) as ctx:
                await import_cards(ctx, Report())
            async with stack(url, notion, receiver) as prefect:
                taken = await edits(url, notion)
                where = await steps(prefect, taken)
    seconds = [each.seconds for each in taken]
    p50, p95 = percentile(seconds, 0.5), percentile(seconds, 0.95)
    return [
        Figure(
            what=f"webhook received -> row in PostgreSQL, idle system, real Prefect "
            f"deployment run, {EDITS} edits",
            limit="p50 1 s, p95 2 s",
            measured=f"p50 {p50:.2f} s, p95 {p95:.2f} s, worst {max(seconds):.2f} s",
            ratio=p50 / LATENCY,
            good=p50 <= 1 and p95 <= 2,
            note=f"The ratio is to Notion's own {LATENCY} s. Medians of the steps: {where}.",
        )
    ]


if __name__ == "__main__":
    main(measure)
