"""The merge base: what is stored of a card between two readings, and what the board should show.

Two records per card decide who changed what. `MergeBase` holds what board and database last agreed
on. `NotionValues` holds what the board showed at the last reading. They differ only while a
rejected or overruled edit still stands on the board, until the next push replaces it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from models.rules.codec.read import BoardCard, to_minute
from models.rules.statuses import BoardStatus, Priority

PUSHED = frozenset(
    {"Status", "Priority", "Attention", "Created", "Updated", "Progress", "Cost", "Video"}
)
"""Properties that the database may write to the board (design: section 6)."""


@dataclass(frozen=True, kw_only=True)
class NotionValues:
    """The board's values of the properties that the push may write.

    `status` and `priority` are names of options.
    """

    status: str | None = None
    priority: str | None = None
    created: datetime | None = None
    updated: datetime | None = None
    attention: str = ""
    progress: float | None = None
    cost: float | None = None
    video: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProductionFacts:
    """What production shows of a task on its card. Only the database writes it.

    Attributes:
        text: what people should know or decide, for Attention; '' for nothing.
        progress: the part of the film that is made, 0 to 1; None before anything is.
        cost: USD that were spent or may have been; None before anything is.
        video: where the film is; None before it is.
    """

    text: str = ""
    progress: float | None = None
    cost: float | None = None
    video: str | None = None


@dataclass(frozen=True, kw_only=True)
class MergeBase:
    """What is stored of a card between two readings.

    Attributes:
        status: None if the board never showed a known status.
        created, updated: the dates of a card without a task; None if unknown.
        initially_empty: properties that count as agreed although the database would show
            another value (design: section 6). Properties that were empty at the first import, until
            the card is written. Attention, until there is a message: what it holds before our first
            write belongs to the users.
        rejection: the message about a rejected edit; '' if there is none.
        rejected_at_status_change: the task's `status_changed_at` when the edit was rejected.
            Once that differs, the rejection is outdated.
        waits_for: the column that the card stands in and gets once it is valid; None if no move
            waits.
        status_kept_until: until when a waiting move leaves Status unchanged on the board; None if
            it does not.
        production: what production shows, as of when the card's row was read.
    """

    title: str = ""
    channel: str | None = None
    topic: str = ""
    story_direction: str = ""
    status: BoardStatus | None = None
    priority: Priority = Priority.NORMAL
    created: datetime | None = None
    updated: datetime | None = None
    shown: NotionValues = field(default_factory=NotionValues)
    initially_empty: frozenset[str] = frozenset()
    rejection: str = ""
    rejected_at_status_change: datetime | None = None
    waits_for: BoardStatus | None = None
    status_kept_until: datetime | None = None
    production: ProductionFacts = field(default_factory=ProductionFacts)


@dataclass(frozen=True, kw_only=True)
class TaskState:
    """The values of a task that a card can show or ask to change."""

    title: str
    channel_id: str
    topic: str
    story_direction: str | None
    board_status: BoardStatus
    priority: Priority
    created_at: datetime
    status_changed_at: datetime


def desired_values(base: MergeBase, task: TaskState | None, attention_text: str) -> dict[str, Any]:
    """What the board should show of a card, by property.

    `models.tables.push_queue.DRIFT_MASK` is the same rule in SQL.
    """
    shown, status, priority = base.shown, base.status, base.priority
    created, updated = base.created, base.updated
    if task is not None:
        status, priority = task.board_status, task.priority
        created, updated = task.created_at, task.status_changed_at
    values: dict[str, Any] = {
        "Status": shown.status,
        "Priority": priority.option,
        "Attention": attention_text,
    }
    if status is not None and base.status_kept_until is None:
        values["Status"] = status.value
    if not attention_text and "Attention" in base.initially_empty:
        values["Attention"] = shown.attention
    if created is not None:
        values["Created"] = to_minute(created)
    if updated is not None:
        values["Updated"] = to_minute(updated)
    facts = base.production
    made = {"Progress": facts.progress, "Cost": facts.cost, "Video": facts.video}
    return values | {name: value for name, value in made.items() if value is not None}


def diff(
    base: MergeBase, task: TaskState | None, attention_text: str, writable: Collection[str] = PUSHED
) -> dict[str, Any]:
    """What a push must write to a card: only what differs; empty if the card is right.

    A property that was empty at the first import counts as right, until the card is written for
    another reason.

    Args:
        base: what is stored of the card.
        task: the database's values.
        attention_text: the text for Attention.
        writable: the properties that the board has and lets us write.
    """
    shown = values_by_property(base.shown)
    right = {
        name: value
        for name, value in desired_values(base, task, attention_text).items()
        if name in writable
    }
    differing = {name: value for name, value in right.items() if value != shown[name]}
    reasons = [
        name for name in differing if name not in base.initially_empty or shown[name] is not None
    ]
    return differing if reasons else {}


def values_by_property(shown: NotionValues) -> dict[str, Any]:
    """The board's values, by property."""
    return {
        "Status": shown.status,
        "Priority": shown.priority,
        "Created": shown.created,
        "Updated": shown.updated,
        "Attention": shown.attention,
        "Progress": shown.progress,
        "Cost": shown.cost,
        "Video": shown.video,
    }


def with_write(base: MergeBase, values: dict[str, Any]) -> MergeBase:
    """The merge base right after `values` were written, before the answer is read."""
    shown = replace(base.shown, **{name.lower(): value for name, value in values.items()})
    if "Status" in values:
        status = BoardStatus(values["Status"])
        base = replace(base, status=status, waits_for=None, status_kept_until=None)
    if "Priority" in values:
        base = replace(base, priority=Priority(values["Priority"].lower()))
    return replace(
        base,
        created=_agreed(base.created, values.get("Created")),
        updated=_agreed(base.updated, values.get("Updated")),
        shown=shown,
        initially_empty=base.initially_empty - values.keys(),
    )


def _agreed(known: datetime | None, written: datetime | None) -> datetime | None:
    """The moment that a card shows now, with its seconds if they are known."""
    if written is None:
        return known
    if known is not None and to_minute(known) == written:
        return known
    return written


def is_rejection_outdated(base: MergeBase, task: TaskState | None) -> bool:
    """Whether the task's status changed since the edit was rejected."""
    since = base.rejected_at_status_change
    return (
        bool(base.rejection)
        and task is not None
        and since is not None
        and since != task.status_changed_at
    )


def came_anew(base: MergeBase | None, card: BoardCard, task: TaskState | None) -> bool:
    """Whether the task's status changed since the board showed it, other than by a user's move.

    It may stand at the same gate in a later round then, which nobody has looked at. A board that
    shows no Updated of ours cannot tell.
    """
    if base is None or task is None or base.shown.updated is None or "Updated" in card.computed:
        return False
    changed_at = task.status_changed_at
    return base.shown.updated != to_minute(changed_at) and base.updated != changed_at
