"""Turning looks at the board into rows: plan each, store the result, record what was lost.

One batch, one commit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.rules.codec import BoardCard
from models.rules.merge import Plan, plan
from models.rules.merge_base import MergeBase, attention, with_write
from models.rules.statuses import STATE_OF, BoardStatus
from models.rules.validation import Violation
from models.sync.adopt_page import adopt_pages, remember_created_page
from models.sync.lost_updates import LostUpdate, ReportedEdit
from models.sync.observations import (
    Observation,
    earlier_reading,
    latest_per_page,
    pages_on_board,
    staleness_of,
)
from models.sync.recent_writes import (
    overtaken,
    own_write,
    record_reading,
    record_state,
    record_trash_change,
    unseen_by,
)
from models.sync.row_locks import lock_rows
from models.sync.safety_stop import move_held_since
from models.sync.stale_queries import EarlierReading
from models.tables.card import Card, task_state
from models.tables.task import Task
from models.tables.task_history import TaskHistory, act_as, take_in

GRACE = timedelta(minutes=2)
"""How long nobody moves a card that was queued before it was complete, since a person edited it
last: it is typed a property at a time, and an edit is seen within a minute."""


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
class ReconcileResult:
    """What became of a batch.

    Attributes:
        again: pages to be read by id, because a newer look had overtaken this one or the query's
            row is doubtful.
        doubted: of those in `reread`, rows for which another page may vouch: the look that each
            contradicts.
        unseen: by page, edits that a write of ours had overwritten before anybody saw them.
    """

    outcomes: tuple[Outcome, ...]
    reread: tuple[str, ...]
    unconfirmed: Mapping[str, EarlierReading]
    lost_updates: Mapping[str, Sequence[LostUpdate]]


async def reconcile(
    session: AsyncSession,
    observations: Iterable[Observation],
    *,
    now: datetime,
    correlation_id: str | None,
    bot_ids: Collection[str] = (),
    importing: bool = False,
    first_import: bool | None = None,
    claims: Mapping[str, Sequence[ReportedEdit]] | None = None,
    watched: bool = True,
    waiting: Collection[str] = (),
) -> ReconcileResult:
    """Store what looks at the board mean. The caller commits.

    Looks may come in any order and from several processes at once: a look that began before the
    last one that counted had ended is void, because it may be older; if it says something new its
    page is to be read again.

    Args:
        bot_ids: whose edits are our own.
        importing: whether this is the import of a whole board, in whose name it is recorded then.
        first_import: whether cards seen for the first time were on the board before us; as
            `importing` if not given.
        claims: what events told of people's edits, by page; those of pages in `reread` belong to the
            next reading.
        watched: whether what people did until now was watched; waiting: pages that are not to be
            believed gone (`models.sync.safety_stop`).
    """
    first_import = importing if first_import is None else first_import
    counting = latest_per_page(observations)
    await take_in(session)
    made = await adopt_pages(session, counting, now=now, correlation_id=correlation_id)
    held = await lock_rows(session, list(counting), making=pages_on_board(counting.values()))
    for page_id, creation in made.items():
        remember_created_page(held.cards[page_id], held.tasks[page_id], creation, now)
        _Note(session, held.cards[page_id], "push", now, correlation_id).history("card_made")
    outcomes: list[Outcome] = []
    reread: list[str] = []
    unconfirmed: dict[str, EarlierReading] = {}
    lost_updates: dict[str, Sequence[LostUpdate]] = {}

    def author(observation: Observation) -> str:
        return "import" if importing else _author(observation.card, bot_ids)

    for actor, group in groupby(sorted(counting.values(), key=author), key=author):
        await act_as(session, actor, now=now, correlation_id=correlation_id)
        for observation in group:
            page_id = observation.card.page_id
            if page_id not in held.cards:
                continue  # it lies elsewhere and never was a card
            note = _Note(
                session,
                held.cards[page_id],
                actor,
                now,
                correlation_id,
                watched,
                page_id in waiting,
            )
            task = held.tasks.get(page_id)
            if (doubtful := staleness_of(note.card, observation)) is None:
                outcomes.append(
                    _settle_one(note, observation, task, bot_ids, first_import=first_import)
                )
                found = unseen_by(note.card, (claims or {}).get(page_id, ()))
            else:
                found = overtaken(note.card, observation)
                reread += [page_id] if doubtful or observation.written else []
                if doubtful and (known := earlier_reading(note.card, observation)) is not None:
                    unconfirmed[page_id] = known
            if found:
                lost_updates[page_id] = found
                _record_unseen(note, task, found)
        await session.flush()
    return ReconcileResult(
        outcomes=tuple(outcomes),
        reread=tuple(reread),
        unconfirmed=unconfirmed,
        lost_updates=lost_updates,
    )


@dataclass(frozen=True)
class _Note:
    """What every row about one look has in common; `watched` and `waits` as `reconcile` was told of them."""

    session: AsyncSession
    card: Card
    actor: str
    now: datetime
    correlation_id: str | None
    watched: bool = True
    waits: bool = False

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


def _record_unseen(note: _Note, task: Task | None, found: Sequence[LostUpdate]) -> None:
    card = note.card
    for edit in found:
        lost = (edit.value or "") if edit.known else None
        kept = edit.written
        note.history(
            "overruled",
            property=edit.name,
            old_value=kept,
            new_value=kept,
            lost_value=lost,
            reason="unseen",
        )
    sentences = [edit.sentence for edit in found if edit.sentence not in card.refusal]
    card.refusal = " ".join([*([card.refusal] if card.refusal else []), *sentences])
    card.refused_at, card.told_at = task.status_changed_at if task is not None else None, note.now
    card.attention = attention(card.known_violations(), card.refusal)
    if "Attention" in card.lacking:  # theirs until now
        card.lacking = [name for name in card.lacking if name != "Attention"]
        if card.shown_attention not in {"", kept := card.attention}:
            lost = card.shown_attention
            note.history(
                "refused",
                property="Attention",
                old_value=kept,
                new_value=kept,
                lost_value=lost,
                reason="not_yours",
            )


def _author(card: BoardCard, bot_ids: Collection[str]) -> str:
    return (
        f"person:{card.edited_by}"
        if card.edited_by is not None and card.edited_by not in bot_ids
        else "board"
    )


def _settle_one(
    note: _Note,
    observation: Observation,
    task: Task | None,
    bot_ids: Collection[str],
    *,
    first_import: bool,
) -> Outcome:
    card = note.card
    if not observation.from_memory:
        record_state(card, observation)
        _note_reading(card, observation)
    if observation.card.in_trash != (card.trashed_at is not None):
        record_trash_change(card, observation)
    if observation.card.in_trash:
        return _trash(note, task, "moved_away" if observation.card.away else "in_trash")
    if not observation.from_memory:
        card.missing_at = None
    restored = card.trashed_at is not None
    if restored:
        _restore(note, task)
    base = card.standing(note.now)
    written, sent_at = own_write(card, observation, bot_ids)
    edited = record_reading(card, observation, written, sent_at)
    if base is not None and written:
        base = with_write(base, dict(written))
    decided = plan(
        base,
        observation.card,
        task_state(task) if task else None,
        observation.violations,
        importing=first_import,
        keep_until=_keep_until(card, note.now, edited=bool(edited)),
        ours=observation.card.created_by in bot_ids,
    )
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
    card.told_at = _told_at(card, decided, note.now)
    card.remember(_stamped(decided, note.now), decided.violations, decided.attention)
    card.held_at = move_held_since(card.held_at, decided, watched=note.watched, now=note.now)
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


def _note_reading(card: Card, observation: Observation) -> None:
    # A query's row of the same minute may be older than what could not be read.
    if observation.by_id or card.edited_at is None or observation.card.edited_at > card.edited_at:
        card.understood()
    card.seen_at, card.edited_at, card.made_at = (
        observation.ended,
        observation.card.edited_at,
        observation.card.created_time,
    )


def _keep_until(card: Card, now: datetime, *, edited: bool) -> datetime | None:
    """Until when a move that waits leaves Status alone: for a while after a person's last edit that was seen."""
    known = card.status_kept_until
    if known is None or edited:
        return now + GRACE
    return known if known > now else None


def _told_at(card: Card, decided: Plan, now: datetime) -> datetime | None:
    """Since when the card tells of its refusal; the same wish once more is told anew."""
    refusal = decided.base.refusal
    if not refusal:
        return None
    reread = any(
        lost.property in {"Status", "Priority"} and lost.action != "waiting"
        for lost in decided.lost
    )
    return now if reread or refusal != card.refusal or card.told_at is None else card.told_at


def _trash(note: _Note, task: Task | None, reason: str) -> Outcome:
    """Mark the card; a task that waits for a worker is taken out of the queue, one that is in work stays as it is."""
    card = note.card
    newly = card.trashed_at is None and not note.waits
    if note.waits or not note.watched:
        card.missing_at = card.missing_at or note.now
    if newly:
        card.trashed_at = note.now
        left = (
            _leave_queue(note, task)
            if task is not None and task.board_status == BoardStatus.QUEUED
            else {}
        )
        note.history("trashed", reason=reason, **left)
    return Outcome(page_id=card.notion_page_id, task_id=card.task_id, trashed=newly)


def _leave_queue(note: _Note, task: Task) -> Mapping[str, str]:
    """Back to Draft, so that no worker takes it; what the history is to say of that."""
    draft = BoardStatus.DRAFT
    left = {"property": "Status", "old_value": task.board_status, "new_value": draft.value}
    task.board_status, task.status = draft.value, STATE_OF[draft].value
    # Later than any other change of the task, whatever the clock says: `_restore` knows this one by
    # it.
    task.status_changed_at = max(note.now, task.status_changed_at + timedelta(microseconds=1))
    note.card.unqueued_at = task.status_changed_at
    return left


def _restore(note: _Note, task: Task | None) -> None:
    """Unmark the card.

    If its task was taken out of the queue, and nobody moved it since, Queued is asked for anew.

    Only if the board had shown Queued: of a move that the pipeline made and nobody saw, nobody asks
    for anything.
    """
    card, base = note.card, note.card.base
    unmoved = task is not None and card.unqueued_at == task.status_changed_at
    if base is not None and unmoved and base.shown.status == BoardStatus.QUEUED:
        shown = replace(base.shown, status=BoardStatus.DRAFT.value)
        asks = replace(base, status=BoardStatus.DRAFT, shown=shown)
        card.remember(asks, card.known_violations(), card.attention)
    card.trashed_at = card.unqueued_at = None
    note.history("restored")


def _stamped(decided: Plan, now: datetime) -> MergeBase:
    """An accepted move was made now, and a refusal made together with it belongs to the status after it."""
    if not decided.moved:
        return decided.base
    return replace(
        decided.base,
        updated=now,
        refused_at=now if decided.base.refusal else decided.base.refused_at,
    )


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


async def mark_deleted(
    session: AsyncSession,
    page_ids: Collection[str],
    *,
    now: datetime,
    correlation_id: str | None,
    waiting: Collection[str] = (),
) -> list[Outcome]:
    """Mark cards whose pages Notion does not find any more (404); their tasks stay.

    The caller commits.

    Args:
        waiting: pages of cards that are not to be marked before the operator confirmed.
    """
    held, actor = await lock_rows(session, page_ids), "board"
    for card in held.cards.values():
        card.understood()
    known = [card for card in held.cards.values() if card.first_seen_at is not None]
    await act_as(session, actor, now=now, correlation_id=correlation_id)
    outcomes = []
    for card in known:
        page_id = card.notion_page_id
        card.seen_at, card.missing_at = now, card.missing_at or now
        note = _Note(session, card, actor, now, correlation_id, waits=page_id in waiting)
        outcomes.append(_trash(note, held.tasks.get(page_id), "not_found"))
    await session.flush()
    return outcomes
