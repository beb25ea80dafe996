"""`channels`: which channels are configured, so that the database can refuse a task of any other (migration 0007).

A copy of the channel folder, brought up to date when a worker starts and at the head of each cycle. Rows are never
deleted: a channel whose file went is not `configured` any more, and tasks of it stay as they are.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Column, String, func, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col, select

from models.postgres.engine import timestamptz


class ChannelRow(SQLModel, table=True):
    """A channel that is or was configured; `changed_at` is when that changed last."""

    __tablename__ = "channels"

    id: str = Field(sa_column=Column(String(100), primary_key=True))
    configured: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    changed_at: datetime = Field(
        sa_column=Column(timestamptz(), nullable=False, server_default=func.now())
    )


async def configured_channels(session: AsyncSession) -> set[str]:
    """The ids of the channels that the database takes tasks of."""
    return set(await session.scalars(select(ChannelRow.id).where(col(ChannelRow.configured))))


async def note_channels(session: AsyncSession, ids: Collection[str]) -> None:
    """Make these, and no others, the configured channels.

    Writes only what changed; the caller commits.
    """
    known = await configured_channels(session)
    for id_ in sorted(set(ids) - known):
        row = insert(ChannelRow).values(id=id_)
        again = {"configured": True, "changed_at": func.now()}
        await session.execute(row.on_conflict_do_update(index_elements=["id"], set_=again))
    gone = sorted(known - set(ids))
    if gone:
        change = update(ChannelRow).where(col(ChannelRow.id).in_(gone))
        await session.execute(change.values(configured=False, changed_at=func.now()))
