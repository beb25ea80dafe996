"""What a card should show and does not: the one answer that a push writes and a command prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.rules.board_schema import Board
from models.rules.merge_base import (
    PUSHED,
    MergeBase,
    attention,
    diff,
    is_refusal_outdated,
    values_by_property,
)
from models.tables.card import Card, task_state
from models.tables.task import Task


@dataclass(frozen=True, kw_only=True)
class PendingWrite:
    """What a card should show and does not.

    Attributes:
        values, shown: new and present values by property.
        attempts: pushes of the card that failed since the last good one.
        waits: whether it is written only after the operator confirmed (`models.sync.safety_stop`).
    """

    page_id: str
    values: Mapping[str, Any]
    shown: Mapping[str, Any]
    attempts: int
    waits: bool = False


def pending_write_of(card: Card, task: Task | None, board: Board) -> PendingWrite | None:
    """What is to be written to a card; None when it is right, in the trash, or was never read."""
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
        page_id=card.notion_page_id, values=values, shown=shown, attempts=card.attempts, waits=waits
    )


def current_attention(card: Card, base: MergeBase, task: Task | None) -> str:
    """What the card should tell its editor now: a refusal is over once the task's status changed."""
    outdated = is_refusal_outdated(base, task_state(task) if task else None)
    return attention(card.known_violations(), "") if outdated else card.attention
