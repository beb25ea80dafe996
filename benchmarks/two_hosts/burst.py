"""Three hundred edits by users and as many pipeline moves, and what must hold afterwards."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

import psycopg
from psycopg.rows import dict_row

from benchmarks.kit.places import Board
from models.rules.board_schema import read_board
from models.rules.codec.read import BoardCard, read_card, to_minute
from models.rules.statuses import STATE_OF, BoardStatus, Status

HANDS = 6
MOVED = 60
"""Cards that the pipeline moves, and as many others that people drag: each is written at least
once, 3 a second."""
WORKING = [status.value for status, state in STATE_OF.items() if state is Status.PROCESSING]
PLANNED = [BoardStatus.DRAFT.value, BoardStatus.READY_FOR_PLANNING.value, BoardStatus.QUEUED.value]


@dataclass
class Burst:
    """What is done, evenly over `seconds`, and what has been.

    People drag some cards and the pipeline moves others, so that nobody ever overrules anybody;
    titles and priorities are people's on all of them.

    Attributes:
        struck: set once the cable is pulled: the last third waits for it, so that the burst is
            under way then.
        wrote: what a person wrote last, by page and property.
        put: where the pipeline put a task last, by page.
    """

    board: Board
    database: str
    pages: list[str]
    rng: Random
    seconds: float = 25.0
    edits: int = 300
    moves: int = 300
    edited: int = 0
    moved: int = 0
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    wrote: dict[tuple[str, str], str] = field(default_factory=dict)
    put: dict[str, str] = field(default_factory=dict)

    async def rage(self) -> None:
        """All of it."""
        self._turns = {page: asyncio.Lock() for page in self.pages}
        began, left = time.monotonic(), list(range(self.edits))

        async def hand() -> None:
            while left:
                number = left.pop(0)
                if number >= self.edits * 2 // 3:
                    await self.struck.wait()
                await asyncio.sleep(
                    max(0.0, began + number * self.seconds / self.edits - time.monotonic())
                )
                await self._edit(number)
                self.edited += 1

        await asyncio.gather(self._pipeline(began), *(hand() for _ in range(HANDS)))

    async def _edit(self, number: int) -> None:
        if number % 3 == 0:
            page, name, value = (
                self.rng.choice(self.pages[-MOVED:]),
                "Status",
                self.rng.choice(PLANNED),
            )
        elif number % 3 == 1:
            page, name, value = (
                self.rng.choice(self.pages),
                "Priority",
                self.rng.choice(["Low", "Normal", "High"]),
            )
        else:
            page, name, value = self.rng.choice(self.pages), "Title", f"Squid, edit {number}"
        content: dict[str, Any] = {"title": [{"text": {"content": value}}]}
        async with self._turns[page]:  # so that the last to ask is the last to be answered
            await self.board.edit(
                page, {name: content if name == "Title" else {"select": {"name": value}}}
            )
            self.wrote[page, name] = value

    async def _pipeline(self, began: float) -> None:
        async with await psycopg.AsyncConnection.connect(self.database, autocommit=True) as worker:
            for number in range(self.moves):
                if number >= self.moves * 2 // 3:
                    await self.struck.wait()
                await asyncio.sleep(
                    max(0.0, began + number * self.seconds / self.moves - time.monotonic())
                )
                page, to = self.rng.choice(self.pages[:MOVED]), self.rng.choice(WORKING)
                await worker.execute(
                    "UPDATE tasks SET board_status = %s WHERE notion_page_id = %s", [to, page]
                )
                self.put[page] = to
                self.moved += 1


async def records(database: str, query: str, *values: Any) -> list[dict[str, Any]]:
    """Rows by column name."""
    async with await psycopg.AsyncConnection.connect(database, row_factory=dict_row) as connection:
        return await (await connection.execute(query, values)).fetchall()


async def shown(board: Board) -> dict[str, BoardCard]:
    """Every card as it stands on the board, by page id."""
    source = f"/v1/data_sources/{board.data_source_id}"
    schema = read_board((await board.people.get(source)).raise_for_status().json())
    found: dict[str, BoardCard] = {}
    after: dict[str, str] = {}
    while True:
        answer = await board.people.post(f"{source}/query", json={"page_size": 100, **after})
        page = answer.raise_for_status().json()
        cards = [read_card(each, schema) for each in page["results"]]
        found |= {card.page_id: card for card in cards}
        if not page["has_more"]:
            return found
        after = {"start_cursor": page["next_cursor"]}


async def differences(board: Board, database: str) -> list[str]:
    """What board and database say differently of a card, over all cards and properties."""
    query = (
        "SELECT t.*, btrim(c.violation_text || ' ' || c.rejection) AS attention "
        "FROM tasks t JOIN cards c ON c.notion_page_id = t.notion_page_id"
    )
    tasks = {row["notion_page_id"]: row for row in await records(database, query)}
    found = []
    for page_id, card in (await shown(board)).items():
        task = tasks.pop(page_id, None)
        if task is None:
            found.append(f"{page_id} has no task")
            continue
        held = {
            "title": task["title"],
            "channel": task["channel_id"],
            "topic": task["topic"],
            "story_direction": task["story_direction"],
            "status": task["board_status"],
            "priority": task["priority"].title(),
            "attention": task["attention"],
        }
        # Empty at the first contact counts as agreed, until the card is written for another reason.
        for name, moment in (
            ("created", task["created_at"]),
            ("updated", task["status_changed_at"]),
        ):
            if getattr(card, name) is not None:
                held[name] = to_minute(moment)
        found += [
            f"{page_id}: {name}" for name, value in held.items() if getattr(card, name) != value
        ]
    return [*found, *(f"{page_id} is not on the board" for page_id in tasks)]


async def undone(database: str) -> int:
    """Events that are neither processed nor dead with a reason."""
    query = (
        "SELECT count(*) FROM webhook_events WHERE NOT processed AND (dead_at IS NULL "
        "OR error IS NULL)"
    )
    return int((await records(database, query))[0]["count"])


async def on_its_way(board: Board) -> int:
    """Webhooks that are gathered or not delivered yet."""
    told = (await board.people.get("/sandbox/webhooks")).raise_for_status().json()
    return int(told["gathering"] + told["pending"])


async def doubled(database: str) -> list[str]:
    """What took effect twice: several tasks of one page, or repeated changes in the history."""
    tasks = await records(database, "SELECT notion_page_id FROM tasks")
    found = [
        page for page, count in Counter(row["notion_page_id"] for row in tasks).items() if count > 1
    ]
    query = (
        "SELECT notion_page_id, action, property, old_value, new_value FROM "
        "task_history ORDER BY id"
    )
    by_property: dict[tuple[str, str], list[tuple[str, Any, Any]]] = {}
    for row in await records(database, query):
        key = (row["notion_page_id"], str(row["property"]))
        by_property.setdefault(key, []).append((row["action"], row["old_value"], row["new_value"]))
    for (page, name), changes in by_property.items():
        found += [f"{page}: {name} {now}" for before, now in pairwise(changes) if before == now]
        found += [f"{page}: created again" for change in changes[1:] if change[0] == "created"]
    return found


async def lost(burst: Burst) -> list[str]:
    """Last values that did not survive, and recorded losses; here no edits conflict."""
    cards = await shown(burst.board)
    found = [
        f"{page}: {name} is not {value}"
        for (page, name), value in burst.wrote.items()
        if getattr(cards[page], name.lower()) != value
    ]
    found += [f"{page}: not at {to}" for page, to in burst.put.items() if cards[page].status != to]
    query = (
        "SELECT notion_page_id, property, lost_value FROM task_history WHERE lost_value IS NOT NULL"
    )
    rows = await records(burst.database, query)
    return [
        *found,
        *(
            f"{row['notion_page_id']}: {row['property']} {row['lost_value']} overruled"
            for row in rows
        ),
    ]
