"""Lock rows in a fixed order (pages, tasks, then cards) so that concurrent writers cannot deadlock.

A worker's UPDATE locks the task first and then, by a trigger, its card. A writer that needs both
locks them in that order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import or_, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.tables.card import Card
from models.tables.card_queries import cards_of
from models.tables.push_queue import out_of_step
from models.tables.task import Task

BATCH = 500
"""Cards repaired in one transaction, which locks their rows."""

_COPY = text(
    "UPDATE cards c SET task_board_status = t.board_status, task_priority = t.priority, "
    "task_created_at = t.created_at, task_status_changed_at = t.status_changed_at "
    "FROM cards known LEFT JOIN tasks t ON t.id = known.task_id "
    "WHERE known.notion_page_id = c.notion_page_id "
    "AND c.notion_page_id = ANY (CAST(:pages AS text[]))"
)

_TURNS = text(
    "SELECT pg_advisory_xact_lock(7236014, part) FROM "
    "(SELECT DISTINCT hashtext(page) & 1023 AS part "
    "FROM unnest(CAST(:pages AS text[])) AS page ORDER BY part) AS parts"
)
"""A part of the board each: few enough for PostgreSQL's table of locks however many pages are held.
"""


@dataclass(frozen=True)
class LockedRows:
    """Cards and tasks by page id; a page without a task is not in `tasks`."""

    cards: Mapping[str, Card] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)


async def lock_rows(
    session: AsyncSession, page_ids: Collection[str], *, making: Collection[str] = ()
) -> LockedRows:
    """Lock the rows of those pages until the commit, and read them as they are now.

    Callers wait for each other before they lock anything. Otherwise one could lock the existing
    tasks while another, which has locked the cards, still creates one.

    Args:
        making: those of the pages that are known to be cards: missing rows are created.
    """
    wanted = sorted(set(page_ids))
    if not wanted:
        return LockedRows()
    await session.execute(_TURNS, {"pages": wanted})
    linked = await session.scalars(
        select(Card.task_id).where(
            col(Card.notion_page_id).in_(wanted), col(Card.task_id).is_not(None)
        )
    )
    concerned = or_(col(Task.notion_page_id).in_(wanted), col(Task.id).in_(list(linked)))
    tasks = await session.scalars(
        select(Task).where(concerned).order_by(col(Task.id)).with_for_update(),
        execution_options={"populate_existing": True},
    )
    by_page = {task.notion_page_id: task for task in tasks if task.notion_page_id is not None}
    return LockedRows(await cards_of(session, wanted, making=making), by_page)


async def repair_task_copies(session: AsyncSession) -> int:
    """Copy a batch of tasks into their cards again, if a writer bypassed the triggers; how many.

    The caller commits, and repeats while a whole batch was repaired. It copies what the triggers
    would, in case they are still disabled.
    """
    late = await out_of_step(session, limit=BATCH)
    await lock_rows(session, late)
    await session.execute(_COPY, {"pages": late})
    return len(late)
