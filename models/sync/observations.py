"""Readings of pages, and which of them are newer than what is stored.

Readings arrive in any order and from several processes, and a query may lag behind the pages that
it lists. Notion's edit times are whole minutes, so a query's row of the same minute that differs
from what is stored may be older or newer than it; reading the page itself decides.

Reading every such page is expensive after a bulk edit. A query's rows are all equally old, so a
sample is enough: once a page that was edited after its last reading turns out to match its row, the
query ran after that edit, and so after the last reading of every page that was read before it.

This assumes that a query shows one moment, and that no two pages return within a minute to a state
that was never recorded. A recorded state counts as known, and its row is not accepted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.rules.codec.read import BoardCard
from models.rules.merge import notion_values
from models.rules.merge_base import MergeBase, NotionValues
from models.rules.validation import Violation
from models.sync.writes.lost_updates import STATES_KEPT, RecentActivity
from models.tables.card import Card

SAMPLE_SIZE: Final = 2
"""Pages read to confirm the other rows: a single one could match by chance."""


class Staleness(Enum):
    """How a reading relates to what is stored of its card."""

    CURRENT = "current"
    """It is newer: store it."""
    STALE = "stale"
    """It is older, or says nothing new: ignore its values."""
    REREAD = "reread"
    """It may be older and differs from what is stored: read the page by id."""


class EarlierReading(NamedTuple):
    """The stored reading that a query's row contradicts.

    `began` and `ended` are when its request was sent and answered; `by_id` is whether it read the
    page itself.
    """

    began: datetime
    ended: datetime
    by_id: bool


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One reading of one page.

    Attributes:
        began, ended: when the request was sent and answered. The page may have changed since
            `began`.
        by_id: whether the page itself was read; a query's row may lag behind the page.
        violations: the rules that the card breaks; empty until the card was validated.
        written: what the request wrote, if it was a write: its answer shows the page afterwards.
        from_memory: whether no request was made: the stored card is processed again because the
            rules or the channels changed.
        confirmed_against: the reading that a query's row contradicts but is confirmed to be newer
            than; None if the row is not confirmed.
        task_id: the task whose card the request created, if it created the page.
    """

    card: BoardCard
    began: datetime
    ended: datetime
    by_id: bool
    violations: tuple[Violation, ...] = ()
    written: Mapping[str, Any] = field(default_factory=dict)
    from_memory: bool = False
    confirmed_against: EarlierReading | None = None
    task_id: UUID | None = None


def pages_on_board(observations: Iterable[Observation]) -> set[str]:
    """Page ids of those that lie on the board, also in its trash."""
    return {observation.card.page_id for observation in observations if not observation.card.away}


def latest_per_page(observations: Iterable[Observation]) -> dict[str, Observation]:
    """The observation of each page that began last, by page id."""
    found: dict[str, Observation] = {}
    for observation in observations:
        other = found.get(observation.card.page_id)
        if other is None or observation.began >= other.began:
            found[observation.card.page_id] = observation
    return found


def staleness_of(card: Card, observation: Observation) -> Staleness:
    """Compare a reading with what is stored of its card."""
    if card.last_read_at is None:
        return Staleness.CURRENT
    if observation.began < card.last_read_at:
        unchanged = is_unchanged(card, observation.card)
        return Staleness.STALE if unchanged else Staleness.REREAD
    if observation.by_id or card.edited_at is None or observation.card.edited_at > card.edited_at:
        return Staleness.CURRENT
    if observation.card.edited_at < card.edited_at:
        return Staleness.STALE
    # Of the same minute, a query's row may be older than what is stored.
    confirmed = _is_confirmed(card, observation)
    if confirmed or is_unchanged(card, observation.card):
        return Staleness.CURRENT
    return Staleness.REREAD


def _is_confirmed(card: Card, observation: Observation) -> bool:
    """Whether a query's row is confirmed to be newer than the reading that it contradicts."""
    confirmed = observation.confirmed_against
    return confirmed is not None and confirmed == contradicted_reading(card, observation.card)


def earlier_reading(card: Card, observation: Observation) -> EarlierReading | None:
    """The reading that a row contradicts; None if no sample of the query could confirm the row."""
    same_minute = not observation.by_id and card.edited_at == observation.card.edited_at
    began_before = card.last_read_at is None or observation.began < card.last_read_at
    if began_before or not same_minute:
        return None
    return contradicted_reading(card, observation.card)


def contradicted_reading(card: Card, read: BoardCard) -> EarlierReading | None:
    """The stored reading that a query's row contradicts; None if no sample could confirm the row.

    No sample can if the row shows a state that the card was in earlier in the same minute, if a
    write of ours may have changed the card since that reading, or if the card was deleted.
    """
    recent = RecentActivity.from_json(card.recent_activity)
    changed = (
        recent.last_by_id is None or card.write_in_flight is not None or not recent.observations
    )
    deleted = card.trashed_at is not None or card.missing_at is not None or read.in_trash
    known = len(recent.states) >= STATES_KEPT or state_digest(read) in recent.states
    if changed or deleted or known:
        return None
    return EarlierReading(*recent.observations[-1], by_id=bool(recent.last_by_id))


def confirms(sample: EarlierReading, other: EarlierReading) -> bool:
    """Whether an edit after the sample's earlier reading is also later than the other's.

    Rows of one query show the same state of the board, however old it was.
    """
    if sample.by_id:
        return other.ended <= sample.began
    return sample == other


def pages_to_sample(unconfirmed: Mapping[str, EarlierReading]) -> list[str]:
    """The pages of one query's answer to read by id: those that can confirm most of the others."""

    def confirmable(page_id: str) -> int:
        return sum(confirms(unconfirmed[page_id], other) for other in unconfirmed.values())

    return sorted(unconfirmed, key=lambda page_id: (-confirmable(page_id), page_id))[:SAMPLE_SIZE]


def confirmed_pages(
    unconfirmed: Mapping[str, EarlierReading], by: Sequence[str]
) -> Collection[str]:
    """The other pages of the answer that these sampled pages confirm."""
    samples = [unconfirmed[page_id] for page_id in by]
    return [
        page_id
        for page_id, earlier in unconfirmed.items()
        if page_id not in by and any(confirms(sample, earlier) for sample in samples)
    ]


def same_state(one: BoardCard, other: BoardCard) -> bool:
    """Whether two readings show a page in the same state, in everything that is synchronized."""
    alike = (one.edited_at, one.in_trash) == (other.edited_at, other.in_trash)
    return alike and state_digest(one) == state_digest(other)


def is_unchanged(card: Card, read: BoardCard) -> bool:
    """Whether a reading shows the card as it is stored."""
    base = card.base
    if base is None or (card.trashed_at is not None) != read.in_trash:
        return False
    texts = (base.title, base.channel, base.topic, base.story_direction)
    return texts == _texts(read) and base.shown == notion_values(read)


async def changed_pages(session: AsyncSession, cards: Sequence[BoardCard]) -> set[str]:
    """Page ids of those cards that differ from what is stored, without locking any row."""
    rows = await session.scalars(
        select(Card).where(col(Card.notion_page_id).in_([card.page_id for card in cards]))
    )
    known = {row.notion_page_id: row for row in rows}
    return {card.page_id for card in cards if _is_changed(known.get(card.page_id), card)}


def _is_changed(known: Card | None, read: BoardCard) -> bool:
    if known is None or known.unreadable:
        return True
    # A card that an older release read last lacks the time when its page was created.
    return known.made_at is None or not is_unchanged(known, read)


def state_digest(read: BoardCard) -> str:
    """A short hash of everything that is synchronized, as a reading shows it."""
    return _digest(_texts(read), notion_values(read))


def known_state_digest(base: MergeBase) -> str:
    """The same hash of what is stored of a card."""
    return _digest((base.title, base.channel, base.topic, base.story_direction), base.shown)


def _texts(read: BoardCard) -> tuple[str | None, ...]:
    return read.title, read.channel, read.topic, read.story_direction


def _digest(texts: tuple[str | None, ...], shown: NotionValues) -> str:
    moments = [
        moment and moment.astimezone(UTC).isoformat() for moment in (shown.created, shown.updated)
    ]
    facts = (shown.progress, shown.cost, shown.video)
    made = facts if any(value is not None for value in facts) else ()
    parts = (*texts, shown.status, shown.priority, shown.attention, *moments, *made)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
