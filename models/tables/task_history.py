"""`task_history`: an append-only record of who changed what, and of every value that was lost.

A trigger records the changes of `tasks`, so that plain SQL of a worker is recorded as well.
`models.sync.reconcile` records what was refused or overruled. `act_as` names the author for both.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, String, Text, event, func, insert, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlmodel import Field, SQLModel, col, select

from models.postgres.engine import timestamptz


class TaskHistory(SQLModel, table=True):
    """One fact about a card or its task.

    Attributes:
        actor: `person:<Notion user id>`, `import`, `operator` (`operator:take-board`), `push`, …;
            `pipeline` for plain SQL.
        action: created, changed, deleted (the task); refused, overruled (a user's change on the
            board); trashed, restored (the card); card_made (for a task that had no page).
        property: the board's name of what changed; None for the whole card.
        lost_value: what a user wrote and did not get.
        reason: why it was lost, or why the card left the board: `in_trash`, `moved_away`,
            `not_found`. A row about a card that left names the Status of its task if the task was
            taken out of the queue for that.
    """

    __tablename__ = "task_history"
    __table_args__ = (
        Index("ix_task_history_notion_page_id_at", "notion_page_id", "at"),
        {"comment": "Who changed what, and every value that was lost. Append only."},
    )

    id: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger, Identity(always=True), primary_key=True, comment="In order of writing."
        ),
    )
    at: datetime = Field(
        sa_column=Column(
            timestamptz(), nullable=False, server_default=func.now(), comment="When it happened."
        )
    )
    notion_page_id: str | None = Field(
        default=None, sa_column=Column(String(100), comment="The card's page.")
    )
    task_id: UUID | None = Field(
        default=None, index=True, sa_column_kwargs={"comment": "The task, which may be deleted."}
    )
    actor: str = Field(
        sa_column=Column(
            String(120),
            nullable=False,
            comment="person:<Notion user id>, import, operator, push; pipeline for plain SQL.",
        )
    )
    action: str = Field(
        sa_column=Column(
            String(20),
            nullable=False,
            comment="created, changed, deleted, refused, overruled, trashed, restored, card_made.",
        )
    )
    property: str | None = Field(
        default=None,
        sa_column=Column(String(50), comment="The board's name of what changed; none for all."),
    )
    old_value: str | None = Field(default=None, sa_column=Column(Text, comment="Before."))
    new_value: str | None = Field(default=None, sa_column=Column(Text, comment="After."))
    lost_value: str | None = Field(
        default=None, sa_column=Column(Text, comment="What a user wrote and did not get.")
    )
    reason: str | None = Field(
        default=None, sa_column=Column(String(50), comment="Why it was lost, as one word.")
    )
    correlation_id: str | None = Field(
        default=None,
        sa_column=Column(String(64), index=True, comment="The run, as in the logs."),
    )


@event.listens_for(Session, "before_flush")
def _write_history_first(session: Session, _context: Any, _instances: Any) -> None:
    """Insert history rows before the changes that follow from them.

    A trigger records those changes at once, and the order of the rows is the order of events.
    SQLAlchemy itself would order them by the names of the modules.
    """
    for row in [one for one in session.new if isinstance(one, TaskHistory)]:
        session.expunge(row)
        values = row.model_dump(exclude_none=True)
        session.connection().execute(insert(TaskHistory).values(**values))


async def act_as(
    session: AsyncSession, actor: str, *, now: datetime, correlation_id: str | None
) -> None:
    """Set the author and the time of what this transaction changes in `tasks` from here on."""
    query = text(
        "SELECT set_config('showrunner.actor', :actor, true), "
        "set_config('showrunner.now', :now, true), "
        "set_config('showrunner.correlation_id', :correlation, true)",
    )
    await session.execute(
        query, {"actor": actor, "now": now.isoformat(), "correlation": correlation_id or ""}
    )


async def take_in(session: AsyncSession) -> None:
    """Allow this transaction to write the columns of `tasks` that belong to the board's users.

    Those are the texts, the channel and the page. The setting holds the transaction's own id, so
    that it allows no other transaction anything (migration 0007).
    """
    await session.execute(
        text("SELECT set_config('showrunner.taking_in', txid_current()::text, true)")
    )


async def history_of(session: AsyncSession, page_id: str, *, limit: int) -> list[TaskHistory]:
    """The last `limit` rows about a card and its task, oldest first."""
    about = select(TaskHistory).where(TaskHistory.notion_page_id == page_id)
    rows = await session.scalars(about.order_by(col(TaskHistory.id).desc()).limit(limit))
    return list(rows)[::-1]


async def left_because(session: AsyncSession, page_id: str) -> str | None:
    """Why the card left the board last: `in_trash`, `moved_away` or `not_found`."""
    about = select(TaskHistory.reason).where(
        TaskHistory.notion_page_id == page_id, TaskHistory.action == "trashed"
    )
    return (await session.scalars(about.order_by(col(TaskHistory.id).desc()).limit(1))).first()


async def lost_its_task(session: AsyncSession, page_id: str) -> bool:
    """Whether the newest of the card's tasks was deleted."""
    about = select(TaskHistory.action).where(TaskHistory.notion_page_id == page_id)
    life = about.where(col(TaskHistory.action).in_(("created", "deleted"))).order_by(
        col(TaskHistory.id).desc()
    )
    return (await session.scalars(life.limit(1))).first() == "deleted"
