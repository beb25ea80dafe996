"""Every row of `task_history` agrees with what the board showed and who wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from models.production.gates import DEFAULT_GATES, gate_columns
from models.rules.statuses import (
    FREE_OF_RULES,
    IN_WORK,
    PLANNING,
    BoardStatus,
    people_may_move,
)
from models.sync.take_board import OPERATOR
from simulation.world.ledger import WATCHED, Written
from simulation.world.world import World

EMPTY = {"Status": "draft", "Priority": "normal"}
"""What an empty property stands for."""
GATES = gate_columns(DEFAULT_GATES)
"""Those of the world's channel with gates."""
LONGEST_READ = timedelta(minutes=1)
"""Longer than a reading of a card takes, from its request to its row."""


def broken(world: World, history: list[Any]) -> list[str]:
    """Every law that does not hold, each with the facts."""
    by_page: dict[str, list[Any]] = {}
    for row in history:
        if row["notion_page_id"] is None:
            continue  # a task that has no card yet
        by_page.setdefault(row["notion_page_id"], []).append(row)
    found: list[str] = []
    for page_id, rows in by_page.items():
        facts = chain.from_iterable(law(world, page_id, rows) for law in LAWS)
        found += [f"card {page_id[:8]}: {fact}" for fact in facts]
    return found


def same(name: str, one: str | None, other: str | None) -> bool:
    """Whether two values of a property mean the same."""
    empty = EMPTY.get(name, "")
    return (one or empty).casefold() == (other or empty).casefold()


def is_of_production(actor: str) -> bool:
    """Whether whoever changed a task did so in the database: workers, and decisions made there."""
    return actor in {"pipeline", "dispatcher"} or actor.startswith(
        ("worker:", "token:", "operator")
    )


def _changes(rows: list[Any], name: str) -> Iterator[Any]:
    """Changes of a task's property that people made on the board."""
    for row in rows:
        if (
            row["action"] == "changed"
            and row["property"] == name
            and row["actor"] != OPERATOR
            and not is_of_production(row["actor"])
        ):
            yield row


def _no_illegal_move(world: World, page_id: str, rows: list[Any]) -> Iterator[str]:
    written = world.ledger.written[page_id, "Status"]
    for row in _changes(rows, "Status"):
        old, new = BoardStatus(row["old_value"]), BoardStatus(row["new_value"])
        if not people_may_move(old, new, GATES):
            yield f"{row['actor']} moved it from {old} to {new}"
        # Deleting an option empties every card that stood in it: that asks for nothing of what is
        # under way.
        emptied = old not in {*PLANNING, BoardStatus.QUEUED} and new == BoardStatus.DRAFT
        if emptied and new not in _after(written, old, row["at"]):
            yield f"it was moved from {old} to {new} by being emptied"
        asked = any(entry.value == new and entry.who != "one" for entry in written)
        if new not in FREE_OF_RULES and not asked and not _waited(rows, row, new):
            yield f"nobody moved it to {new} on the board, and it counts as moved by {row['actor']}"


def _waited(rows: list[Any], before: Any, column: str) -> bool:
    """Whether the card waited in that column until it was valid, so no further move is needed."""
    return any(
        row["action"] == "waiting" and row["lost_value"] == column and row["id"] < before["id"]
        for row in rows
    )


def _was_not_valid(rows: list[Any], change: Any) -> bool:
    """Whether a change is no person's, but that of a card in Queued which is not valid any more."""
    return (change["old_value"], change["new_value"]) == (
        BoardStatus.QUEUED,
        BoardStatus.DRAFT,
    ) and any(
        row["action"] in {"waiting", "put_back"}
        and row["lost_value"] == BoardStatus.QUEUED
        and row["at"] == change["at"]
        for row in rows
    )


def _after(written: list[Written], value: str, until: datetime) -> list[str | None]:
    """What the board showed since it last showed that value; Draft when it never did.

    What it showed again only while the look that counts was on its way is no part of that look.
    """
    entries = [entry for entry in written if entry.at <= until]
    while entries and entries[-1].value == value and until - entries[-1].at < LONGEST_READ:
        entries.pop()
    values = [entry.value for entry in entries]
    if value not in values:
        return [BoardStatus.DRAFT]
    return values[len(values) - values[::-1].index(value) :]


def _people_change_only_what_the_board_showed(
    world: World, page_id: str, rows: list[Any]
) -> Iterator[str]:
    """The pipeline's value must have been on the board before a person could change it there."""
    for name in ("Status", "Priority"):
        written = world.ledger.written[page_id, name]
        for row in _changes(rows, name):
            if _left_queue(rows, row):
                continue  # nobody asked for that on the board: the card left it
            since = _held_since(rows, row, name)
            if since is None or since["actor"] == OPERATOR or since["action"] != "changed":
                continue
            if not is_of_production(since["actor"]):
                continue
            if name == "Status" and (_was_not_valid(rows, row) or _stops(row)):
                continue
            if not _showed(written, row, name, _kept(rows, row, name)):
                yield (
                    f"{name} became {row['old_value']} by the pipeline at "
                    f"{since['at']:%d %H:%M:%S.%f}, which the board never showed, and at "
                    f"{row['at']:%d %H:%M:%S.%f} {row['actor']} made it {row['new_value']}"
                )


def _stops(row: Any) -> bool:
    """Whether a person stopped what was in work: that counts wherever the task stands by then."""
    return row["new_value"] == BoardStatus.ARCHIVED and row["old_value"] in IN_WORK


def _left_queue(rows: list[Any], changed: Any) -> bool:
    """Whether a task went back to Draft because its card had left the board."""
    return any(
        row["action"] == "trashed"
        and row["at"] == changed["at"]
        and row["new_value"] == changed["new_value"]
        for row in rows
    )


def _held_since(rows: list[Any], before: Any, name: str) -> Any:
    """The row that gave the task the value that `before` changed."""
    found = None
    for row in rows:
        if row["id"] >= before["id"]:
            break
        if row["action"] == "created" or row["property"] == name:
            found = row
    return found


def _kept(rows: list[Any], before: Any, name: str) -> list[str | None]:
    """Values that people asked for in vain while the task kept the value `before` changed."""
    return [
        row["lost_value"]
        for row in rows
        if row["id"] < before["id"]
        and row["property"] == name
        and row["action"] in {"refused", "overruled"}
        if same(name, row["new_value"], before["old_value"])
    ]


def _showed(written: list[Written], row: Any, name: str, kept: list[str | None]) -> bool:
    """Whether the board went from the old to the new value without a write of ours between.

    When it did so does not matter: a task that left a value and came back to it before the board
    showed the other one cannot be told from one that never left it. A refused value stands for the
    one that was kept, on which both sides agreed.
    """
    stood = False
    for entry in written:
        if same(name, entry.value, row["old_value"]) or entry.value in kept:
            stood = True
        elif stood and same(name, entry.value, row["new_value"]):
            return True
        elif entry.who not in {"person", "schema"}:
            stood = False
    return False


def _nobody_is_blamed_for_what_we_wrote(
    world: World, page_id: str, rows: list[Any]
) -> Iterator[str]:
    """What is refused or overruled was a person's."""
    for row in rows:
        if row["action"] not in {"refused", "overruled"} or row["property"] not in WATCHED:
            continue
        name, value = row["property"], row["lost_value"]
        if row["reason"] == "unseen" and value is None:
            continue  # see `simulation.laws.lost_updates`
        authors = [
            entry for entry in world.ledger.written[page_id, name] if same(name, entry.value, value)
        ]
        if any(entry.who in {"person", "schema"} for entry in authors):
            continue
        if name == "Status" and (_waited(rows, row, value) or _made_there(world, page_id, row)):
            continue
        yield f"{name} {value!r} was {row['action']} ({row['reason']}), which no person wrote"


LAWS = (
    _no_illegal_move,
    _people_change_only_what_the_board_showed,
    _nobody_is_blamed_for_what_we_wrote,
)


def _made_there(world: World, page_id: str, row: Any) -> bool:
    """Whether we made the card there for a task that was deleted before its page was known."""
    first = world.ledger.written[page_id, "Status"][0]
    return (
        row["reason"] == "starts_late"
        and first.who != "person"
        and first.value == row["lost_value"]
    )
