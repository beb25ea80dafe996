"""Reconcile cards: plan each observation, store the result, and record what users lost.

One batch, one commit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy.ext.asyncio import AsyncSession

from models.rules.codec.read import BoardCard
from models.rules.merge import Plan, plan
from models.rules.merge_base import with_write
from models.sync.adopt_page import adopt_pages, remember_created_page
from models.sync.card_changes import (
    CardChange,
    Outcome,
    record_lost_updates,
    restore_card,
    stamped,
    store_task,
    trash_card,
)
from models.sync.decisions import Decisions, decisions_about
from models.sync.observations import (
    EarlierReading,
    Observation,
    Staleness,
    earlier_reading,
    latest_per_page,
    pages_on_board,
    staleness_of,
)
from models.sync.row_locks import LockedRows, lock_rows
from models.sync.safety_stop import move_held_since
from models.sync.writes.lost_updates import LostUpdate, ReportedEdit
from models.sync.writes.recent import (
    find_lost_updates,
    own_write,
    record_reading,
    record_state,
    record_trash_change,
)
from models.tables.card import Card
from models.tables.task import Task, task_state
from models.tables.task_history import act_as, take_in

GRACE = timedelta(minutes=2)
"""How long a card that was queued before it was complete stays where it is, after a user's last
edit. Users type one property at a time, and an edit is read within a minute."""


@dataclass(frozen=True, kw_only=True)
class ReconcileResult:
    """What became of a batch.

    Attributes:
        reread: pages to read by id, because their observation was stale or may be.
        unconfirmed: for those of `reread` that a sample of their query may confirm, the earlier
            reading that the row contradicts.
        lost_updates: by page, users' edits that a write of ours replaced before they were read.
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
    reported: Mapping[str, Sequence[ReportedEdit]] | None = None,
    watched: bool = True,
    held: Collection[str] = (),
    comments: Mapping[str, str] | None = None,
) -> ReconcileResult:
    """Store what observations of the board mean. The caller commits.

    Observations may come in any order and from several processes. One that began before the last
    current reading had ended is stale, because it may be older; if it differs from what is stored,
    its page is to be read again.

    Args:
        bot_ids: the Notion users that our own writes are attributed to.
        importing: whether a whole board is being imported; the history names the import then.
        first_import: whether new cards were on the board before the sync began; by default as
            `importing`.
        reported: users' edits that events report, by page. Those of pages in `reread` belong to
            the next reading.
        watched: whether the sync ran when the changes were made (`models.sync.safety_stop`).
        held: pages that must not be marked as deleted before the operator confirms.
        comments: by page, what a user wrote about a card that is rejected.
    """
    latest = latest_per_page(observations)
    await take_in(session)
    created = await adopt_pages(session, latest, now=now, correlation_id=correlation_id)
    rows = await lock_rows(session, list(latest), making=pages_on_board(latest.values()))
    batch = _Batch(
        session=session,
        rows=rows,
        now=now,
        correlation_id=correlation_id,
        bot_ids=bot_ids,
        first_import=importing if first_import is None else first_import,
        reported=reported or {},
        watched=watched,
        held=held,
        decisions=await decisions_about(session, rows.tasks.values(), comments or {}),
    )
    for page_id, creation in created.items():
        remember_created_page(rows.cards[page_id], rows.tasks[page_id], creation, now)
        batch.change_of(page_id, "push").add_history("card_made")

    def author(observation: Observation) -> str:
        return "import" if importing else _author(observation.card, bot_ids)

    for actor, group in groupby(sorted(latest.values(), key=author), key=author):
        await act_as(session, actor, now=now, correlation_id=correlation_id)
        for observation in group:
            # Without a row the page lies elsewhere and never was a card.
            if observation.card.page_id in rows.cards:
                batch.store(observation, actor)
        await session.flush()
    return batch.result()


def _author(card: BoardCard, bot_ids: Collection[str]) -> str:
    if card.edited_by is None or card.edited_by in bot_ids:
        return "board"
    return f"person:{card.edited_by}"


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """What all observations of one call have in common, and what became of them."""

    session: AsyncSession
    rows: LockedRows
    now: datetime
    correlation_id: str | None
    bot_ids: Collection[str]
    first_import: bool
    reported: Mapping[str, Sequence[ReportedEdit]]
    watched: bool
    held: Collection[str]
    decisions: Decisions
    outcomes: list[Outcome] = field(default_factory=list)
    reread: list[str] = field(default_factory=list)
    unconfirmed: dict[str, EarlierReading] = field(default_factory=dict)
    lost_updates: dict[str, Sequence[LostUpdate]] = field(default_factory=dict)

    def result(self) -> ReconcileResult:
        return ReconcileResult(
            outcomes=tuple(self.outcomes),
            reread=tuple(self.reread),
            unconfirmed=self.unconfirmed,
            lost_updates=self.lost_updates,
        )

    def change_of(self, page_id: str, actor: str) -> CardChange:
        return CardChange(
            session=self.session,
            card=self.rows.cards[page_id],
            actor=actor,
            now=self.now,
            correlation_id=self.correlation_id,
            watched=self.watched,
            held=page_id in self.held,
        )

    def store(self, observation: Observation, actor: str) -> None:
        """Store one observation, or note that its page must be read again."""
        page_id = observation.card.page_id
        change, task = self.change_of(page_id, actor), self.rows.tasks.get(page_id)
        staleness = staleness_of(change.card, observation)
        if staleness is Staleness.CURRENT:
            self.outcomes.append(self._store_current(change, observation, task))
        elif staleness is Staleness.REREAD or observation.written:
            self.reread.append(page_id)
        reported = self.reported.get(page_id, ())
        found = find_lost_updates(change.card, observation, reported, staleness)
        if staleness is Staleness.REREAD:
            self._record_unconfirmed(change.card, observation)
        if found:
            self.lost_updates[page_id] = found
            record_lost_updates(change, task, found)

    def _record_unconfirmed(self, card: Card, observation: Observation) -> None:
        earlier = earlier_reading(card, observation)
        if earlier is not None:
            self.unconfirmed[card.notion_page_id] = earlier

    def _store_current(
        self, change: CardChange, observation: Observation, task: Task | None
    ) -> Outcome:
        card = change.card
        if not observation.from_memory:
            record_state(card, observation)
            _record_times(card, observation)
        if observation.card.in_trash != (card.trashed_at is not None):
            record_trash_change(card, observation)
        if observation.card.in_trash:
            reason = "moved_away" if observation.card.away else "in_trash"
            return trash_card(change, task, reason)
        if not observation.from_memory:
            card.missing_at = None
        restored = card.trashed_at is not None
        if restored:
            restore_card(change, task)
        return replace(self._merge(change, observation, task), restored=restored)

    def _merge(self, change: CardChange, observation: Observation, task: Task | None) -> Outcome:
        """Plan a card that lies on the board, and store the plan."""
        card, now = change.card, self.now
        base = card.standing(now)
        written, sent_at = own_write(card, observation, self.bot_ids)
        edited = record_reading(card, observation, written, sent_at)
        if base is not None and written:
            base = with_write(base, dict(written))
        decided = plan(
            base,
            observation.card,
            task_state(task) if task else None,
            observation.violations,
            importing=self.first_import,
            keep_until=_keep_until(card, now, edited=bool(edited)),
            ours=observation.card.created_by in self.bot_ids,
            gates=self.decisions.columns_of(task),
            # Nothing of ours is written to the board in a pause.
            ahead=not self.watched and observation.card.edited_by in self.bot_ids,
        )
        if task is not None and decided.task is not None and decided.moved:
            self.decisions.record(change, task, decided.task.board_status)
        violations_before = card.known_violations()
        created, taken = store_task(change, task, decided)
        for lost in decided.lost:
            change.add_lost_value(
                lost.action, lost.property, lost=lost.value, kept=lost.kept, reason=lost.reason
            )
        card.rejection_shown_since = _reported_since(card, decided, now)
        card.remember(stamped(decided, now), decided.violations)
        card.held_at = move_held_since(card.held_at, decided, watched=self.watched, now=now)
        card.first_seen_at = card.first_seen_at or now
        if written or edited:
            card.succeeded()  # the edit may have repaired what made its pushes fail
        is_news = decided.violations != violations_before
        return Outcome(
            page_id=card.notion_page_id,
            task_id=card.task_id,
            created=created,
            taken=taken,
            plan=decided,
            newly_invalid=decided.violations if is_news else (),
        )


def _record_times(card: Card, observation: Observation) -> None:
    # A query's row of the same minute may be older than what could not be read.
    if observation.by_id or card.edited_at is None or observation.card.edited_at > card.edited_at:
        card.understood()
    card.last_read_at = observation.ended
    card.edited_at = observation.card.edited_at
    card.made_at = observation.card.created_time


def _keep_until(card: Card, now: datetime, *, edited: bool) -> datetime | None:
    """Until when a waiting move leaves Status alone: for a while after a user's last edit."""
    known = card.status_kept_until
    if known is None or edited:
        return now + GRACE
    return known if known > now else None


def _reported_since(card: Card, decided: Plan, now: datetime) -> datetime | None:
    """Since when the card reports its rejection; the same rejected edit again counts as new."""
    rejection = decided.base.rejection
    if not rejection:
        return None
    repeated = any(
        lost.property in {"Status", "Priority"} and lost.action != "waiting"
        for lost in decided.lost
    )
    if repeated or rejection != card.rejection or card.rejection_shown_since is None:
        return now
    return card.rejection_shown_since
