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
from models.rules.merge import shown_of
from models.rules.validation import Violation
from models.sync.stale_queries import Known, contradicted
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
    remembered: bool = False
    vouched: Known | None = None
    task_id: UUID | None = None


def cards_among(observations: Iterable[Observation]) -> set[str]:
    """The pages that are cards: those that lie on the board, be it in its trash."""
    return {observation.card.page_id for observation in observations if not observation.card.away}


def newest(observations: Iterable[Observation]) -> dict[str, Observation]:
    """Of each page the look that began last, by page id."""
    found: dict[str, Observation] = {}
    for observation in observations:
        other = found.get(observation.card.page_id)
        if other is None or observation.began >= other.began:
            found[observation.card.page_id] = observation
    return found


def doubt(card: Card, observation: Observation) -> bool | None:
    """None when the look counts; else whether the page must be read again to know."""
    if card.last_read_at is None:
        return None
    if observation.began < card.last_read_at:
        return not says_nothing_new(card, observation.card)
    if observation.by_id or card.edited_at is None or observation.card.edited_at > card.edited_at:
        return None
    if observation.card.edited_at < card.edited_at:
        return False
    # The same minute: a query's row that contradicts what is known may be from before or after it.
    vouched_for = observation.vouched is not None and observation.vouched == contradicted(
        card, observation.card
    )
    return None if vouched_for or says_nothing_new(card, observation.card) else True


def may_be_vouched_for(card: Card, observation: Observation) -> Known | None:
    """The look that a doubtful row contradicts, where another page of the same answer may vouch for it."""
    same_minute = not observation.by_id and card.edited_at == observation.card.edited_at
    void = card.last_read_at is None or observation.began < card.last_read_at
    return contradicted(card, observation.card) if same_minute and not void else None


def says_nothing_new(card: Card, read: BoardCard) -> bool:
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
    ) and base.shown == shown_of(read)


async def news(session: AsyncSession, cards: Sequence[BoardCard]) -> set[str]:
    """Page ids of those cards that say anything new, without locking: an idle sweep stops here."""
    rows = await session.scalars(
        select(Card).where(col(Card.notion_page_id).in_([card.page_id for card in cards]))
    )
    known = {row.notion_page_id: row for row in rows}
    return {card.page_id for card in cards if _is_news(known.get(card.page_id), card)}


def _is_news(known: Card | None, read: BoardCard) -> bool:
    # When the page was made is not known of a card that was read last by an older release.
    return (
        known is None
        or known.unreadable
        or known.made_at is None
        or not says_nothing_new(known, read)
    )
