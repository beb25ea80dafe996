"""What must hold once everything is up again: each law that does not is a line with the facts."""

from __future__ import annotations

from collections import Counter
from typing import Any

from crash_board import CrashBoard
from crash_burst import Burst
from kit.processes.programs import Up

from models.rules.board_schema import Board
from models.rules.codec.read import BoardCard, to_minute

_SAID = ("violation_text", "rejection", "production_text")
"""Columns of `cards` that together are its Attention, in that order."""


async def differences(board: CrashBoard, up: Up) -> list[str]:
    """What board and database say differently of a card; empty once they have converged."""
    tasks = {row["notion_page_id"]: row for row in up.records("SELECT * FROM tasks")}
    attention = {
        row["notion_page_id"]: " ".join(filter(None, map(row.get, _SAID)))
        for row in up.records("SELECT * FROM cards")
    }
    found = []
    for page_id, card in (await board.shows()).items():
        if (task := tasks.get(page_id)) is None:
            found.append(f"card {page_id} has no task")
            continue
        pairs = [*_pairs(card, task), ("Attention", card.attention, attention[page_id])]
        found += [
            f"card {page_id}: {name} is {shown!r}, {held!r} here"
            for name, shown, held in pairs
            if shown != held
        ]
    return found


def _pairs(card: BoardCard, task: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    pairs = [
        ("Title", card.title, task["title"]),
        ("Channel", card.channel, task["channel_id"]),
        ("Topic", card.topic, task["topic"]),
        ("Story Direction", card.story_direction or None, task["story_direction"]),
        ("Status", card.status, task["board_status"]),
        ("Priority", card.priority, task["priority"].title()),
        ("Created", card.created, to_minute(task["created_at"])),
        ("Updated", card.updated, to_minute(task["status_changed_at"])),
    ]
    # Empty at the first contact counts as agreed, until the card is written for another reason.
    return [pair for pair in pairs if pair[0] not in {"Created", "Updated"} or pair[1] is not None]


async def broken(burst: Burst, schema: Board, history_before: int) -> list[str]:
    """Every law but convergence that does not hold after a burst."""
    board, up = burst.board, burst.crashing.up
    found = await _people_kept_what_they_wrote(burst)
    found += _nothing_is_doubled(board, up)
    found += _each_loss_is_recorded_once(burst, up, history_before)
    now = await board.schema()
    found += ["the board's options or properties changed"] if now != schema else []
    return found


async def _people_kept_what_they_wrote(burst: Burst) -> list[str]:
    """Where nobody else may write or nobody else did, the board shows what a person wrote last."""
    cards = await burst.board.shows()
    return [
        f"card {page_id}: {name} is {getattr(cards[page_id], name)!r}, a person wrote {value!r}"
        for (page_id, name), value in burst.wrote.items()
        if getattr(cards[page_id], name) != value
        and not (name == "status" and page_id in burst.lost)
    ]


def _nothing_is_doubled(board: CrashBoard, up: Up) -> list[str]:
    pages = Counter(row["notion_page_id"] for row in up.records("SELECT notion_page_id FROM tasks"))
    found = [f"page {page} has {count} tasks" for page, count in pages.items() if count > 1]
    found += [f"page {page} is not on the board" for page in pages.keys() - set(board.cards)]
    made = up.records(
        "SELECT notion_page_id, count(*) FROM task_history WHERE action = 'created' GROUP BY 1"
    )
    found += [
        f"the task of {row['notion_page_id']} was made {row['count']} times"
        for row in made
        if row["count"] > 1
    ]
    return found


def _each_loss_is_recorded_once(burst: Burst, up: Up, history_before: int) -> list[str]:
    query = "SELECT * FROM task_history WHERE id > %s AND lost_value IS NOT NULL"
    rows = up.records(query, history_before)
    recorded = Counter((row["notion_page_id"], row["lost_value"]) for row in rows)
    return [
        f"{loss} was recorded {recorded[loss]} times"
        for loss in burst.lost.items()
        if recorded[loss] != 1
    ]


def lost_by_nobody(burst: Burst, up: Up, history_before: int) -> list[str]:
    """Values recorded as lost that no person wrote."""
    query = "SELECT * FROM task_history WHERE id > %s AND lost_value IS NOT NULL"
    return [
        f"{row['notion_page_id']}: {row['property']} {row['lost_value']} of {row['actor']}, "
        f"{row['reason']}"
        for row in up.records(query, history_before)
        if burst.lost.get(row["notion_page_id"]) != row["lost_value"]
    ]


def undone(up: Up) -> list[str]:
    """Events that are neither processed, nor dead with a reason."""
    rows = up.records(
        "SELECT * FROM webhook_events WHERE NOT processed AND (dead_at IS NULL OR error IS NULL)"
    )
    return [
        f"event {row['event_id']} waits after {row['attempts']} attempts: {row['error']}"
        for row in rows
    ]


async def nothing_waits(board: CrashBoard, up: Up) -> bool:
    """Whether every webhook arrived, also after a repetition, and every event is processed."""
    return not undone(up) and not await board.undelivered()
