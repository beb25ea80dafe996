"""Turning looks at the board into rows: plan each, store the result, record what was lost. One batch, one commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.agreement import Base, wrote
from models.card import Card, cards_of, task_state
from models.history import TaskHistory, act_as
from models.merge import Plan, plan, shown_of
from models.properties import BoardCard
from models.statuses import STATE_OF
from models.task import Task, tasks_of_pages
from models.validation import Violation


@dataclass(frozen=True, kw_only=True)
class Look:
    """One reading of one page.

    Attributes:
        began, ended: when the request was sent and answered. What was read is as old as `began` at most.
        by_id: whether the page itself was read; a query's row may lag behind the page.
        written: what the request wrote, when it was a write (its answer shows the page as it is after it).
    """

    card: BoardCard
    violations: tuple[Violation, ...]
    began: datetime
    ended: datetime
    by_id: bool
    written: Mapping[str, Any] = field(default_factory=dict)


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
    """

    outcomes: tuple[Outcome, ...]
    again: tuple[str, ...]


async def settle(
    session: AsyncSession,
    looks: Iterable[Look],
    *,
    now: datetime,
    correlation_id: str | None,
    bot_id: str | None = None,
    importing: bool = False,
) -> Settled:
    """Store what looks at the board mean. The caller commits.

    Looks may come in any order and from several processes at once: a look that began before the last one that counted
    had ended is void, because it may be older; if it says something new its page is to be read again.
    """
    newest = _newest(looks)
    cards = await cards_of(session, list(newest))
    tasks = await tasks_of_pages(session, list(newest), lock=True)
    outcomes: list[Outcome] = []
    again: list[str] = []

    def author(look: Look) -> str:
        return "import" if importing else _author(look.card, bot_id)

    for actor, group in groupby(sorted(newest.values(), key=author), key=author):
        await act_as(session, actor, now=now, correlation_id=correlation_id)
        for look in group:
            page_id = look.card.page_id
            card = cards[page_id]
            if (doubt := _doubt(card, look)) is not None:
                _remember_write(card, look)
                again += [page_id] if doubt or look.written else []
                continue
            note = _Note(session, card, actor, now, correlation_id)
            outcomes.append(_settle_one(note, look, tasks.get(page_id), importing=importing))
        await session.flush()
    return Settled(outcomes=tuple(outcomes), again=tuple(again))


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


def _remember_write(card: Card, look: Look) -> None:
    """Even if the answer to our own write is void, that we wrote is not: else it would look like a person's move."""
    if look.written and card.base is not None:
        base = wrote(card.base, dict(look.written))
        card.remember(base, card.known_violations(), card.attention)


def _newest(looks: Iterable[Look]) -> dict[str, Look]:
    newest: dict[str, Look] = {}
    for look in looks:
        other = newest.get(look.card.page_id)
        if other is None or look.began >= other.began:
            newest[look.card.page_id] = look
    return newest


def _author(card: BoardCard, bot_id: str | None) -> str:
    return f"person:{card.edited_by}" if card.edited_by is not None and card.edited_by != bot_id else "board"


def _doubt(card: Card, look: Look) -> bool | None:
    """None when the look counts; else whether the page must be read again to know."""
    if card.seen_at is None:
        return None
    if look.began < card.seen_at:
        return not _says_nothing_new(card, look.card)
    if look.by_id or card.edited_at is None or look.card.edited_at > card.edited_at:
        return None
    if look.card.edited_at < card.edited_at:
        return False
    # The same minute: a query's row that contradicts what is known may be from before or after it.
    return None if _says_nothing_new(card, look.card) else True


def _says_nothing_new(card: Card, read: BoardCard) -> bool:
    base = card.base
    if base is None or (card.trashed_at is not None) != read.in_trash:
        return False
    texts = (base.title, base.channel, base.topic, base.story_direction)
    return texts == (read.title, read.channel, read.topic, read.story_direction) and base.shown == shown_of(read)


def _settle_one(note: _Note, look: Look, task: Task | None, *, importing: bool) -> Outcome:
    card = note.card
    card.seen_at, card.edited_at = look.ended, look.card.edited_at
    if look.card.in_trash:
        return _trash(note)
    restored = card.trashed_at is not None
    if restored:
        card.trashed_at = None
        note.history("restored")
    base = card.base
    if base is not None and look.written:
        base = wrote(base, dict(look.written))
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
    if look.written:
        card.succeeded()
    return Outcome(
        page_id=card.notion_page_id,
        task_id=card.task_id,
        created=created,
        taken=taken,
        restored=restored,
        plan=decided,
        newly_invalid=decided.violations if decided.violations != before else (),
    )


def _trash(note: _Note) -> Outcome:
    newly = note.card.trashed_at is None
    if newly:
        note.card.trashed_at = note.now
        note.history("trashed")
    return Outcome(page_id=note.card.notion_page_id, task_id=note.card.task_id, trashed=newly)


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


async def news(session: AsyncSession, cards: Sequence[BoardCard]) -> set[str]:
    """Page ids of those cards that say anything new, without locking: an idle sweep stops here."""
    rows = await session.scalars(select(Card).where(col(Card.notion_page_id).in_([card.page_id for card in cards])))
    known = {row.notion_page_id: row for row in rows}
    return {
        card.page_id for card in cards if card.page_id not in known or not _says_nothing_new(known[card.page_id], card)
    }


async def mark_gone(
    session: AsyncSession,
    page_ids: Sequence[str],
    *,
    now: datetime,
    correlation_id: str | None,
) -> list[Outcome]:
    """Mark cards whose pages Notion does not find any more (404); the tasks stay. The caller commits."""
    known = [card for card in (await cards_of(session, page_ids)).values() if card.first_seen_at is not None]
    for card in known:
        card.seen_at = now
    return [_trash(_Note(session, card, "board", now, correlation_id)) for card in known]
