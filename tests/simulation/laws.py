"""What must hold once a history has calmed down."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

from ledger import Written
from world import World, channels_of

from models.board import Board, read_board
from models.properties import BoardCard, read_card, to_minute
from models.statuses import BoardStatus, board_status, people_may_move
from models.validation import Violation, validate_notion_entry


async def broken(world: World) -> list[str]:
    """Every law that does not hold, each with the facts."""
    pages, tasks, cards = await _facts(world)
    board = read_board((await world.people.get(f"/v1/data_sources/{world.data_source_id}")).json(), world.board)
    found: list[str] = []
    for page_id, page in pages.items():
        found += _card_and_task_agree(world, board, page_id, page, cards.get(page_id), tasks.get(page_id, []))
    history = await world.rows("SELECT * FROM task_history ORDER BY id")
    found += _nothing_lost(world, history)
    found += _every_refusal_is_recorded(cards, history)
    found += _no_illegal_move(history)
    found += await _every_event_is_done(world)
    found += _within_the_budget(world)
    return found


async def _facts(world: World) -> tuple[dict[str, Any], dict[str, list[Any]], dict[str, Any]]:
    pages: dict[str, Any] = {}
    for page_id in world.cards:
        page = (await world.people.get(f"/v1/pages/{page_id}")).json()
        if not page["in_trash"]:
            pages[page_id] = page
    tasks: dict[str, list[Any]] = {}
    for row in await world.rows("SELECT * FROM tasks"):
        tasks.setdefault(row["notion_page_id"], []).append(row)
    cards = {row["notion_page_id"]: row for row in await world.rows("SELECT * FROM cards")}
    return pages, tasks, cards


def _card_and_task_agree(world: World, board: Board, page_id: str, page: Any, card: Any, tasks: list[Any]) -> list[str]:
    known = f"card {page_id[:8]}"
    if card is None:
        return [f"{known} was never seen"]
    if card["trashed_at"] is not None:
        return [f"{known} counts as trashed and is not"]
    if len(tasks) > 1:
        return [f"{known} has {len(tasks)} tasks"]
    read = read_card(page, board)
    violations = validate_notion_entry(read, channels_of(world.on.settings.channel_configs))
    if not violations and not tasks and board_status(read.status) is not None:
        return [f"{known} is valid and has no task"]
    found = _attention_is_right(read, violations, card, tasks)
    if tasks:
        pairs = _pairs(read, tasks[0], {violation.field for violation in violations})
    else:
        pairs = [("Status", read.status or "Draft", card["base_status"] or read.status)]
    found += [
        f"{name} is {on_board!r} on the board and {in_database!r} in the database"
        for name, on_board, in_database in pairs
        if on_board != in_database and not (on_board is None and name in card["lacking"])
    ]
    return [f"{known}: {fact}" for fact in found]


def _attention_is_right(read: BoardCard, violations: Sequence[Violation], card: Any, tasks: list[Any]) -> list[str]:
    """It says what is wrong now, then what was refused last, and is empty when nothing is."""
    expected = " ".join([*(v.message for v in violations), *([card["refusal"]] if card["refusal"] else [])])
    found = [] if read.attention == expected else [f"it says {read.attention!r} and should say {expected!r}"]
    if tasks and card["refusal"] and card["refused_at"] != tasks[0]["status_changed_at"]:
        found.append(f"its refusal is of yesterday: {card['refusal']!r}")
    return found


def _pairs(read: BoardCard, task: Any, wrong: set[str]) -> list[tuple[str, Any, Any]]:
    """What board and database say of each property they share; of people's texts only where those are valid."""
    texts = [("Title", read.title, "title"), ("Channel", read.channel, "channel_id"), ("Topic", read.topic, "topic")]
    moments = [("Created", read.created, "created_at"), ("Updated", read.updated, "status_changed_at")]
    return [
        ("Status", read.status, task["board_status"]),
        ("Priority", read.priority, task["priority"].title()),
        ("Story Direction", read.story_direction or None, task["story_direction"]),
        *((name, text, task[column]) for name, text, column in texts if name not in wrong),
        *((name, moment, to_minute(task[column])) for name, moment, column in moments),
    ]


def _nothing_lost(world: World, history: list[Any]) -> list[str]:
    """Every value a person wrote that we wrote over stands in the history: as lost, or as taken before."""
    found, told = _unseen_is_true(world, history), Told(world)
    for (page_id, name), written in world.ledger.written.items():
        rows = [row for row in history if row["notion_page_id"] == page_id]
        known: str | None = None
        for theirs, after in pairwise(written):
            # There and back again between two looks is nothing that could have been asked.
            asked = theirs.who == "person" and theirs.value != known
            known = theirs.value if theirs.heard or theirs.who != "person" else known
            if not asked or after.who in {"person", "schema"} or _same(name, theirs.value, after.value):
                continue
            since = [row for row in rows if row["at"] >= theirs.at - timedelta(seconds=1)]
            if any(_stands(row, name, theirs.value) for row in since):
                continue
            if any(row["reason"] == "unseen" and name in row["property"] for row in since):
                world.happened["edit overwritten unseen, and recorded"] += 1
                continue
            if not (theirs.kept or after.knew or told.of(page_id, name, theirs, after, written)):
                world.happened["edit overwritten, and nobody told us"] += 1
                continue
            found.append(
                f"card {page_id[:8]}: {name} {theirs.value!r} of {theirs.at:%d %H:%M:%S.%f} became {after.value!r} at "
                f"{after.at:%d %H:%M:%S.%f} and stands nowhere"
            )
    return found


class Told:
    """What Notion's events told us surely: that people, and nobody else, changed one property at one moment."""

    def __init__(self, world: World) -> None:
        self._moments: dict[tuple[str, str], list[datetime]] = {}
        names = {unquote(key): name for name, key in world.ids.items()}
        for letter in world.post.letters:
            event = json.loads(letter.body)
            if not letter.handed_in or event["type"] != "page.properties_updated":
                continue
            changed = [unquote(id_) for id_ in event["data"]["updated_properties"]]
            if len(changed) == 1 and all(author["type"] == "person" for author in event["authors"]):
                key = (event["entity"]["id"], names.get(changed[0], changed[0]))
                self._moments.setdefault(key, []).append(datetime.fromisoformat(event["timestamp"]))

    def of(self, page_id: str, name: str, theirs: Written, after: Written, written: list[Written]) -> bool:
        """Whether an event told of this edit, our write over it was stored, and no later edit hides it."""
        later = any(entry.who == "person" and entry.at > after.at for entry in written)
        moments = self._moments.get((page_id, name), [])
        return after.kept and not later and any(theirs.at <= at <= after.at for at in moments)


def _unseen_is_true(world: World, history: list[Any]) -> list[str]:
    """What is recorded as overwritten unseen was edited by a person; a value that is named, they wrote."""
    found = []
    for row in history:
        if row["reason"] != "unseen":
            continue
        page_id = row["notion_page_id"]
        keys = [(page_id, name) for name in row["property"].split(" or ")]
        values = [entry.value for key in keys for entry in world.ledger.written.get(key, []) if entry.who == "person"]
        if not world.touched & set(keys) or (
            row["lost_value"] is not None and (row["lost_value"] or None) not in values
        ):
            found.append(
                f"card {page_id[:8]}: nobody edited {row['property']}, which was overwritten unseen, it is said"
            )
    return found


def _stands(row: Any, name: str, value: str | None) -> bool:
    if row["action"] == "created" and name == "Status":
        return _same(name, row["new_value"], value)
    if row["property"] != name:
        return False
    if row["lost_value"] is not None or row["action"] in {"refused", "overruled"}:
        return row["lost_value"] == value or _same(name, row["lost_value"], value)
    return _same(name, row["new_value"], value) or _same(name, row["old_value"], value)


def _same(name: str, one: str | None, other: str | None) -> bool:
    empty = "draft" if name == "Status" else "normal"
    return (one or empty).casefold() == (other or empty).casefold()


def _every_refusal_is_recorded(cards: dict[str, Any], history: list[Any]) -> list[str]:
    recorded = {row["notion_page_id"] for row in history if row["action"] in {"refused", "overruled"}}
    return [
        f"card {page_id[:8]} tells of a refusal that stands nowhere: {card['refusal']!r}"
        for page_id, card in cards.items()
        if card["refusal"] and page_id not in recorded
    ]


def _no_illegal_move(history: list[Any]) -> list[str]:
    return [
        f"{row['actor']} moved card {row['notion_page_id'][:8]} from {row['old_value']} to {row['new_value']}"
        for row in history
        if row["action"] == "changed"
        and row["property"] == "Status"
        and row["actor"] != "pipeline"
        and not people_may_move(BoardStatus(row["old_value"]), BoardStatus(row["new_value"]))
    ]


async def _every_event_is_done(world: World) -> list[str]:
    rows = await world.rows("SELECT * FROM webhook_events WHERE NOT processed")
    world.happened["dead events"] += sum(row["dead_at"] is not None for row in rows)
    return [
        f"event {row['event_id']} is neither done nor dead with a reason"
        for row in rows
        if not row["dead_at"] or not row["error"]
    ]


def _within_the_budget(world: World) -> list[str]:
    """At most 3 a second on average over any minute, with what may have waited for its turn beyond its slot."""
    sent, first = world.sent, 0
    for last, at in enumerate(sent):
        while at - sent[first] >= timedelta(seconds=60):
            first += 1
        if last - first + 1 > 60 * 3 + 12:
            return [f"{last - first + 1} requests within a minute at {at}"]
    return []
