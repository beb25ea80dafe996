"""What is remembered of a card between two looks at it, and what the board should show of it.

Two memories per card decide who changed what. `MergeBase` holds what board and database last agreed on
(the merge base); `NotionValues` holds what the board showed when it was last seen. They differ only while
a wish that was refused or overruled still stands on the board, until the next push puts it back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from models.rules.codec import to_minute
from models.rules.statuses import BoardStatus, Priority
from models.rules.validation import Violation

PUSHED = frozenset({"Status", "Priority", "Attention", "Created", "Updated"})
"""Properties the database may write to the board (design: section 6)."""


@dataclass(frozen=True, kw_only=True)
class NotionValues:
    """What the board showed, as far as the push may write it.

    `status` and `priority` are options by name.
    """

    status: str | None = None
    priority: str | None = None
    created: datetime | None = None
    updated: datetime | None = None
    attention: str = ""


@dataclass(frozen=True, kw_only=True)
class MergeBase:
    """What is remembered of a card between two looks at it.

    Attributes:
        status: None when the board never showed a status that exists.
        created, updated: what a card without a task shows of its dates, as a task's do not go with
            it; None when nobody knows.
        lacking: what counts as agreed although it is not what the database would show (design: 6).
            Properties that were empty on the first import, until the card is written. Attention,
            until there is something to say: what stands in it before we first write there is
            people's.
        refusal: the sentence about a wish that was not granted; '' when there is none.
        refused_at: the task's `status_changed_at` when the refusal was made; another value there
            outdates it.
        waits_for: the column that the card stands in and gets once it is valid; None when no move
            waits.
        status_kept_until: while a move waits, until when Status is left where it is on the board;
            None when it is not.
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
    lacking: frozenset[str] = frozenset()
    refusal: str = ""
    refused_at: datetime | None = None
    waits_for: BoardStatus | None = None
    status_kept_until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class TaskState:
    """What the database holds of a task, as far as a card can show or ask for it."""

    title: str
    channel_id: str
    topic: str
    story_direction: str | None
    board_status: BoardStatus
    priority: Priority
    created_at: datetime
    status_changed_at: datetime


def attention(violations: Sequence[Violation], refusal: str) -> str:
    """The one text a card shows its editor; empty when nothing needs them."""
    return " ".join(
        [*(violation.message for violation in violations), *([refusal] if refusal else [])]
    )


def desired_values(base: MergeBase, task: TaskState | None, attention_text: str) -> dict[str, Any]:
    """What the board should show of a card, by property.

    `models.tables.push_queue.DIFFERS` says the same in SQL.
    """
    status = task.board_status if task is not None else base.status
    kept = base.status_kept_until is not None
    values: dict[str, Any] = {
        "Status": status.value if status is not None and not kept else base.shown.status,
        "Priority": (task.priority if task is not None else base.priority).option,
        "Attention": attention_text
        or (base.shown.attention if "Attention" in base.lacking else ""),
    }
    created, updated = (
        (task.created_at, task.status_changed_at)
        if task is not None
        else (base.created, base.updated)
    )
    dates = {"Created": created, "Updated": updated}
    return values | {
        name: to_minute(moment) for name, moment in dates.items() if moment is not None
    }


def diff(
    base: MergeBase, task: TaskState | None, attention_text: str, writable: Collection[str] = PUSHED
) -> dict[str, Any]:
    """What a push has to write to a card: only what differs; empty when the card is right.

    A property that was empty on the first import counts as right, until another reason to write the
    card comes along.

    Args:
        base: what is remembered of the card.
        task: the database's values.
        attention_text: what the card should tell its editor.
        writable: which properties the board has and lets us write.
    """
    shown = values_by_property(base.shown)
    right = {
        name: value
        for name, value in desired_values(base, task, attention_text).items()
        if name in writable
    }
    differing = {name: value for name, value in right.items() if value != shown[name]}
    reasons = [name for name in differing if name not in base.lacking or shown[name] is not None]
    return differing if reasons else {}


def values_by_property(shown: NotionValues) -> dict[str, Any]:
    """What the board showed, by property."""
    return {
        "Status": shown.status,
        "Priority": shown.priority,
        "Created": shown.created,
        "Updated": shown.updated,
        "Attention": shown.attention,
    }


def with_write(base: MergeBase, values: dict[str, Any]) -> MergeBase:
    """What to remember of a card right after `values` were written to it, before looking at what came back."""
    shown = replace(base.shown, **{name.lower(): value for name, value in values.items()})
    if "Status" in values:
        base = replace(base, waits_for=None, status_kept_until=None)
    return replace(
        base,
        status=BoardStatus(values["Status"]) if "Status" in values else base.status,
        priority=Priority(values["Priority"].lower()) if "Priority" in values else base.priority,
        created=_agreed(base.created, values.get("Created")),
        updated=_agreed(base.updated, values.get("Updated")),
        shown=shown,
        lacking=base.lacking - values.keys(),
    )


def _agreed(known: datetime | None, written: datetime | None) -> datetime | None:
    """The moment that a card shows now, with its seconds where they are known."""
    return (
        known if written is None or (known is not None and to_minute(known) == written) else written
    )


def is_refusal_outdated(base: MergeBase, task: TaskState | None) -> bool:
    """Whether the task's status changed since the standing refusal was made."""
    since = base.refused_at
    return (
        bool(base.refusal)
        and task is not None
        and since is not None
        and since != task.status_changed_at
    )
