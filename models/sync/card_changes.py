"""Changes of one card and its task, each with the history row that records it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.rules.merge import Plan
from models.rules.merge_base import MergeBase
from models.rules.statuses import STATE_OF, BoardStatus
from models.rules.validation import Violation
from models.sync.row_locks import lock_rows
from models.sync.writes.lost_updates import LostUpdate
from models.tables.card import Card
from models.tables.task import Task
from models.tables.task_history import TaskHistory, act_as


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What storing one reading changed, for the log and the cycle's report.

    Attributes:
        task_id: None while the card has no task.
        created, taken: a task was created; a user's change was stored in an existing one.
        newly_invalid: the violations, if they differ from those of the reading before.
    """

    page_id: str
    task_id: UUID | None = None
    created: bool = False
    taken: bool = False
    trashed: bool = False
    restored: bool = False
    plan: Plan | None = None
    newly_invalid: tuple[Violation, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CardChange:
    """One card that is being changed, and what its history rows have in common.

    Attributes:
        watched: whether the sync ran when the change was made (`models.sync.safety_stop`).
        held: whether the card must not be marked as deleted before the operator confirms.
    """

    session: AsyncSession
    card: Card
    actor: str
    now: datetime
    correlation_id: str | None
    watched: bool = True
    held: bool = False

    def add_history(self, action: str, **values: Any) -> None:
        """Add a history row about this card."""
        row = TaskHistory(
            at=self.now,
            notion_page_id=self.card.notion_page_id,
            task_id=self.card.task_id,
            actor=self.actor,
            action=action,
            correlation_id=self.correlation_id,
            **values,
        )
        self.session.add(row)

    def add_lost_value(
        self, action: str, name: str, *, lost: str | None, kept: str | None, reason: str
    ) -> None:
        """Add a history row about a user's value that was not stored."""
        self.add_history(
            action,
            property=name,
            old_value=kept,
            new_value=kept,
            lost_value=lost,
            reason=reason,
        )


def store_task(change: CardChange, task: Task | None, decided: Plan) -> tuple[bool, bool]:
    """Store the planned task; whether it was created, and whether it was changed."""
    state = decided.task
    if state is None:
        return False, False
    values: dict[str, Any] = {
        "title": state.title,
        "channel_id": state.channel_id,
        "topic": state.topic,
        "story_direction": state.story_direction,
        "status": STATE_OF[state.board_status].value,
        "board_status": state.board_status.value,
        "priority": state.priority.value,
    }
    changed_at = change.now if decided.moved else state.status_changed_at
    if task is None:
        task = Task(
            notion_page_id=change.card.notion_page_id,
            created_at=state.created_at,
            updated_at=change.now,
            status_changed_at=changed_at,
            **values,
        )
        change.session.add(task)
        change.card.task_id = task.id
        return True, False
    change.card.task_id = task.id
    differing = {name: value for name, value in values.items() if getattr(task, name) != value}
    for name, value in differing.items():
        setattr(task, name, value)
    if decided.moved:
        task.status_changed_at = changed_at
    return False, bool(differing)


def stamped(decided: Plan, now: datetime) -> MergeBase:
    """The merge base to store: an accepted move, and a rejection made with it, happen now."""
    if not decided.moved:
        return decided.base
    rejected_at_status_change = (
        now if decided.base.rejection else decided.base.rejected_at_status_change
    )
    return replace(decided.base, updated=now, rejected_at_status_change=rejected_at_status_change)


def record_lost_updates(change: CardChange, task: Task | None, found: Sequence[LostUpdate]) -> None:
    """Record users' edits that a write of ours replaced, and report them on the card."""
    card = change.card
    for edit in found:
        lost = (edit.value or "") if edit.known else None
        change.add_lost_value("overruled", edit.name, lost=lost, kept=edit.written, reason="unseen")
    sentences = [edit.sentence for edit in found if edit.sentence not in card.rejection]
    earlier = [card.rejection] if card.rejection else []
    card.rejection = " ".join([*earlier, *sentences])
    card.rejected_at_status_change = task.status_changed_at if task is not None else None
    card.rejection_shown_since = change.now
    if "Attention" in card.initially_empty:
        take_over_attention(change)


def take_over_attention(change: CardChange) -> None:
    """Write to Attention from now on; what users had written there goes to the history."""
    card = change.card
    card.initially_empty = [name for name in card.initially_empty if name != "Attention"]
    shown, kept = card.notion_attention, card.attention
    if shown not in {"", kept}:
        change.add_lost_value("refused", "Attention", lost=shown, kept=kept, reason="not_yours")


def trash_card(change: CardChange, task: Task | None, reason: str) -> Outcome:
    """Mark a card as deleted.

    A task that waits for a worker leaves the queue; one that is in work stays as it is.
    """
    card = change.card
    newly = card.trashed_at is None and not change.held
    if change.held or not change.watched:
        card.missing_at = card.missing_at or change.now
    if newly:
        card.trashed_at = change.now
        left: Mapping[str, str] = {}
        if task is not None and task.board_status == BoardStatus.QUEUED:
            left = _leave_queue(change, task)
        change.add_history("trashed", reason=reason, **left)
    return Outcome(page_id=card.notion_page_id, task_id=card.task_id, trashed=newly)


def _leave_queue(change: CardChange, task: Task) -> Mapping[str, str]:
    """Move the task back to Draft, so that no worker takes it; the values for the history row."""
    before, draft = task.board_status, BoardStatus.DRAFT
    # Later than any other change of the task, even if the clock was set back: `restore_card`
    # recognizes this change by its moment.
    at = max(change.now, task.status_changed_at + timedelta(microseconds=1))
    move_task(task, draft, at)
    change.card.unqueued_at = at
    return {"property": "Status", "old_value": before, "new_value": draft.value}


def move_task(task: Task, to: BoardStatus, at: datetime) -> None:
    """Move a task to a column of the board, at that moment."""
    task.board_status, task.status = to.value, STATE_OF[to].value
    task.status_changed_at = at


def restore_card(change: CardChange, task: Task | None) -> None:
    """Unmark a card that was deleted.

    If its task left the queue for that and was not moved since, the card's Queued counts as a new
    move. It does not if the board never showed Queued: then no user asked for it.
    """
    card, base = change.card, change.card.base
    unmoved = task is not None and card.unqueued_at == task.status_changed_at
    if base is not None and unmoved and base.shown.status == BoardStatus.QUEUED:
        shown = replace(base.shown, status=BoardStatus.DRAFT.value)
        as_draft = replace(base, status=BoardStatus.DRAFT, shown=shown)
        card.remember(as_draft, card.known_violations())
    card.trashed_at = card.unqueued_at = None
    change.add_history("restored")


async def mark_deleted(
    session: AsyncSession,
    page_ids: Collection[str],
    *,
    now: datetime,
    correlation_id: str | None,
    held: Collection[str] = (),
) -> list[Outcome]:
    """Mark cards whose pages Notion does not find any more (404). Their tasks stay.

    The caller commits.

    Args:
        held: pages of cards that must not be marked before the operator confirms.
    """
    rows, actor = await lock_rows(session, page_ids), "board"
    for card in rows.cards.values():
        card.understood()
    known = [card for card in rows.cards.values() if card.first_seen_at is not None]
    await act_as(session, actor, now=now, correlation_id=correlation_id)
    outcomes = []
    for card in known:
        page_id = card.notion_page_id
        card.last_read_at, card.missing_at = now, card.missing_at or now
        change = CardChange(
            session=session,
            card=card,
            actor=actor,
            now=now,
            correlation_id=correlation_id,
            held=page_id in held,
        )
        outcomes.append(trash_card(change, rows.tasks.get(page_id), "not_found"))
    await session.flush()
    return outcomes
