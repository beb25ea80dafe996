"""Queries over `cards` that several parts of the sync need."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.tables.card import REJECTION_SHOWN_FOR, Card
from models.tables.task import Task


async def cards_of(
    session: AsyncSession, page_ids: Collection[str], *, making: Collection[str] = ()
) -> Mapping[str, Card]:
    """The cards among the pages, locked until the commit in the order of their ids.

    A caller that also locks their tasks must lock the tasks first: see `models.sync.row_locks`.

    Args:
        session: whose transaction holds the locks.
        page_ids: pages, of which some may be no cards.
        making: pages that are known to be cards; rows that they lack are inserted.
    """
    wanted = sorted(set(page_ids))
    if not wanted:
        return {}
    if making:
        blank = insert(Card).values(
            [{"notion_page_id": page_id} for page_id in sorted(set(making))]
        )
        await session.execute(blank.on_conflict_do_nothing())
    rows = await session.scalars(
        select(Card)
        .where(col(Card.notion_page_id).in_(wanted))
        .order_by(Card.notion_page_id)
        .with_for_update(),
        execution_options={"populate_existing": True},
    )
    return {card.notion_page_id: card for card in rows}


async def card_and_task(session: AsyncSession, page_id: str) -> tuple[Card, Task | None] | None:
    """A card and its task, unlocked; None for a page that was never read."""
    card = await session.get(Card, page_id)
    if card is None:
        return None
    return card, await session.get(Task, card.task_id) if card.task_id is not None else None


async def cards_of_other_channels(session: AsyncSession, channels: Sequence[str]) -> list[Card]:
    """Cards with a wrong channel, by the last read or by the channels configured now."""
    blamed = col(Card.violations).contains([{"field": "Channel"}])
    known = col(Card.base_channel).in_(channels)
    rows = await session.scalars(
        select(Card).where(
            col(Card.trashed_at).is_(None),
            col(Card.first_seen_at).is_not(None),
            or_(blamed, ~known),
        )
    )
    return list(rows)


async def others_to_write(
    session: AsyncSession, page_ids: Sequence[str], *, limit: int
) -> list[str]:
    """Other pages than these that can most likely be written: not in the trash, few failed writes.

    Those that no push will write come first, then those that a push would write last.
    """
    known = (col(Card.trashed_at).is_(None), col(Card.first_seen_at).is_not(None))
    query = select(Card.notion_page_id).where(*known, col(Card.notion_page_id).not_in(page_ids))
    order = (
        col(Card.attempts),
        text("drift_mask <> 0"),
        text("task_status_changed_at DESC NULLS FIRST"),
    )
    return list(await session.scalars(query.order_by(*order).limit(limit)))


async def cards_kept_long_enough(session: AsyncSession, *, now: datetime) -> list[Card]:
    """Cards that must be planned again because a waiting time is over.

    Either the card has shown its rejection for `REJECTION_SHOWN_FOR`; or its Status was left
    unchanged for a move that waits, and that time has passed or the pipeline has moved the task.
    """
    over = text("(status_kept_until <= :now OR task_board_status <> base_status)").bindparams(
        now=now
    )
    kept = and_(col(Card.status_kept_until).is_not(None), over)
    told = col(Card.rejection_shown_since) <= now - REJECTION_SHOWN_FOR
    return list(
        await session.scalars(select(Card).where(col(Card.trashed_at).is_(None), or_(kept, told)))
    )


async def live_cards(session: AsyncSession, page_ids: Collection[str]) -> set[str]:
    """The pages that are cards and not known to be in the trash."""
    query = select(Card.notion_page_id).where(
        col(Card.notion_page_id).in_(page_ids),
        col(Card.trashed_at).is_(None),
        col(Card.first_seen_at).is_not(None),
    )
    return set(await session.scalars(query))


async def count_cards(session: AsyncSession) -> int:
    """How many cards are not in the trash."""
    query: Any = text(
        "SELECT count(*) FROM cards WHERE trashed_at IS NULL AND first_seen_at IS NOT NULL"
    )
    return int((await session.execute(query)).scalar_one())


async def count_notes(session: AsyncSession) -> int:
    """How many cards show in Attention a text that users wrote before we first wrote to it."""
    query = text(
        "SELECT count(*) FROM cards WHERE trashed_at IS NULL "
        "AND 'Attention' = ANY (initially_empty) AND notion_attention <> ''"
    )
    return int((await session.execute(query)).scalar_one())
