"""Find a card, a task or an event by its id, by the beginning of it, or by another name of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any, Final

from sqlalchemy import ColumnElement, Executable, Select, String, cast, func, or_, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.errors import GiveUp
from models.rules.notion_ids import bare_id
from models.tables.card import Card
from models.tables.task import Task
from models.tables.task_history import TaskHistory
from models.tables.webhook_events import WebhookEvent

_ROW_DIGITS = 18
"""A number of more digits may not fit in PostgreSQL's bigint."""
_HEX: Final = re.compile("[0-9a-f]+")
_NO_TITLES: Final = "Name a card by its link or page id; titles work only for tasks."


async def find_page(session: AsyncSession, wanted: str) -> str:
    """Find the id of a page, as Notion writes it, by the page's id or link, or its task's id.

    It is that of a card; else that of a page that was never read, from events, history or tasks.

    Raises:
        GiveUp: when no such page is known, or more than one begins so.
    """
    sought = bare_id(wanted)
    if not sought:
        raise GiveUp(_NO_TITLES)
    unknown = _NO_TITLES
    if _HEX.fullmatch(sought):
        unknown = (
            f"No card is known by {wanted}. If it is a page of the board, the next cycle finds "
            "it: `showrunner push` runs one now."
        )
    page_id: str = await _only_match(
        session,
        [_cards(sought), _mentioned_pages(sought)],
        none=unknown,
        several=f"More than one card's id begins with {wanted}: give more of it.",
    )
    return page_id


async def find_task(session: AsyncSession, wanted: str) -> Task:
    """Find a task by its id, page or title, or the beginning of id or title; lock it.

    The lock is released when the transaction ends.

    Raises:
        GiveUp: when there is none, or more than one begins so.
    """
    sought = wanted.strip().lower()
    if not sought:
        raise GiveUp("Give an id or the beginning of a title.")
    title = func.lower(Task.title)
    by_id = cast(col(Task.id), String).startswith(sought, autoescape=True)
    conditions = (
        or_(by_id, col(Task.notion_page_id) == sought),
        title == sought,
        title.startswith(sought, autoescape=True),
    )
    task_id = await _only_match(
        session,
        [select(Task.id).where(each).limit(2) for each in conditions],
        none=f"There is no task {wanted}: `showrunner task list` shows them.",
        several=f"More than one task begins with {wanted}: give more of it, or its id.",
    )
    task = await session.get(Task, task_id, with_for_update=True, populate_existing=True)
    if task is None:
        raise GiveUp(f"Task {wanted} was deleted just now.")
    return task


async def find_event(session: AsyncSession, wanted: str) -> WebhookEvent:
    """Find an event by the number of its row, its Notion id, or the beginning of that.

    Raises:
        GiveUp: when there is none, or more than one begins so.
    """
    sought = wanted.strip()
    if sought.isdecimal() and len(sought) <= _ROW_DIGITS:
        found = await session.get(WebhookEvent, int(sought))
        if found is not None:
            return found
    event_id = col(WebhookEvent.event_id)
    conditions = (event_id == sought, event_id.startswith(sought, autoescape=True))
    event: WebhookEvent = await _only_match(
        session,
        [select(WebhookEvent).where(each).limit(2) for each in conditions if sought],
        none=f"There is no event {sought}: `showrunner events list` shows them.",
        several=f"More than one event id begins with {sought}: give more of it, "
        "or the number of its row.",
    )
    return event


async def _only_match(
    session: AsyncSession, queries: Iterable[Executable], *, none: str, several: str
) -> Any:
    """The row that the first of these queries with a result finds.

    Raises:
        GiveUp: `none` when no query finds a row, `several` when that query finds more than one.
    """
    for query in queries:
        found = (await session.scalars(query)).all()
        if len(found) > 1:
            raise GiveUp(several)
        if found:
            return found[0]
    raise GiveUp(none)


async def titles_of(session: AsyncSession, page_ids: Collection[str]) -> dict[str, str]:
    """The titles of the known pages among these, as last read."""
    query = select(Card.notion_page_id, Card.base_title).where(
        col(Card.notion_page_id).in_(page_ids)
    )
    return {row[0]: row[1] for row in await session.execute(query)}


def _bare(column: Any) -> ColumnElement[str]:
    return func.replace(column, "-", "")


def _cards(sought: str) -> Select[Any]:
    begins = or_(
        _bare(Card.notion_page_id).startswith(sought, autoescape=True),
        _bare(cast(Task.id, String)).startswith(sought, autoescape=True),
    )
    known = select(Card.notion_page_id).outerjoin(Task, col(Task.id) == Card.task_id).where(begins)
    return known.order_by(Card.notion_page_id).limit(2)


def _mentioned_pages(sought: str) -> Executable:
    mentioned = union(
        *(
            select(column).where(_bare(column).startswith(sought, autoescape=True))
            for column in (WebhookEvent.page_id, TaskHistory.notion_page_id, Task.notion_page_id)
        )
    )
    return mentioned.limit(2)
