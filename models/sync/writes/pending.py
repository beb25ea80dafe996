"""What must be written to a card: used by the push, and by the commands that print it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.rules.attention import attention
from models.rules.board_schema import PRODUCTION_FACTS, Board
from models.rules.channels import channel_named
from models.rules.codec.read import to_minute
from models.rules.merge import ABSENT
from models.rules.merge_base import (
    PUSHED,
    MergeBase,
    diff,
    is_rejection_outdated,
    values_by_property,
)
from models.rules.statuses import Priority
from models.sync.card_changes import CardChange, take_over_attention
from models.sync.writes.recent import write_in_flight
from models.tables.card import Card
from models.tables.task import Task, task_state


@dataclass(frozen=True, kw_only=True)
class PendingWrite:
    """The difference between what a card shows and what it should show.

    Attributes:
        values, shown: the new and the present values, by property.
        attempts: pushes of the card that failed since the last successful one.
        waits: whether it is written only after the operator confirms (`models.sync.safety_stop`).
        is_unread: whether a property in it was missing when the page was last read, and is back:
            nobody knows what it shows.
    """

    page_id: str
    values: Mapping[str, Any]
    shown: Mapping[str, Any]
    attempts: int
    waits: bool = False
    is_unread: bool = False


def pending_write_of(card: Card, task: Task | None, board: Board) -> PendingWrite | None:
    """What must be written to a card; None if it is right, in the trash, or was never read."""
    base = card.base
    if base is None or card.trashed_at is not None:
        return None
    writable = [name for name in PUSHED if board.shows(name)]
    values = diff(
        base, task_state(task) if task else None, current_attention(card, base, task), writable
    )
    if not values:
        return None
    before = values_by_property(base.shown)
    shown = {name: before[name] for name in values}
    waits = card.missing_at is not None or (card.held_at is not None and "Status" in values)
    return PendingWrite(
        page_id=card.notion_page_id,
        values=values,
        shown=shown,
        attempts=card.attempts,
        waits=waits,
        is_unread=shown.get("Priority") == ABSENT,
    )


def begin_write(change: CardChange, write: PendingWrite) -> None:
    """Record that a write is about to be sent, in case its answer is lost.

    A user's own note in Attention goes to the history before it is replaced.
    """
    card, names = change.card, write.values.keys()
    if "Attention" in names and "Attention" in card.initially_empty:
        take_over_attention(change)
    card.write_in_flight = write_in_flight(write.values, change.now)
    if not names.isdisjoint(PRODUCTION_FACTS):
        card.facts_written_at = change.now


def current_attention(card: Card, base: MergeBase, task: Task | None) -> str:
    """The text for Attention now; a rejection is omitted once the task's status changed."""
    outdated = is_rejection_outdated(base, task_state(task) if task else None)
    if outdated:
        return attention(card.known_violations(), "", base.production.text)
    return card.attention


def values_of_new_card(task: Task, board: Board) -> dict[str, Any]:
    """Everything that a task's new card shows, by property, as far as the board has it."""
    options = board.properties["Channel"].options
    values = {
        "Title": task.title,
        "Channel": channel_named(task.channel_id, options) or task.channel_id,
        "Topic": task.topic,
        "Status": task.board_status,
    }
    optional = {
        "Story Direction": task.story_direction,
        "Priority": Priority(task.priority).option,
        "Created": to_minute(task.created_at),
        "Updated": to_minute(task.status_changed_at),
    }
    shown = {name: value for name, value in optional.items() if value and board.shows(name)}
    return values | shown
