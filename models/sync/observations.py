"""Looks at cards, and which of them count: they come in any order, from several processes, some late."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.rules.codec import BoardCard
from models.rules.merge import notion_values
from models.rules.validation import Violation
from models.sync.stale_queries import EarlierReading, contradicted_reading
from models.tables.card import Card


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One reading of one page.

    Attributes:
        began, ended: when the request was sent and answered. What was read is as old as `began` at
            most.
        by_id: whether the page itself was read; a query's row may lag behind the page.
        written: what the request wrote, when it was a write (its answer shows the page as it is
            after it).
        remembered: whether nothing was read: a card judged again as it was last seen, under other
            rules.
        vouched: of a query's row, the look that it may contradict, because it was found to be from
            after that.
        task_id: whose card the request made, when it made the page.
    """

    card: BoardCard
    violations: tuple[Violation, ...]
    began: datetime
    ended: datetime
    by_id: bool
    written: Mapping[str, Any] = field(default_factory=dict)
    from_memory: bool = False
    confirmed_against: EarlierReading | None = None
    task_id: UUID | None = None


def pages_on_board(observations: Iterable[Observation]) -> set[str]:
    """The pages that are cards: those that lie on the board, be it in its trash."""
    return {observation.card.page_id for observation in observations if not observation.card.away}


def latest_per_page(observations: Iterable[Observation]) -> dict[str, Observation]:
    """Of each page the look that began last, by page id."""
    found: dict[str, Observation] = {}
    for observation in observations:
        other = found.get(observation.card.page_id)
        if other is None or observation.began >= other.began:
            found[observation.card.page_id] = observation
    return found


def staleness_of(card: Card, observation: Observation) -> bool | None:
    """None when the look counts; else whether the page must be read again to know."""
    if card.seen_at is None:
        return None
    if observation.began < card.seen_at:
        return not is_unchanged(card, observation.card)
    if observation.by_id or card.edited_at is None or observation.card.edited_at > card.edited_at:
        return None
    if observation.card.edited_at < card.edited_at:
        return False
    # The same minute: a query's row that contradicts what is known may be from before or after it.
    vouched_for = (
        observation.confirmed_against is not None
        and observation.confirmed_against == contradicted_reading(card, observation.card)
    )
    return None if vouched_for or is_unchanged(card, observation.card) else True


def earlier_reading(card: Card, observation: Observation) -> EarlierReading | None:
    """The look that a doubtful row contradicts, where another page of the same answer may vouch for it."""
    same_minute = not observation.by_id and card.edited_at == observation.card.edited_at
    void = card.seen_at is None or observation.began < card.seen_at
    return contradicted_reading(card, observation.card) if same_minute and not void else None


def is_unchanged(card: Card, read: BoardCard) -> bool:
    """Whether the card was known to be like that."""
    base = card.base
    if base is None or (card.trashed_at is not None) != read.in_trash:
        return False
    texts = (base.title, base.channel, base.topic, base.story_direction)
    return texts == (
        read.title,
        read.channel,
        read.topic,
        read.story_direction,
    ) and base.shown == notion_values(read)


async def changed_pages(session: AsyncSession, cards: Sequence[BoardCard]) -> set[str]:
    """Page ids of those cards that say anything new, without locking: an idle sweep stops here."""
    rows = await session.scalars(
        select(Card).where(col(Card.notion_page_id).in_([card.page_id for card in cards]))
    )
    known = {row.notion_page_id: row for row in rows}
    return {card.page_id for card in cards if _is_news(known.get(card.page_id), card)}


def _is_news(known: Card | None, read: BoardCard) -> bool:
    # When the page was made is not known of a card that was read last by an older release.
    return (
        known is None or known.unreadable or known.made_at is None or not is_unchanged(known, read)
    )
