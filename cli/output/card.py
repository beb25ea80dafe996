"""A card's values in one table: agreed, on the board, in the database, to be pushed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from models.operations.diagnosis import CardFacts, reasons
from models.rules.codec import BoardCard
from models.rules.merge import notion_values
from models.rules.merge_base import MergeBase, desired_values, values_by_property
from models.sync.pending_write import current_attention
from models.tables.card import Card
from models.tables.notion_users import Names
from models.tables.task import Task, task_state
from models.tables.task_history import TaskHistory
from tasks.operations.card_facts import LivePage


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
    base = card.base if card is not None else None
    if card is None or base is None:
        return
    board = _remembered(card) | _plain(values_by_property(base.shown))
    live = _live(now.card) if now and now.card else {}
    agreed = _remembered(card) | {"Status": base.status, "Priority": base.priority.option}
    database = _database(card, base, facts.task)
    pushed = _plain(facts.change.values) if facts.change else {}
    for name, shown in board.items():
        before = agreed[name] if name in agreed else database.get(name)
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
    sides = [
        who
        for who, value in (("board", board), ("database", database))
        if (value or "") != (agreed or "")
    ]
    return "both" if len(sides) > 1 else "".join(sides)


def _texts(*values: str | None) -> dict[str, str | None]:
    """The values that users own, by property."""
    return dict(zip(("Title", "Channel", "Topic", "Story Direction"), values, strict=True))


def _remembered(card: Card) -> dict[str, str | None]:
    return _texts(card.base_title, card.base_channel, card.base_topic, card.base_story_direction)


def _held(task: Task | None) -> dict[str, str | None]:
    if task is None:
        return {}
    return _texts(task.title, task.channel_id, task.topic, task.story_direction)


def _live(card: BoardCard) -> dict[str, str | None]:
    return _texts(card.title, card.channel, card.topic, card.story_direction) | _plain(
        values_by_property(notion_values(card))
    )


def _plain(values: Mapping[str, Any]) -> dict[str, str | None]:
    """Values as text: options by name, moments to the minute in UTC."""
    return {name: _spelt(value) for name, value in values.items()}


def _spelt(value: Any) -> str | None:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"
    return None if value is None else str(value)


def card_as_json(
    page_id: str,
    facts: CardFacts,
    now: LivePage | None,
    history: Sequence[TaskHistory],
    names: Names,
) -> dict[str, Any]:
    """Everything `card show` prints, for scripts."""
    card, task = facts.card, facts.task
    rows = {row.name: asdict(row) for row in comparison(facts, now)}
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
    return {
        "page_id": page_id,
        "task_id": task.id if task is not None else None,
        "status": task.status if task is not None else None,
        "properties": {
            name: {key: row[key] for key in row if key != "name"} for name, row in rows.items()
        },
        **{key: getattr(card, name, None) for key, name in kept.items()},
        "violations": card.violations if card is not None else [],
        "live_error": now.error if now is not None else None,
        "events": [
            {"id": event.row, "state": event.state(facts.now).value} for event in facts.events
        ],
        "why": reasons(facts),
        "history": [
            {**row.model_dump(exclude={"notion_page_id"}), "who": names.who(row.actor)}
            for row in history
        ],
    }
