"""A card's values in one table: agreed, on the board, in the database, to be pushed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from models.operations.diagnosis import CardFacts, reasons
from models.rules.codec.read import BoardCard
from models.rules.merge import notion_values
from models.rules.merge_base import MergeBase, desired_values, values_by_property
from models.sync.writes.pending import current_attention
from models.tables.card import Card
from models.tables.notion_users import Names
from models.tables.task import Task, task_state
from models.tables.task_history import TaskHistory
from tasks.operations.card_facts import LivePage

_SIDES = {
    (False, False): "",
    (True, False): "board",
    (False, True): "database",
    (True, True): "both",
}
"""The word for what differs from the agreed value: the board's, the database's."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One property, its values as the board spells them; None where there is none or it is empty.

    Attributes:
        agreed: what board and database last agreed on; None for what only the database writes.
        live: what Notion shows now; None when it was not read.
        differs: the side that differs from `agreed`: `board`, `database`, `both`, or empty.
    """

    name: str
    agreed: str | None
    board: str | None
    live: str | None
    database: str | None
    pushed: str | None
    differs: str


def comparison(facts: CardFacts, now: LivePage | None) -> Iterator[Row]:
    """A row per property, in the board's order; nothing for a page never read."""
    card = facts.card
    if card is None or (base := card.base) is None:
        return
    board = _remembered(card) | _plain(values_by_property(base.shown))
    live: dict[str, str | None] = {}
    if now is not None and now.card is not None:
        live = _live(now.card)
    agreed = _remembered(card) | {"Status": base.status, "Priority": base.priority.option}
    database = _database(card, base, facts.task)
    pushed: dict[str, str | None] = {}
    if facts.change is not None:
        pushed = _plain(facts.change.values)
    for name, shown in board.items():
        who = ""
        if name in agreed or name in database:  # without a task, nothing is expected of dates
            before = agreed.get(name, database.get(name))
            who = _differing(before, live.get(name, shown), database.get(name, before))
        yield Row(
            name=name,
            agreed=agreed.get(name),
            board=shown,
            live=live.get(name),
            database=database.get(name),
            pushed=pushed.get(name),
            differs=who,
        )


def _database(card: Card, base: MergeBase, task: Task | None) -> dict[str, str | None]:
    attention = current_attention(card, base, task)
    if task is None:
        return {"Attention": attention}
    return _held(task) | _plain(desired_values(base, task_state(task), attention))


def _differing(agreed: str | None, board: str | None, database: str | None) -> str:
    on_board = (board or "") != (agreed or "")
    in_database = (database or "") != (agreed or "")
    return _SIDES[on_board, in_database]


def _texts(*values: str | None) -> dict[str, str | None]:
    """The values that users own, by property."""
    return dict(zip(("Title", "Channel", "Topic", "Story Direction"), values, strict=True))


def _remembered(card: Card) -> dict[str, str | None]:
    return _texts(card.base_title, card.base_channel, card.base_topic, card.base_story_direction)


def _held(task: Task) -> dict[str, str | None]:
    return _texts(task.title, task.channel_id, task.topic, task.story_direction)


def _live(card: BoardCard) -> dict[str, str | None]:
    return _texts(card.title, card.channel, card.topic, card.story_direction) | _plain(
        values_by_property(notion_values(card))
    )


def _plain(values: Mapping[str, Any]) -> dict[str, str | None]:
    """Values as text: options by name, moments to the minute in UTC."""
    return {name: _spelt(value) for name, value in values.items()}


def _spelt(value: Any) -> str | None:
    match value:
        case None:
            return None
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"
        case _:
            return str(value)


def card_as_json(
    page_id: str,
    facts: CardFacts,
    now: LivePage | None,
    history: Sequence[TaskHistory],
    names: Names,
) -> dict[str, Any]:
    """Everything `card show` prints, for scripts."""
    card, task = facts.card, facts.task
    rows = [asdict(row) for row in comparison(facts, now)]
    kept = {
        "attention": "attention",
        "refusal": "rejection",
        "trashed_at": "trashed_at",
        "seen_at": "last_read_at",
        "edited_at": "edited_at",
        "attempts": "attempts",
        "last_error": "last_error",
        "next_attempt_at": "next_attempt_at",
    }
    stored = {} if card is None else card.model_dump()
    return {
        "page_id": page_id,
        "task_id": None if task is None else task.id,
        "status": None if task is None else task.status,
        "properties": {row.pop("name"): row for row in rows},
        **{key: stored.get(name) for key, name in kept.items()},
        "violations": stored.get("violations", []),
        "live_error": None if now is None else now.error,
        "events": [
            {"id": event.row, "state": event.state(facts.now).value} for event in facts.events
        ],
        "why": reasons(facts),
        "production": facts.production,
        "history": [
            {**row.model_dump(exclude={"notion_page_id"}), "who": names.who(row.actor)}
            for row in history
        ],
    }
