"""The safety stop: which cards wait for somebody to look before the board, or the database, gives in to the other.

What we watched being made counts like anything else: cycles were good all the while. After a pause, a restored
database, or a change of token or board, what people seem to have done may be the other half of a mistake of ours. A few
such cards are nothing; many of them wait, each for itself, until the operator confirms. Every other card goes on.
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
from models.tables.card import Card, cards_of, count_cards
from models.tables.incidents import open_incidents
from models.tables.push_queue import HELD, MISSING
from models.tables.sync_state import CONFIRMED, LAST_GOOD_CYCLE, SyncState, forget, remember

WATCHED_WITHIN: Final = timedelta(minutes=5)
"""How long ago a cycle may have been good last: five are due (design: section 12)."""
PUT_BACK_MAX: Final = 20
"""Moves that nobody watched and that may be put back unasked (design: section 8)."""
DELETED_MAX: Final = 10
DELETED_SHARE: Final = 0.10
"""More cards than both of these are not believed gone unasked (design: section 8)."""
TOGETHER: Final = timedelta(minutes=10)
"""Pages that Notion does not find are met one by one, by pushes: they count together for this long.
"""

MOVES: Final = "safety_stop:moves"
"""The incident of moves that wait to be put back; while it is open, few of them wait as well as
many."""
GONE: Final = "safety_stop:gone"
"""The incident of cards that wait to be marked as trashed."""

_WAITING = text(
    f"SELECT (SELECT count(*) FROM cards WHERE {HELD}), (SELECT count(*) FROM cards WHERE {MISSING})"  # noqa: S608
)
_GONE_LATELY = text(
    "SELECT count(*) FROM cards WHERE missing_at >= :since AND trashed_at IS NOT NULL"
)
# In one order, so that two who lock several cards do not wait for each other.
_RELEASE = text(
    "WITH held AS (SELECT notion_page_id FROM cards WHERE held_at IS NOT NULL ORDER BY notion_page_id FOR UPDATE) "
    "UPDATE cards c SET held_at = NULL FROM held WHERE held.notion_page_id = c.notion_page_id"
)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """How many cards wait: with a move to be put back, or to be marked as trashed."""

    moves: int
    gone: int

    def __bool__(self) -> bool:
        """Whether any does."""
        return bool(self.moves or self.gone)


def connection_of(token: str, data_source_id: str) -> str:
    """What stands for a token and a board together: another one of either, and nobody watched."""
    return hashlib.sha256(f"{token} {data_source_id}".encode()).hexdigest()[:16]


def was_watched(last_good: datetime | None, by: str | None, connection: str, now: datetime) -> bool:
    """Whether what people did until now was watched.

    Args:
        last_good: when a cycle was good last, as this database remembers it: a restored one
            remembers an old one.
        by: the connection by which it was.
        connection: the present one.
    """
    return last_good is not None and by == connection and now - last_good <= WATCHED_WITHIN


def move_held_since(
    before: datetime | None, decided: Plan, *, watched: bool, now: datetime
) -> datetime | None:
    """Since when a card's move waits to be put back, after a look at it; None when there is none, or it was watched.

    Args:
        before: since when it did before that look.
    """
    if decided.moved or decided.base.shown.status == decided.base.status:
        return None
    if any(lost.property == "Status" for lost in decided.lost):
        return None if watched else before or now
    return before


def too_many_deleted(new: int, lately: int, cards: int) -> bool:
    """Whether more cards would be gone at once than a healthy board loses.

    Args:
        new: those that would be marked now; lately: those that were, within `TOGETHER`; cards: all
            that are there.
    """
    return new + lately > max(DELETED_MAX, DELETED_SHARE * (cards + lately))


async def is_watched(session: AsyncSession, connection: str, now: datetime) -> bool:
    """`was_watched`, by what is remembered of the last good cycle."""
    row = await session.get(SyncState, LAST_GOOD_CYCLE)
    return row is not None and was_watched(row.moment, (row.value or {}).get("by"), connection, now)


async def record_good_cycle(session: AsyncSession, connection: str, now: datetime) -> None:
    """A cycle by this connection is good until now."""
    await remember(session, LAST_GOOD_CYCLE, value={"by": connection}, moment=now)


async def forget_last_good_cycle(session: AsyncSession) -> None:
    """After a restore: what people did until the next good cycle was not watched, and nothing of it is confirmed."""
    last = await session.get(SyncState, LAST_GOOD_CYCLE)
    if last is not None:
        last.value = None
    await forget(session, CONFIRMED)


async def pages_to_hold(
    session: AsyncSession,
    gone: Sequence[str],
    trashed: Sequence[str],
    *,
    watched: bool,
    now: datetime,
) -> frozenset[str]:
    """Which of these pages are to wait instead of being marked as trashed.

    A page that says of itself that it lies in the trash is believed while we watch. That Notion
    does not find it may mean that nobody may see it any more.

    Args:
        gone: pages that Notion does not find; trashed: pages that say that they are in the trash.
    """
    if not gone and (watched or not trashed) and not await _any_missing(session, trashed):
        return frozenset()
    rows = await session.scalars(
        select(Card).where(col(Card.notion_page_id).in_([*gone, *trashed]))
    )
    there = [card for card in rows if card.trashed_at is None and card.first_seen_at is not None]
    doubtful = {
        card.notion_page_id: card.missing_at
        for card in there
        if not watched or card.missing_at is not None or card.notion_page_id in gone
    }
    if not doubtful:
        return frozenset()
    new = sum(since is None for since in doubtful.values())
    lately = int((await session.execute(_GONE_LATELY, {"since": now - TOGETHER})).scalar_one())
    hold = (await waiting(session)).gone > 0
    if not hold and new + lately > DELETED_MAX:  # else nobody need count the whole board
        hold = too_many_deleted(new, lately, await count_cards(session))
    return frozenset(doubtful) if hold else frozenset()


async def _any_missing(session: AsyncSession, page_ids: Collection[str]) -> bool:
    if not page_ids:
        return False
    known = col(Card.notion_page_id).in_(page_ids)
    found = select(Card.notion_page_id).where(
        known, col(Card.missing_at).is_not(None), col(Card.trashed_at).is_(None)
    )
    return (await session.scalars(found.limit(1))).first() is not None


async def hold_as_missing(session: AsyncSession, page_ids: Collection[str], now: datetime) -> None:
    """Let these cards wait: the board that should show them shows no card at all."""
    for card in (await cards_of(session, sorted(page_ids))).values():
        card.missing_at = card.missing_at or now


async def waiting(session: AsyncSession) -> Waiting:
    """How many cards wait for the operator."""
    moves, gone = (await session.execute(_WAITING)).one()
    return Waiting(moves=moves, gone=gone)


async def missing_pages(session: AsyncSession, limit: int) -> list[str]:
    """Pages of cards that wait to be marked as trashed, the one that was looked at longest ago first."""
    known = (col(Card.missing_at).is_not(None), col(Card.trashed_at).is_(None))
    order = (col(Card.seen_at), col(Card.notion_page_id))
    return list(
        await session.scalars(
            select(Card.notion_page_id).where(*known).order_by(*order).limit(limit)
        )
    )


async def release_few_moves(session: AsyncSession) -> None:
    """Let moves that nobody watched be put back where they are few, unless the operator was asked about them."""
    moves = (await waiting(session)).moves
    if moves and moves <= PUT_BACK_MAX and not await open_incidents(session, MOVES):
        await release_moves(session)


async def release_moves(session: AsyncSession) -> None:
    """Let every move that waits be put back."""
    await session.execute(_RELEASE)
