"""What must hold once a history has calmed down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models.rules.board_schema import Board, read_board
from models.rules.codec.read import BoardCard, read_card, to_minute
from models.rules.first_contact import is_our_attention
from models.rules.statuses import board_status
from models.rules.validation import Violation, validate_notion_entry
from simulation.laws import inserted_tasks, moves, task_history
from simulation.laws.lost_values import every_refusal_is_recorded, nothing_lost
from simulation.world.world import World


async def broken(world: World) -> list[str]:
    """Every law that does not hold, each with the facts."""
    pages, tasks, cards = await _facts(world)
    board = read_board(
        (await world.people.get(f"/v1/data_sources/{world.data_source_id}")).json(), world.board
    )
    found: list[str] = []
    history = _with_their_pages(await world.rows("SELECT * FROM task_history ORDER BY id"))
    deleted = {row["notion_page_id"]: row["at"] for row in history if row["action"] == "deleted"}
    for page_id, page in pages.items():
        known = _Known(
            page_id, page, cards.get(page_id), tasks.get(page_id, []), deleted.get(page_id)
        )
        found += _card_and_task_agree(world, board, known)
    found += await inserted_tasks.broken(world, board)
    found += nothing_lost(world, history)
    found += every_refusal_is_recorded(cards, history)
    found += moves.broken(world, pages, cards, history)
    found += task_history.broken(world, history)
    found += await _every_event_is_done(world)
    found += _who_left_counts_as_trashed(world, cards)
    found += _nothing_that_left_waits_for_a_worker(world, tasks, history)
    found += [
        f"page {page_id[:8]} never was a card and has a row"
        for page_id in world.strangers
        if page_id in cards
    ]
    found += _within_the_budget(world)
    return found


async def rejections_are_shown(world: World) -> list[str]:
    """What cards are to tell their editors before a day is over."""
    cards = {row["notion_page_id"]: row for row in await world.rows("SELECT * FROM cards")}
    history = _with_their_pages(await world.rows("SELECT * FROM task_history ORDER BY id"))
    return [*moves.rejections_are_shown(world, cards, history)]


def _with_their_pages(history: Sequence[Any]) -> list[Any]:
    """What happened to a task before it had its card is of that card, too."""
    pages = {
        row["task_id"]: row["notion_page_id"] for row in history if row["action"] == "card_made"
    }
    return [
        {**row, "notion_page_id": row["notion_page_id"] or pages.get(row["task_id"])}
        for row in history
    ]


async def _facts(world: World) -> tuple[dict[str, Any], dict[str, list[Any]], dict[str, Any]]:
    pages: dict[str, Any] = {}
    for page_id in world.cards:
        if not world.left(page_id):
            pages[page_id] = (await world.people.get(f"/v1/pages/{page_id}")).json()
    tasks: dict[str, list[Any]] = {}
    for row in await world.rows("SELECT * FROM tasks"):
        tasks.setdefault(row["notion_page_id"], []).append(row)
    cards = {row["notion_page_id"]: row for row in await world.rows("SELECT * FROM cards")}
    return pages, tasks, cards


@dataclass(frozen=True)
class _Known:
    """A page on the board, its rows, and when its task was last deleted."""

    page_id: str
    page: Any
    card: Any
    tasks: list[Any]
    deleted: datetime | None


def _card_and_task_agree(world: World, board: Board, known: _Known) -> list[str]:
    name, card, tasks = f"card {known.page_id[:8]}", known.card, known.tasks
    if card is None:
        return [f"{name} was never seen"]
    if card["trashed_at"] is not None:
        return [f"{name} counts as trashed and is not"]
    if len(tasks) > 1:
        return [f"{name} has {len(tasks)} tasks"]
    read = read_card(known.page, board)
    violations = validate_notion_entry(read, world.channels)
    unseen = known.deleted is not None and known.deleted >= card["last_read_at"]
    if not violations and not tasks and board_status(read.status) is not None and not unseen:
        return [f"{name} is valid and has no task"]
    theirs = all(
        entry.who in {"person", "schema"}
        for entry in world.ledger.written[known.page_id, "Attention"]
    )
    found = (
        _attention_is_right(read, violations, card, tasks, theirs)
        if "Attention" not in read.computed
        else []
    )
    if violations and tasks and tasks[0]["status"] == "pending":
        found.append("it is not valid, and its task is pending")
    if card["status_kept_until"] is not None:
        found.append(f"its Status is left alone since {card['status_kept_until']:%d %H:%M:%S}")
    if tasks:
        pairs = _pairs(read, tasks[0], {violation.field for violation in violations})
    else:
        dates = [
            ("Created", read.created, card["base_created"]),
            ("Updated", read.updated, card["base_updated"]),
        ]
        pairs = [("Status", read.status or "Draft", card["base_status"] or read.status)]
        pairs += [(name, shown, to_minute(moment)) for name, shown, moment in dates]
    found += _a_new_card_has_its_dates(world, read, tasks)
    found += _production_is_shown(known.page, card)
    found += [
        f"{prop} is {on_board!r} on the board and {in_database!r} in the database"
        for prop, on_board, in_database in pairs
        if on_board != in_database
        and prop not in read.computed
        and not (on_board is None and prop in card["initially_empty"])
    ]
    return [f"{name}: {fact}" for fact in found]


def _a_new_card_has_its_dates(world: World, read: BoardCard, tasks: list[Any]) -> Iterator[str]:
    """A card made after the first import is as old as its page and shows both dates.

    The card of a task that a worker inserted is as old as the task.
    """
    if world.imported is None or read.created_time <= world.imported:
        return
    for name, shown in (("Created", read.created), ("Updated", read.updated)):
        if shown is None and name not in read.computed:
            yield f"{name} is empty, and it was made after the first import"
    # A worker may have deleted it since: its card remembers how old it is, and brings it back.
    inserted = read.page_id in world.ledger.pages_made
    if tasks and not inserted and tasks[0]["created_at"] != read.created_time:
        yield f"it was made at {read.created_time}, and its task says {tasks[0]['created_at']}"


def _production_is_shown(page: Any, card: Any) -> Iterator[str]:
    """Progress and Cost are those of the task, once there are any."""
    for name in ("Progress", "Cost"):
        shown, is_ = page["properties"].get(name), card[f"task_{name.lower()}"]
        if shown is not None and is_ is not None and shown["number"] != is_:
            yield f"{name} is {shown['number']} on the board and {is_} in the database"


def _attention_is_right(
    read: BoardCard,
    violations: Sequence[Violation],
    card: Any,
    tasks: list[Any],
    theirs: bool,  # noqa: FBT001
) -> list[str]:
    """It says what is wrong now, then what was refused last, and is empty when nothing is.

    Unless we never wrote there (`theirs`): while nothing is wrong it is people's, but for what a
    duplicate brought in.
    """
    told = [card["rejection"], card["production_text"]]
    expected = " ".join([*(v.message for v in violations), *filter(None, told)])
    right = read.attention == expected or (
        not expected and theirs and not is_our_attention(read.attention)
    )
    found = [] if right else [f"it says {read.attention!r} and should say {expected!r}"]
    if (
        tasks
        and card["rejection"]
        and card["rejected_at_status_change"] != tasks[0]["status_changed_at"]
    ):
        found.append(f"its refusal is of yesterday: {card['rejection']!r}")
    return found


def _pairs(read: BoardCard, task: Any, wrong: set[str]) -> list[tuple[str, Any, Any]]:
    """Value on the board and in the database of each shared property that is valid."""
    texts = [
        ("Title", read.title, "title"),
        ("Channel", read.channel, "channel_id"),
        ("Topic", read.topic, "topic"),
    ]
    moments = [
        ("Created", read.created, "created_at"),
        ("Updated", read.updated, "status_changed_at"),
    ]
    return [
        ("Status", read.status, task["board_status"]),
        ("Priority", read.priority, task["priority"].title()),
        ("Story Direction", read.story_direction or None, task["story_direction"]),
        *((name, text, task[column]) for name, text, column in texts if name not in wrong),
        *((name, moment, to_minute(task[column])) for name, moment, column in moments),
    ]


async def _every_event_is_done(world: World) -> list[str]:
    rows = await world.rows("SELECT * FROM webhook_events WHERE NOT processed")
    world.happened["dead events"] += sum(row["dead_at"] is not None for row in rows)
    return [
        f"event {row['event_id']} is neither done nor dead with a reason"
        for row in rows
        if not row["dead_at"] or not row["error"]
    ]


def _who_left_counts_as_trashed(world: World, cards: dict[str, Any]) -> list[str]:
    """Every card that left the board is marked as trashed, with or without a webhook."""
    return [
        f"card {page_id[:8]} has left the board, and counts as there"
        for page_id in world.cards
        if world.left(page_id)
        and page_id in cards
        and cards[page_id]["first_seen_at"] is not None
        and cards[page_id]["trashed_at"] is None
    ]


def _nothing_that_left_waits_for_a_worker(
    world: World, tasks: dict[str, list[Any]], history: list[Any]
) -> list[str]:
    """Unless the pipeline itself queued it since."""
    found = []
    for page_id in filter(world.left, world.cards):
        rows = [row for row in history if row["notion_page_id"] == page_id]
        queued = [
            row for row in rows if row["property"] == "Status" and row["new_value"] == "Queued"
        ]
        trashed = [row["id"] for row in rows if row["action"] == "trashed"]
        by_pipeline = (
            bool(queued and trashed)
            and queued[-1]["actor"] == "pipeline"
            and queued[-1]["id"] > trashed[-1]
        )
        if not by_pipeline and any(task["status"] == "pending" for task in tasks.get(page_id, [])):
            found.append(f"card {page_id[:8]} has left the board, and its task waits for a worker")
    return found


WINDOWS = (1, 5, 20, 60)
"""Seconds."""
AT_HAND = 12
"""Requests that may have got their slot earlier and waited for their turn since: four and two of
each process."""


def _within_the_budget(world: World) -> list[str]:
    """At most 3 requests a second over any window, apart from those that waited for a turn."""
    return [fact for seconds in WINDOWS for fact in _too_many(world.sent, seconds)]


def _too_many(sent: list[datetime], seconds: int) -> list[str]:
    first = 0
    for last, at in enumerate(sent):
        while at - sent[first] >= timedelta(seconds=seconds):
            first += 1
        if last - first + 1 > seconds * 3 + AT_HAND:
            return [f"{last - first + 1} requests within {seconds} s at {at}"]
    return []
