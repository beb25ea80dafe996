"""What must hold once a history has calmed down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import laws_of_history
import laws_of_inserted_tasks
import laws_of_moves
from laws_of_history import same
from laws_of_unseen_edits import Told, unseen_is_true
from ledger import TWO_WAY, Written
from world import World

from models.rules.board_schema import Board, read_board
from models.rules.codec import BoardCard, read_card, to_minute
from models.rules.first_contact import is_our_attention
from models.rules.statuses import board_status
from models.rules.validation import Violation, validate_notion_entry


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
    found += await laws_of_inserted_tasks.broken(world, board)
    found += _nothing_lost(world, history)
    found += _every_refusal_is_recorded(cards, history)
    found += laws_of_moves.broken(world, pages, cards, history)
    found += laws_of_history.broken(world, history)
    found += await _every_event_is_done(world)
    found += _who_left_counts_as_gone(world, cards)
    found += _nothing_that_left_waits_for_a_worker(world, tasks, history)
    found += [
        f"page {page_id[:8]} never was a card and has a row"
        for page_id in world.strangers
        if page_id in cards
    ]
    found += _within_the_budget(world)
    return found


async def told(world: World) -> list[str]:
    """What cards are to tell their editors before a day is over."""
    cards = {row["notion_page_id"]: row for row in await world.rows("SELECT * FROM cards")}
    history = _with_their_pages(await world.rows("SELECT * FROM task_history ORDER BY id"))
    return [*laws_of_moves.told(world, cards, history)]


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
    """A page that is on the board and what the database knows of it; `deleted` is when a task of its was."""

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
    found += [
        f"{prop} is {on_board!r} on the board and {in_database!r} in the database"
        for prop, on_board, in_database in pairs
        if on_board != in_database
        and prop not in read.computed
        and not (on_board is None and prop in card["initially_empty"])
    ]
    return [f"{name}: {fact}" for fact in found]


def _a_new_card_has_its_dates(world: World, read: BoardCard, tasks: list[Any]) -> Iterator[str]:
    """What was made after the first import is as old as its page, and shows both dates, valid or not.

    The card of a task that a worker inserted is as old as the task.
    """
    if world.imported is None or read.created_time <= world.imported:
        return
    for name, shown in (("Created", read.created), ("Updated", read.updated)):
        if shown is None and name not in read.computed:
            yield f"{name} is empty, and it was made after the first import"
    inserted = bool(tasks) and tasks[0]["id"] in world.inserted
    if tasks and not inserted and tasks[0]["created_at"] != read.created_time:
        yield f"it was made at {read.created_time}, and its task says {tasks[0]['created_at']}"


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
    expected = " ".join(
        [*(v.message for v in violations), *([card["rejection"]] if card["rejection"] else [])]
    )
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
    """What board and database say of each property they share; of people's texts only where those are valid."""
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


def _nothing_lost(world: World, history: list[Any]) -> list[str]:
    """Every value a person wrote that we wrote over stands in the history: as lost, or as taken before."""
    found, told = unseen_is_true(world, history), Told(world)
    for (page_id, name), written in world.ledger.written.items():
        rows = [row for row in history if row["notion_page_id"] == page_id]
        # A duplicate brings along what we told of its twin; it may be right of it too.
        known = written[0].value if written and name not in TWO_WAY else None
        for index, (theirs, after) in enumerate(pairwise(written)):
            # There and back again between two looks is nothing that could have been asked.
            asked = theirs.who == "person" and theirs.value != known
            known = theirs.value if theirs.heard or theirs.who != "person" else known
            if (
                not asked
                or after.who in {"person", "schema"}
                or same(name, theirs.value, after.value)
            ):
                continue
            since = [row for row in rows if row["at"] >= theirs.at - timedelta(seconds=1)]
            if (
                name not in TWO_WAY
                and theirs.value is None
                and all(one.who == "person" for one in written[:index])
            ):
                continue  # empty, and we had not written it yet: whoever sees it first finds nothing wrong
            before_us = world.imported is None or theirs.at <= world.imported
            if name in {"Created", "Updated"} and before_us and not _has_task(rows, theirs.at):
                continue  # the first import takes them over
            if any(_stands(row, name, theirs.value) for row in since):
                continue
            if any(row["reason"] == "unseen" and name in row["property"] for row in since):
                world.happened["edit overwritten unseen, and recorded"] += 1
                continue
            if _asked_before(written[:index], theirs):
                world.happened["the same wish again, before we knew that we had answered it"] += 1
                continue
            if not (theirs.kept or after.knew or told.of(page_id, name, theirs, after, written)):
                world.happened["edit overwritten, and nobody told us"] += 1
                continue
            found.append(
                f"card {page_id[:8]}: {name} {theirs.value!r} of {theirs.at:%d %H:%M:%S.%f} became {after.value!r} at "
                f"{after.at:%d %H:%M:%S.%f} and stands nowhere"
            )
    return found


def _asked_before(written: list[Written], theirs: Written) -> bool:
    """Whether they asked it before, and no process of ours that wrote since could note that it did."""
    for entry in reversed(written):
        if entry.value == theirs.value and entry.who == "person":
            return True
        if entry.who not in {"person", "schema"} and entry.sure and entry.well:
            return False
    return False


def _has_task(rows: list[Any], at: datetime) -> bool:
    lives = [
        row["action"] for row in rows if row["action"] in {"created", "deleted"} and row["at"] <= at
    ]
    return bool(lives) and lives[-1] == "created"


def _stands(row: Any, name: str, value: str | None) -> bool:
    if row["action"] == "created" and name == "Status":
        return same(name, row["new_value"], value)
    if row["property"] != name:
        return False
    if row["lost_value"] is not None or row["action"] in {"refused", "overruled"}:
        return row["lost_value"] == value or same(name, row["lost_value"], value)
    return same(name, row["new_value"], value) or same(name, row["old_value"], value)


def _every_refusal_is_recorded(cards: dict[str, Any], history: list[Any]) -> list[str]:
    """With the value that its sentence names."""
    lost: dict[str, list[str]] = {}
    for row in history:
        if row["action"] in {"refused", "overruled", "put_back"}:
            lost.setdefault(row["notion_page_id"], []).append(row["lost_value"] or "")
    return [
        f"card {page_id[:8]} tells of a refusal that stands nowhere: {card['rejection']!r}"
        for page_id, card in cards.items()
        if card["rejection"]
        and not any(
            f"“{value}”" in card["rejection"] or not value for value in lost.get(page_id, [])
        )
    ]


async def _every_event_is_done(world: World) -> list[str]:
    rows = await world.rows("SELECT * FROM webhook_events WHERE NOT processed")
    world.happened["dead events"] += sum(row["dead_at"] is not None for row in rows)
    return [
        f"event {row['event_id']} is neither done nor dead with a reason"
        for row in rows
        if not row["dead_at"] or not row["error"]
    ]


def _who_left_counts_as_gone(world: World, cards: dict[str, Any]) -> list[str]:
    """Whether anybody told us or not: who is in the trash or elsewhere is found by asking who is still there."""
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
        gone = [row["id"] for row in rows if row["action"] == "trashed"]
        by_pipeline = (
            bool(queued and gone)
            and queued[-1]["actor"] == "pipeline"
            and queued[-1]["id"] > gone[-1]
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
    """At most 3 a second on average over any window, with what may have waited for its turn beyond its slot."""
    return [fact for seconds in WINDOWS for fact in _too_many(world.sent, seconds)]


def _too_many(sent: list[datetime], seconds: int) -> list[str]:
    first = 0
    for last, at in enumerate(sent):
        while at - sent[first] >= timedelta(seconds=seconds):
            first += 1
        if last - first + 1 > seconds * 3 + AT_HAND:
            return [f"{last - first + 1} requests within {seconds} s at {at}"]
    return []
