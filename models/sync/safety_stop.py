"""The safety stop: hold many unwatched changes until the operator confirms.

An edit that was made while cycles succeeded counts like any other. After a pause, a restored
database, or a change of token or board, apparent edits may be an artefact of our own mistake. A few
such cards are processed; if there are many, each of them waits until the operator confirms. All
other cards go on. A move that we wrote ourselves, and do not know any more, shows that the database
is older than the board: even one such card waits, because its work may be paid already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.rules.merge import Plan
from models.tables.card import Card
from models.tables.card_queries import cards_of, count_cards
from models.tables.incidents import IncidentKind, open_incidents
from models.tables.push_queue import HELD, MISSING
from models.tables.sync_state import (
    CONFIRMED,
    GOOD_WITHIN,
    LAST_GOOD_CYCLE,
    SyncState,
    forget,
    remember,
)

PUT_BACK_MAX: Final = 20
"""Unwatched moves that may be put back without asking (design: section 8)."""
DELETED_MAX: Final = 10
DELETED_SHARE: Final = 0.10
"""More deleted cards than both of these are not accepted without asking
(design: section 8)."""
TOGETHER: Final = timedelta(minutes=10)
"""Pushes find missing pages one by one; those within this time count together."""

MOVES: Final = IncidentKind.SAFETY_STOP.about("moves")
"""The incident of moves that are held. While it is open, even a few are held."""
DELETIONS: Final = IncidentKind.SAFETY_STOP.about("gone")
"""The incident of cards that are held instead of being marked as deleted."""

_WAITING = text(
    f"SELECT (SELECT count(*) FROM cards WHERE {HELD}), "  # noqa: S608
    f"(SELECT count(*) FROM cards WHERE {MISSING})"
)
_WRITTEN_BEFORE_A_RESTORE = text(
    "SELECT EXISTS (SELECT FROM cards AS c "  # noqa: S608
    "JOIN task_history AS h ON h.notion_page_id = c.notion_page_id AND h.at >= c.held_at "
    f"WHERE {HELD} AND h.reason = 'older_database')"
)
_DELETED_LATELY = text(
    "SELECT count(*) FROM cards WHERE missing_at >= :since AND trashed_at IS NOT NULL"
)
# In a fixed order, so that two transactions cannot deadlock.
_RELEASE = text(
    "WITH held AS (SELECT notion_page_id FROM cards WHERE held_at IS NOT NULL "
    "ORDER BY notion_page_id FOR UPDATE) "
    "UPDATE cards c SET held_at = NULL FROM held WHERE held.notion_page_id = c.notion_page_id"
)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """How many cards are held.

    Attributes:
        moves: cards whose move would be put back.
        deletions: cards that would be marked as deleted.
    """

    moves: int
    deletions: int

    def __bool__(self) -> bool:
        """Whether any card is held."""
        return bool(self.moves or self.deletions)


def connection_of(token: str, data_source_id: str) -> str:
    """A hash of a token and a board: with another of either, earlier cycles do not count."""
    return hashlib.sha256(f"{token} {data_source_id}".encode()).hexdigest()[:16]


def was_watched(last_good: datetime | None, by: str | None, connection: str, now: datetime) -> bool:
    """Whether the sync ran until now, so that edits count as made under its eyes.

    Args:
        last_good: the last successful cycle in this database; a restored one has an old value.
        by: the connection of that cycle.
        connection: the present connection.
    """
    return last_good is not None and by == connection and now - last_good <= GOOD_WITHIN


def move_held_since(
    before: datetime | None, decided: Plan, *, watched: bool, now: datetime
) -> datetime | None:
    """Since when a card's move is held after a reading; None if there is none, or it was watched.

    Args:
        before: since when it was held before that reading.
    """
    if decided.moved or decided.base.shown.status == decided.base.status:
        return None
    if any(lost.property == "Status" for lost in decided.lost):
        return None if watched else before or now
    return before


def too_many_deleted(new: int, lately: int, cards: int) -> bool:
    """Whether more cards would be deleted at once than is normal.

    Args:
        new: cards that would be marked now.
        lately: cards that were marked within `TOGETHER`.
        cards: all cards on the board.
    """
    return new + lately > max(DELETED_MAX, DELETED_SHARE * (cards + lately))


async def is_watched(session: AsyncSession, connection: str, now: datetime) -> bool:
    """`was_watched`, by the last successful cycle that is stored."""
    row = await session.get(SyncState, LAST_GOOD_CYCLE)
    return row is not None and was_watched(row.moment, (row.value or {}).get("by"), connection, now)


async def record_good_cycle(session: AsyncSession, connection: str, now: datetime) -> None:
    """Record that a cycle of this connection succeeded."""
    await remember(session, LAST_GOOD_CYCLE, value={"by": connection}, moment=now)


async def forget_old_cycles(session: AsyncSession, now: datetime) -> None:
    """After a pause: no task is given out before a cycle has compared board and database.

    The database may have been restored from a backup in which work stands that was done since.
    """
    last = await session.get(SyncState, LAST_GOOD_CYCLE)
    if last is not None and last.moment is not None and now - last.moment > GOOD_WITHIN:
        last.value = None


async def forget_last_good_cycle(session: AsyncSession) -> None:
    """After a restore: earlier edits count as unwatched, and nothing is confirmed.

    No task is given out before a cycle has compared board and database.
    """
    last = await session.get(SyncState, LAST_GOOD_CYCLE)
    if last is not None:
        last.value = None
    await forget(session, CONFIRMED)


async def pages_to_hold(
    session: AsyncSession,
    not_found: Sequence[str],
    trashed: Sequence[str],
    *,
    watched: bool,
    now: datetime,
) -> frozenset[str]:
    """Which of these pages are held instead of being marked as deleted.

    A page that is in the trash by its own answer is accepted while the sync is watching. A page
    that Notion does not find may only be hidden from our token.

    Args:
        not_found: pages that Notion does not find.
        trashed: pages that are in the trash by their own answer.
    """
    if not not_found and (watched or not trashed) and not await _any_missing(session, trashed):
        return frozenset()
    rows = await session.scalars(
        select(Card).where(col(Card.notion_page_id).in_([*not_found, *trashed]))
    )
    there = [card for card in rows if card.trashed_at is None and card.first_seen_at is not None]
    candidates = {
        card.notion_page_id: card.missing_at
        for card in there
        if not watched or card.missing_at is not None or card.notion_page_id in not_found
    }
    if not candidates:
        return frozenset()
    new = sum(since is None for since in candidates.values())
    lately = int((await session.execute(_DELETED_LATELY, {"since": now - TOGETHER})).scalar_one())
    hold = (await waiting(session)).deletions > 0
    if not hold and new + lately > DELETED_MAX:  # counting the whole board is expensive
        hold = too_many_deleted(new, lately, await count_cards(session))
    if not hold:
        return frozenset()
    return frozenset(candidates)


async def _any_missing(session: AsyncSession, page_ids: Collection[str]) -> bool:
    if not page_ids:
        return False
    known = col(Card.notion_page_id).in_(page_ids)
    found = select(Card.notion_page_id).where(
        known, col(Card.missing_at).is_not(None), col(Card.trashed_at).is_(None)
    )
    return (await session.scalars(found.limit(1))).first() is not None


async def hold_as_missing(session: AsyncSession, page_ids: Collection[str], now: datetime) -> None:
    """Hold these cards: the board that should show them shows no card at all."""
    for card in (await cards_of(session, sorted(page_ids))).values():
        card.missing_at = card.missing_at or now


async def waiting(session: AsyncSession) -> Waiting:
    """Count the held cards."""
    moves, deletions = (await session.execute(_WAITING)).one()
    return Waiting(moves=moves, deletions=deletions)


async def missing_pages(session: AsyncSession, limit: int) -> list[str]:
    """Pages of cards that are held as possibly deleted, least recently read first."""
    known = (col(Card.missing_at).is_not(None), col(Card.trashed_at).is_(None))
    order = (col(Card.last_read_at), col(Card.notion_page_id))
    return list(
        await session.scalars(
            select(Card.notion_page_id).where(*known).order_by(*order).limit(limit)
        )
    )


async def release_few_moves(session: AsyncSession) -> None:
    """Release held moves if they are few, unless the operator was or must be asked about them."""
    moves = (await waiting(session)).moves
    if not moves or moves > PUT_BACK_MAX or await open_incidents(session, MOVES):
        return
    if not (await session.execute(_WRITTEN_BEFORE_A_RESTORE)).scalar_one():
        await release_moves(session)


async def release_moves(session: AsyncSession) -> None:
    """Release all held moves, so that they are put back."""
    await session.execute(_RELEASE)
