"""`task_history`: append-only record of who changed what, and of every value that lost.

Changes of `tasks` are recorded by a trigger, so that a worker's plain SQL is recorded like
everything else; what was refused or overruled is recorded by `models.sync.reconcile`. `act_as`
names the author for both.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, String, Text, func, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col, select

from models.postgres.engine import timestamptz


class TaskHistory(SQLModel, table=True):
    """One fact about a card or its task.

    Attributes:
        actor: `person:<Notion user id>`, `import`, `operator` (`operator:take-board`), `push`, …;
            `pipeline` when nobody said otherwise (plain SQL).
        action: created, changed, deleted (of the task); refused, overruled (what a person asked for
            on the board); trashed, restored (the card); card_made (of a task that had no page).
        property: the board's name of what changed; None for the whole card.
        lost_value: what a person wrote and did not get.
        reason: slug of why it was lost, or the card left: `in_trash`, `moved_away`, `not_found`. A
            row of a card that left names the Status of its task when that was taken out of the
            queue for it.
    """

    __tablename__ = "task_history"
    __table_args__ = (Index("ix_task_history_notion_page_id_at", "notion_page_id", "at"),)

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    at: datetime = Field(sa_column=Column(timestamptz(), nullable=False, server_default=func.now()))
    notion_page_id: str | None = Field(default=None, sa_column=Column(String(100)))
    task_id: UUID | None = Field(default=None, index=True)
    actor: str = Field(sa_column=Column(String(120), nullable=False))
    action: str = Field(sa_column=Column(String(20), nullable=False))
    property: str | None = Field(default=None, sa_column=Column(String(50)))
    old_value: str | None = Field(default=None, sa_column=Column(Text))
    new_value: str | None = Field(default=None, sa_column=Column(Text))
    lost_value: str | None = Field(default=None, sa_column=Column(Text))
    reason: str | None = Field(default=None, sa_column=Column(String(50)))
    correlation_id: str | None = Field(default=None, sa_column=Column(String(64), index=True))


async def act_as(
    session: AsyncSession, actor: str, *, now: datetime, correlation_id: str | None
) -> None:
    """Name the author of what this transaction changes in `tasks` from here on, and the moment it counts as done."""
    query = text(
        "SELECT set_config('showrunner.actor', :actor, true), set_config('showrunner.now', :now, true), "
        "set_config('showrunner.correlation_id', :correlation, true)",
    )
    await session.execute(
        query, {"actor": actor, "now": now.isoformat(), "correlation": correlation_id or ""}
    )


async def take_in(session: AsyncSession) -> None:
    """Let this transaction write what people own (texts, channel) and pages of `tasks`: it holds what the board shows.

    The setting names the transaction itself, so nobody else's passes by it (migration 0007).
    """
    await session.execute(
        text("SELECT set_config('showrunner.taking_in', txid_current()::text, true)")
    )


async def history_of(session: AsyncSession, page_id: str, *, limit: int) -> list[TaskHistory]:
    """The last facts about a card and its task, oldest first."""
    about = select(TaskHistory).where(TaskHistory.notion_page_id == page_id)
    rows = await session.scalars(about.order_by(col(TaskHistory.id).desc()).limit(limit))
    return list(rows)[::-1]


async def left_because(session: AsyncSession, page_id: str) -> str | None:
    """Why the card left the board when it did so last: `in_trash`, `moved_away` or `not_found`."""
    about = select(TaskHistory.reason).where(
        TaskHistory.notion_page_id == page_id, TaskHistory.action == "trashed"
    )
    return (await session.scalars(about.order_by(col(TaskHistory.id).desc()).limit(1))).first()


async def lost_its_task(session: AsyncSession, page_id: str) -> bool:
    """Whether the last of the card's tasks was deleted."""
    about = select(TaskHistory.action).where(TaskHistory.notion_page_id == page_id)
    life = about.where(col(TaskHistory.action).in_(("created", "deleted"))).order_by(
        col(TaskHistory.id).desc()
    )
    return (await session.scalars(life.limit(1))).first() == "deleted"
