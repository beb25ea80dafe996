"""`card_creations`: the progress of making a card for a task without a page.

These are rows of their own and not columns of `tasks`, because workers read whole tasks and most
tasks never have one. A writer locks the task first.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, ForeignKey, String, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col, select

from models.postgres.engine import timestamptz
from models.rules.formatting import spoken, times, utc_time
from models.tables.card import RETRIES
from models.tables.task import Task


class CardCreation(SQLModel, table=True):
    """The attempts to make a task's card.

    There is no row before the first attempt, and none when the card exists.

    Attributes:
        sent_at: when a request was sent whose response is not stored yet; committed before it is
            sent. None when there is none.
        sent_by: the Notion user who sent it, which becomes the page's author.
        sent: the values that it wrote, by property; they become the merge base of the card.
        attempts: failed attempts; `next_attempt_at` and `last_error` belong to them.
    """

    __tablename__ = "card_creations"

    task_id: UUID = Field(
        sa_column=Column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    )
    sent_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    sent_by: str | None = Field(default=None, sa_column=Column(String(100)))
    sent: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    next_attempt_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    last_error: str | None = Field(default=None, sa_column=Column(Text))

    def failed(self, error: str, now: datetime, *, wait: timedelta | None = None) -> None:
        """Record a failed attempt, which made no page.

        Args:
            error: what failed.
            now: when it failed.
            wait: time until the next attempt; None for that of a failed push.
        """
        self.attempts += 1
        self.last_error = error[:2000]
        self.next_attempt_at = now + (wait if wait is not None else RETRIES.delay(self.attempts))
        self.sent_at = self.sent_by = self.sent = None


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A task without a card, and the attempts to make it; None before the first."""

    task: Task
    creation: CardCreation | None


def why_no_card(waiting: Waiting, now: datetime) -> str:
    """One sentence that says why a task has no card yet."""
    tried = waiting.creation
    if tried is None:
        return "its card is made at the next cycle."
    if tried.sent_at is not None:
        lost = f" ({tried.last_error})" if tried.last_error else ""
        sent = utc_time(tried.sent_at)
        return f"its card was sent {sent} and the answer is not known yet{lost}."
    if tried.last_error is None or tried.next_attempt_at is None:
        return "its card is made at the next cycle."
    next_try = max(tried.next_attempt_at - now, timedelta(0))
    failed = f"{times(tried.attempts)}; again in {spoken(next_try)}"
    return f"its card could not be made ({failed}): {tried.last_error}"


@dataclass(frozen=True, kw_only=True)
class Unmade:
    """The number of tasks without a card; `failing` had failed attempts, `first` the most."""

    waiting: int = 0
    failing: int = 0
    first: UUID | None = None
    why: str = ""


async def unmade(session: AsyncSession) -> Unmade:
    """Count the tasks without a card."""
    query = text(f"SELECT count(*), count(*) FILTER (WHERE c.attempts > 0) {_PAGELESS}")
    waiting, failing = (await session.execute(query)).one()
    if not failing:
        return Unmade(waiting=waiting)
    worst = (
        select(CardCreation)
        .where(col(CardCreation.attempts) > 0)
        .order_by(col(CardCreation.attempts).desc())
    )
    first = (await session.scalars(worst.limit(1))).one()
    return Unmade(waiting=waiting, failing=failing, first=first.task_id, why=first.last_error or "")


_PAGELESS: Final = (
    "FROM tasks t LEFT JOIN card_creations c ON c.task_id = t.id WHERE t.notion_page_id IS NULL"
)

_NEXT_DUE: Final = text(f"""
SELECT t.id {_PAGELESS}
  AND c.sent_at IS NULL AND (c.next_attempt_at IS NULL OR c.next_attempt_at <= :now)
  AND t.id <> ALL (CAST(:passed_over AS uuid[]))
  AND NOT EXISTS (
    SELECT FROM card_creations o
    WHERE o.sent_at IS NOT NULL
      AND (o.sent ->> 'Title' = t.title
        OR coalesce((o.sent ->> 'Created')::timestamptz = date_trunc('minute', t.created_at), true))
  )
ORDER BY t.priority <> 'high', t.created_at, t.id LIMIT 1
""")  # noqa: S608 - constants of ours
"""Of tasks with the same title, or created in the same minute, only one is sent at a time. If its
response is lost and a user renames the page at once, the page is still identified by Created. On a
board without that property, cards are made one by one."""


async def next_due(
    session: AsyncSession, *, now: datetime, passed_over: Collection[UUID] = ()
) -> UUID | None:
    """The next task to make a card for: High priority first, then the oldest; None for none."""
    found: UUID | None = await session.scalar(
        _NEXT_DUE, {"now": now, "passed_over": list(passed_over)}
    )
    return found


async def any_waiting(session: AsyncSession) -> bool:
    """Whether any task has no card."""
    return bool(
        (
            await session.execute(
                text("SELECT EXISTS (SELECT FROM tasks WHERE notion_page_id IS NULL)")
            )
        ).scalar()
    )


async def waiting_tasks(session: AsyncSession, *, limit: int) -> list[Waiting]:
    """Tasks without a card, the oldest first."""
    query = (
        select(Task, CardCreation)
        .outerjoin(CardCreation, col(CardCreation.task_id) == col(Task.id))
        .where(col(Task.notion_page_id).is_(None))
        .order_by(col(Task.created_at), col(Task.id))
        .limit(limit)
    )
    return [
        Waiting(task=task, creation=creation) for task, creation in await session.execute(query)
    ]


async def held_task(session: AsyncSession, task_id: UUID) -> Waiting | None:
    """A task without a card, locked until the commit; None when it was deleted or has its card."""
    task = await session.get(Task, task_id, with_for_update=True, populate_existing=True)
    if task is None or task.notion_page_id is not None:
        return None
    return Waiting(
        task=task, creation=await session.get(CardCreation, task_id, populate_existing=True)
    )


async def open_since(session: AsyncSession) -> datetime | None:
    """When the oldest request without a stored response was sent; None when there is none."""
    moment: datetime | None = await session.scalar(select(func.min(CardCreation.sent_at)))
    return moment


async def overdue(session: AsyncSession, *, sent_before: datetime) -> list[UUID]:
    """Tasks whose card was sent before that moment, and whose response is still not stored."""
    return list(
        await session.scalars(
            select(CardCreation.task_id).where(col(CardCreation.sent_at) <= sent_before)
        )
    )
