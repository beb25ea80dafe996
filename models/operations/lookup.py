"""Find a card by its page's id or link, its task's id, or the beginning of either id."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, or_, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.errors import GiveUp
from models.rules.notion_ids import bare_id
from models.tables.card import Card
from models.tables.task import Task
from models.tables.task_history import TaskHistory
from models.tables.webhook_events import WebhookEvent


async def find_page(session: AsyncSession, wanted: str) -> str:
    """The id of the page that is meant, as Notion writes it.

    It is that of a card; else that of a page that was never read, from events, history or tasks.

    Raises:
        GiveUp: when no such page is known, or more than one begins so.
    """
    sought = bare_id(wanted)
    if not sought:
        raise GiveUp(f"There is no page id in {wanted!r}.")
    pages = await _cards(session, sought) or await _mentioned_pages(session, sought)
    if not pages:
        raise GiveUp(
            f"No card is known by {wanted}. If it is a page of the board, the next cycle finds it: "
            "`showrunner push` runs one now."
        )
    if len(pages) > 1:
        raise GiveUp(f"More than one card's id begins with {wanted}: give more of it.")
    return pages[0]


async def titles_of(session: AsyncSession, page_ids: Collection[str]) -> dict[str, str]:
    """The titles of the known pages among these, as last read."""
    query = select(Card.notion_page_id, Card.base_title).where(
        col(Card.notion_page_id).in_(page_ids)
    )
    return {row[0]: row[1] for row in await session.execute(query)}


def _bare(column: Any) -> ColumnElement[str]:
    return func.replace(column, "-", "")


async def _cards(session: AsyncSession, sought: str) -> list[str]:
    begins = or_(
        _bare(Card.notion_page_id).startswith(sought, autoescape=True),
        _bare(cast(Task.id, String)).startswith(sought, autoescape=True),
    )
    known = select(Card.notion_page_id).outerjoin(Task, col(Task.id) == Card.task_id).where(begins)
    return list(await session.scalars(known.order_by(Card.notion_page_id).limit(2)))


async def _mentioned_pages(session: AsyncSession, sought: str) -> list[str]:
    mentioned = union(
        *(
            select(column).where(_bare(column).startswith(sought, autoescape=True))
            for column in (WebhookEvent.page_id, TaskHistory.notion_page_id, Task.notion_page_id)
        )
    )
    return [str(row[0]) for row in await session.execute(mentioned.limit(2))]
