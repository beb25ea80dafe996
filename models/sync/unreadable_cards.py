"""Cards whose page, as it was last shown, shows less than the board: each fails alone, and is read again later."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.sync.row_locks import lock_rows
from models.tables.card import Card


async def mark_unreadable(
    session: AsyncSession, errors: Mapping[str, str], *, now: datetime
) -> dict[str, int]:
    """Note why cards of the board cannot be read. The caller commits.

    Returns:
        How often each of them could not be read or written since the last time that it could.
    """
    held = await lock_rows(session, errors.keys(), making=errors.keys())
    for page_id, card in held.cards.items():
        card.unreadable = True
        card.failed(errors[page_id], now)
    return {page_id: card.attempts for page_id, card in held.cards.items()}


async def known_unreadable(session: AsyncSession, page_ids: Collection[str]) -> set[str]:
    """Those of the pages of which it is noted already."""
    query = select(Card.notion_page_id).where(
        col(Card.notion_page_id).in_(page_ids), col(Card.unreadable)
    )
    return set(await session.scalars(query))


async def unreadable_due(session: AsyncSession, *, now: datetime, limit: int) -> list[str]:
    """Cards that could not be read and are due to be read again, those that wait longest first."""
    due = (col(Card.unreadable), col(Card.next_attempt_at) <= now)
    query = select(Card.notion_page_id).where(*due).order_by(col(Card.next_attempt_at)).limit(limit)
    return list(await session.scalars(query))
