"""`board_statuses` and `channels`: the values that a task's status and channel may have."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Column, Index, SmallInteger, String, UniqueConstraint, func, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col, select

from models.postgres.engine import timestamptz


class BoardStatusRow(SQLModel, table=True):
    """A column of the board, and the pipeline status that it belongs to.

    Rows come and go by migrations only (0013), together with `models.rules.statuses`.
    """

    __tablename__ = "board_statuses"
    __table_args__ = (
        UniqueConstraint("name", "status"),
        UniqueConstraint("position"),
        Index(
            "ix_board_statuses_canonical",
            "status",
            unique=True,
            postgresql_where=text("is_canonical"),
        ),
        {"comment": "The statuses that a task may have, as pairs. Read only."},
    )

    name: str = Field(
        sa_column=Column(String(50), primary_key=True, comment="A column of the Notion board.")
    )
    status: str = Field(
        sa_column=Column(
            String(50), nullable=False, comment="The pipeline status that the column belongs to."
        )
    )
    is_canonical: bool = Field(
        sa_column_kwargs={
            "comment": "Whether a task gets this column when only its status is written."
        }
    )
    position: int = Field(
        sa_column=Column(
            SmallInteger, nullable=False, comment="The place of the column on the board, from 1."
        )
    )


class ChannelRow(SQLModel, table=True):
    """A channel that is or was configured.

    A copy of the channel folder, so that the database can refuse a task of an unknown channel
    (migration 0007). It is brought up to date when a worker starts and at the start of each cycle.
    Rows are never deleted: a channel whose file was removed is no longer `configured`, and its
    tasks stay as they are.
    """

    __tablename__ = "channels"
    __table_args__ = ({"comment": "The channels that a task may name. Read only."},)

    id: str = Field(
        sa_column=Column(
            String(100), primary_key=True, comment="The name of the channel's file, without .yaml."
        )
    )
    configured: bool = Field(
        default=True,
        sa_column_kwargs={
            "server_default": text("true"),
            "comment": "Whether new tasks may name it.",
        },
    )
    changed_at: datetime = Field(
        sa_column=Column(
            timestamptz(),
            nullable=False,
            server_default=func.now(),
            comment="When configured changed last.",
        )
    )


async def configured_channels(session: AsyncSession) -> set[str]:
    """The ids of the channels that new tasks may name."""
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
    removed = sorted(known - set(ids))
    if removed:
        change = update(ChannelRow).where(col(ChannelRow.id).in_(removed))
        await session.execute(change.values(configured=False, changed_at=func.now()))
