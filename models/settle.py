"""Turning looks at the board into rows: plan each, store the result, record what was lost. One batch, one commit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.agreement import Base, attention, wrote
from models.card import Card, task_state
from models.history import TaskHistory, act_as
from models.holding import hold
from models.looks import Look, cards_among, doubt, newest
from models.merge import Plan, plan
from models.moments import ours, overtaken, remember_moments, remember_trash, unseen_by
from models.properties import BoardCard
from models.statuses import STATE_OF, BoardStatus
from models.task import Task
from models.unseen import Claim, Unseen
from models.validation import Violation


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one look, for the log and the cycle's report.

    Attributes:
        task_id: None while the card has no task.
        created, taken: a task was made; a person's change was taken into an existing one.
        newly_invalid: the violations, when they are others than at the look before.
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
class Settled:
    """What became of a batch.

    Attributes:
        again: pages to be read by id, because a newer look had overtaken this one or the query's row is doubtful.
        unseen: by page, edits that a write of ours had overwritten before anybody saw them.
    """

    outcomes: tuple[Outcome, ...]
    again: tuple[str, ...]
    unseen: Mapping[str, Sequence[Unseen]]


async def settle(
    session: AsyncSession,
    looks: Iterable[Look],
    *,
    now: datetime,
    correlation_id: str | None,
    bot_id: str | None = None,
    importing: bool = False,
    claims: Mapping[str, Sequence[Claim]] | None = None,
) -> Settled:
    """Store what looks at the board mean. The caller commits.

    Looks may come in any order and from several processes at once: a look that began before the last one that counted
    had ended is void, because it may be older; if it says something new its page is to be read again.

    Args:
        claims: what events told of people's edits, by page; those of pages in `again` belong to the next reading.
    """
    counting = newest(looks)
    held = await hold(session, list(counting), making=cards_among(counting.values()))
    outcomes: list[Outcome] = []
    again: list[str] = []
    unseen: dict[str, Sequence[Unseen]] = {}

    def author(look: Look) -> str:
        return "import" if importing else _author(look.card, bot_id)

    for actor, group in groupby(sorted(counting.values(), key=author), key=author):
        await act_as(session, actor, now=now, correlation_id=correlation_id)
        for look in group:
            page_id = look.card.page_id
            if page_id not in held.cards:
                continue  # it lies elsewhere and never was a card
            note = _Note(session, held.cards[page_id], actor, now, correlation_id)
            task = held.tasks.get(page_id)
            if (doubtful := doubt(note.card, look)) is None:
                outcomes.append(_settle_one(note, look, task, bot_id, importing=importing))
                found = unseen_by(note.card, (claims or {}).get(page_id, ()))
            else:
                found = overtaken(note.card, look)
                again += [page_id] if doubtful or look.written else []
            if found:
                unseen[page_id] = found
                _record_unseen(note, task, found)
        await session.flush()
    return Settled(outcomes=tuple(outcomes), again=tuple(again), unseen=unseen)


@dataclass(frozen=True)
class _Note:
    """What every row about one look has in common."""

    session: AsyncSession
    card: Card
    actor: str
    now: datetime
    correlation_id: str | None

    def history(self, action: str, **what: Any) -> None:
        row = TaskHistory(
            at=self.now,
            notion_page_id=self.card.notion_page_id,
            task_id=self.card.task_id,
            actor=self.actor,
            action=action,
            correlation_id=self.correlation_id,
            **what,
        )
        self.session.add(row)


def _record_unseen(note: _Note, task: Task | None, found: Sequence[Unseen]) -> None:
    card = note.card
    for edit in found:
        lost = (edit.value or "") if edit.known else None
        kept = edit.written
        note.history("overruled", property=edit.name, old_value=kept, new_value=kept, lost_value=lost, reason="unseen")
    sentences = [edit.sentence for edit in found if edit.sentence not in card.refusal]
    card.refusal = " ".join([*([card.refusal] if card.refusal else []), *sentences])
    card.refused_at = task.status_changed_at if task is not None else None
    card.attention = attention(card.known_violations(), card.refusal)


def _author(card: BoardCard, bot_id: str | None) -> str:
    return f"person:{card.edited_by}" if card.edited_by is not None and card.edited_by != bot_id else "board"


def _settle_one(note: _Note, look: Look, task: Task | None, bot_id: str | None, *, importing: bool) -> Outcome:
    card = note.card
    card.understood()
    card.seen_at, card.edited_at, card.made_at = look.ended, look.card.edited_at, look.card.created_time
    if look.card.in_trash != (card.trashed_at is not None):
        remember_trash(card, look)
    if look.card.in_trash:
        return _trash(note, task, "moved_away" if look.card.away else "in_trash")
    restored = card.trashed_at is not None
    if restored:
        _restore(note, task)
    base = card.base
    written, sent_at = ours(card, look, bot_id)
    edited = remember_moments(card, look, written, sent_at)
    if base is not None and written:
        base = wrote(base, dict(written))
    decided = plan(base, look.card, task_state(task) if task else None, look.violations, importing=importing)
    before = card.known_violations()
    created, taken = _store_task(note, task, decided)
    for lost in decided.lost:
        note.history(
            lost.action,
            property=lost.property,
            old_value=lost.kept,
            new_value=lost.kept,
            lost_value=lost.value,
            reason=lost.reason,
        )
    card.remember(_stamped(decided, note.now), decided.violations, decided.attention)
    card.first_seen_at = card.first_seen_at or note.now
    if written or edited:
        card.succeeded()  # whoever edited it may have mended what made its pushes fail
    return Outcome(
        page_id=card.notion_page_id,
        task_id=card.task_id,
        created=created,
        taken=taken,
        restored=restored,
        plan=decided,
        newly_invalid=decided.violations if decided.violations != before else (),
    )


def _trash(note: _Note, task: Task | None, reason: str) -> Outcome:
    """Mark the card; a task that waits for a worker is taken out of the queue, one that is in work stays as it is."""
    card, newly = note.card, note.card.trashed_at is None
    if newly:
        card.trashed_at = note.now
        left = _leave_queue(note, task) if task is not None and task.board_status == BoardStatus.QUEUED else {}
        note.history("trashed", reason=reason, **left)
    return Outcome(page_id=card.notion_page_id, task_id=card.task_id, trashed=newly)


def _leave_queue(note: _Note, task: Task) -> Mapping[str, str]:
    """Back to Draft, so that no worker takes it; what the history is to say of that."""
    draft = BoardStatus.DRAFT
    left = {"property": "Status", "old_value": task.board_status, "new_value": draft.value}
    task.board_status, task.status = draft.value, STATE_OF[draft].value
    # Later than any other change of the task, whatever the clock says: `_restore` knows this one by it.
    task.status_changed_at = max(note.now, task.status_changed_at + timedelta(microseconds=1))
    note.card.unqueued_at = task.status_changed_at
    return left


def _restore(note: _Note, task: Task | None) -> None:
    """Unmark the card. If its task was taken out of the queue, and nobody moved it since, Queued is asked for anew.

    Only if the board had shown Queued: of a move that the pipeline made and nobody saw, nobody asks for anything.
    """
    card, base = note.card, note.card.base
    unmoved = task is not None and card.unqueued_at == task.status_changed_at
    if base is not None and unmoved and base.shown.status == BoardStatus.QUEUED:
        shown = replace(base.shown, status=BoardStatus.DRAFT.value)
        asks = replace(base, status=BoardStatus.DRAFT, shown=shown)
        card.remember(asks, card.known_violations(), card.attention)
    card.trashed_at = card.unqueued_at = None
    note.history("restored")


def _stamped(decided: Plan, now: datetime) -> Base:
    """A refusal made together with an accepted move belongs to the status after it."""
    refused = bool(decided.base.refusal) and decided.moved
    return replace(decided.base, refused_at=now) if refused else decided.base


def _store_task(note: _Note, task: Task | None, decided: Plan) -> tuple[bool, bool]:
    """Bring the row to what was decided; whether it was made, and whether it was changed."""
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
    changed_at = note.now if decided.moved else state.status_changed_at
    if task is None:
        task = Task(
            notion_page_id=note.card.notion_page_id,
            created_at=state.created_at,
            updated_at=note.now,
            status_changed_at=changed_at,
            **values,
        )
        note.session.add(task)
        note.card.task_id = task.id
        return True, False
    note.card.task_id = task.id
    differing = {name: value for name, value in values.items() if getattr(task, name) != value}
    for name, value in differing.items():
        setattr(task, name, value)
    if decided.moved:
        task.status_changed_at = changed_at
    return False, bool(differing)


async def mark_gone(
    session: AsyncSession,
    page_ids: Collection[str],
    *,
    now: datetime,
    correlation_id: str | None,
) -> list[Outcome]:
    """Mark cards whose pages Notion does not find any more (404); their tasks stay. The caller commits."""
    held, actor = await hold(session, page_ids), "board"
    for card in held.cards.values():
        card.understood()
    known = [card for card in held.cards.values() if card.first_seen_at is not None]
    await act_as(session, actor, now=now, correlation_id=correlation_id)
    outcomes = []
    for card in known:
        card.seen_at = now
        note = _Note(session, card, actor, now, correlation_id)
        outcomes.append(_trash(note, held.tasks.get(card.notion_page_id), "not_found"))
    await session.flush()
    return outcomes
