"""Forget the board that a database follows, so that it can follow another one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.rules.statuses import Status
from models.tables.card import Card
from models.tables.incidents import end_incidents, open_incidents
from models.tables.production.card_previews import forget_previews
from models.tables.production.piece_pages import forget_pages
from models.tables.sync_state import (
    BOARD,
    BOARD_IDS,
    BOT,
    CONFIRMED,
    FAILED_CYCLE,
    IMPORT,
    PIECE_SOURCES,
    WATERMARK,
    SyncState,
)
from models.tables.task import Task
from models.tables.task_history import act_as
from models.tables.webhook_events import WebhookEvent

_OF_A_BOARD = (BOARD, BOT, CONFIRMED, FAILED_CYCLE, IMPORT, PIECE_SOURCES, WATERMARK)


@dataclass(frozen=True, kw_only=True)
class Followed:
    """How many rows a database holds of the board that it follows.

    Attributes:
        tasks: tasks that belong to its pages.
        to_do: those of them that a worker would take.
    """

    cards: int
    tasks: int
    to_do: int
    events: int


async def followed(session: AsyncSession) -> Followed:
    """Count what `forget_board` would remove."""
    count = select(func.count())
    tasks = count.select_from(Task).where(col(Task.notion_page_id).is_not(None))
    to_do = tasks.where(col(Task.status).in_([Status.PENDING, Status.RETRY]))
    return Followed(
        cards=(await session.execute(count.select_from(Card))).scalar_one(),
        tasks=(await session.execute(tasks)).scalar_one(),
        to_do=(await session.execute(to_do)).scalar_one(),
        events=(await session.execute(count.select_from(WebhookEvent))).scalar_one(),
    )


async def forget_board(
    session: AsyncSession, *, delete_tasks: bool, now: datetime, correlation_id: str | None
) -> None:
    """Remove all that belongs to the board: cards, events, known ids, open incidents.

    Its tasks keep their pages' ids: without one each would become a card of the next board.
    The history stays.
    """
    await act_as(session, "operator", now=now, correlation_id=correlation_id)
    await session.execute(delete(Card))
    await forget_pages(session)
    await forget_previews(session)
    await session.execute(delete(WebhookEvent))
    if delete_tasks:
        await session.execute(delete(Task).where(col(Task.notion_page_id).is_not(None)))
    ids = col(SyncState.key).startswith(f"{BOARD_IDS}:", autoescape=True)
    await session.execute(delete(SyncState).where(or_(col(SyncState.key).in_(_OF_A_BOARD), ids)))
    await end_incidents(session, [incident.name for incident in await open_incidents(session)], now)
