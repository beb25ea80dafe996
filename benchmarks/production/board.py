"""From an update of a task in PostgreSQL to its card: single updates on an otherwise idle system.

PostgreSQL, Prefect's server, the warm worker, the receiver, and a board that answers after 300 ms,
as Notion does. Half of the updates are plain SQL, half are reports of a worker. The time runs until
the board has carried out the write that shows the update.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from benchmarks.kit.figures import Figure, main, percentile
from benchmarks.kit.places import Board, board, connected, database, free_port, quiet
from benchmarks.kit.prefect_stack import stack, webhooks
from benchmarks.kit.waiting import until
from models.postgres.engine import libpq
from models.production.steps import STEPS
from tasks.runtime.report import Report
from tasks.sync.import_board import import_cards

UPDATES = next((int(each) for each in sys.argv[1:] if each.isdigit()), 30)
MOVES_PER_CARD = 5
GAP = (2.0, 6.0)
"""Seconds between an update that was seen and the next one."""
LATENCY = 0.3
P50, P95 = 3.0, 5.0
WORKER = "benchmark"
_COLUMNS = [column.value for rule in STEPS.values() for column in (rule.working, rule.done)]
_CLAIM = "SELECT task_id FROM showrunner.claim_task(%s, '1 hour')"
_REPORT = "SELECT showrunner.report(%s, %s, %s)"
_UPDATE = "UPDATE tasks SET board_status = %s WHERE id = %s"
_PAGE = "SELECT notion_page_id FROM tasks WHERE id = %s"
_WAITING = "SELECT id FROM tasks WHERE board_status = 'Queued' ORDER BY id"


@dataclass(frozen=True, kw_only=True)
class Move:
    """An update to be made.

    Attributes:
        is_reported: by a worker with `showrunner.report`; else with plain SQL.
    """

    task: Any
    page: str
    column: str
    is_reported: bool


async def shown(notion: Board, move: Move, since: int) -> datetime | None:
    """When the board carried out the write after which the card shows it; None before that."""
    writes = [
        each
        for each in await notion.requests(since)
        if each["method"] == "PATCH" and each["path"].endswith(move.page)
    ]
    if not writes:
        return None
    card = (await notion.people.get(f"/v1/pages/{move.page}")).raise_for_status().json()
    if card["properties"]["Status"]["select"]["name"] != move.column:
        return None
    began = datetime.fromisoformat(writes[-1]["time"])
    return began + timedelta(milliseconds=writes[-1]["ms"])


async def seconds_to_card(notion: Board, connection: AsyncConnection[Any], move: Move) -> float:
    """Make the update, and wait for the card."""
    since, began = await notion.last(), datetime.now(UTC)
    if move.is_reported:
        await connection.execute(_REPORT, [move.task, WORKER, move.column])
    else:
        await connection.execute(_UPDATE, [move.column, move.task])

    async def ask() -> datetime | None:
        return await shown(notion, move, since)

    return (await until(ask, f"the card in {move.column}", every=0.05) - began).total_seconds()


async def moves(connection: AsyncConnection[Any]) -> list[Move]:
    """Updates of several cards in turn, half of them of tasks that a worker has claimed."""
    cards = max(UPDATES // MOVES_PER_CARD // 2, 1)
    claimed = []
    for _ in range(cards):
        row = await (await connection.execute(_CLAIM, [WORKER])).fetchone()
        assert row is not None
        claimed.append(row[0])
    plain = [row[0] for row in await (await connection.execute(_WAITING)).fetchall()][:cards]
    found = []
    for number in range(UPDATES):
        is_reported, turn = bool(number % 2), number // 2
        task = (claimed if is_reported else plain)[turn % cards]
        row = await (await connection.execute(_PAGE, [task])).fetchone()
        assert row is not None
        column = _COLUMNS[turn // cards]
        found.append(Move(task=task, page=str(row[0]), column=column, is_reported=is_reported))
    return found


async def updates(notion: Board, connection: AsyncConnection[Any]) -> dict[Move, float]:
    """Seconds of each update; the first one, which finds everything cold, is left out."""
    chance, found = random.Random(13), {}
    wanted = await moves(connection)
    first = (await (await connection.execute(_WAITING)).fetchall())[-1][0]
    row = await (await connection.execute(_PAGE, [first])).fetchone()
    assert row is not None
    cold = Move(task=first, page=str(row[0]), column="Processing", is_reported=False)
    await seconds_to_card(notion, connection, cold)
    for move in wanted:
        await asyncio.sleep(chance.uniform(*GAP))
        found[move] = await seconds_to_card(notion, connection, move)
    return found


def figure(taken: dict[Move, float]) -> Figure:
    """All updates together; each kind's median as a note."""
    seconds = list(taken.values())
    p50, p95 = percentile(seconds, 0.5), percentile(seconds, 0.95)
    reported = [value for move, value in taken.items() if move.is_reported]
    plain = [value for move, value in taken.items() if not move.is_reported]
    return Figure(
        what=f"SQL update of a task -> its card, idle system, {len(seconds)} single updates",
        limit=f"p50 {P50:.0f} s, p95 {P95:.0f} s",
        measured=f"p50 {p50:.2f} s, p95 {p95:.2f} s, worst {max(seconds):.2f} s",
        ratio=p50 / P50,
        good=p50 <= P50 and p95 <= P95,
        note=f"p50 of plain UPDATEs {percentile(plain, 0.5):.2f} s, of showrunner.report "
        f"{percentile(reported, 0.5):.2f} s; Notion's own {LATENCY} s are included. An update "
        f"comes {GAP[0]:.0f} to {GAP[1]:.0f} s after the one before was seen",
    )


async def measure() -> Sequence[Figure]:
    """Start everything, and update."""
    quiet()
    receiver = free_port()
    cards = 2 * max(UPDATES // MOVES_PER_CARD // 2, 1) + 1
    with database() as url:
        async with board(cards, latency_ms=1000 * LATENCY, options=webhooks(receiver)) as notion:
            async with connected(notion.settings(url)) as ctx:
                await import_cards(ctx, Report())
            async with (
                stack(url, notion, receiver),
                await AsyncConnection.connect(libpq(url), autocommit=True) as connection,
            ):
                return [figure(await updates(notion, connection))]


if __name__ == "__main__":
    main(measure)
