"""`board_statuses` and `channels`: the values that a task's status and channel may have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
    update,
)
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
    __table_args__ = (
        CheckConstraint("producer IN ('workers', 'showrunner')", name="producer"),
        CheckConstraint("at_once >= 1", name="at_once"),
        CheckConstraint("budget_video >= 0 AND budget_month >= 0", name="budgets"),
        {"comment": "The channels that a task may name. Read only."},
    )

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
    producer: str = Field(
        default="workers",
        sa_column=Column(
            String(20),
            nullable=False,
            server_default="workers",
            comment="Who makes its videos: workers (through showrunner.claim_task) or showrunner.",
        ),
    )
    gates: list[str] = Field(
        default_factory=lambda: ["assembly"],
        sa_column=Column(
            ARRAY(Text),
            nullable=False,
            server_default="{assembly}",
            comment="The steps whose result a person approves.",
        ),
    )
    at_once: int | None = Field(
        default=None,
        sa_column=Column(
            Integer, comment="How many of its videos may be in work at a time; NULL for any number."
        ),
    )
    served_at: datetime | None = Field(
        default=None,
        sa_column=Column(
            timestamptz(),
            comment="When one of its tasks was taken last; who waited longest is next.",
        ),
    )
    budget_video: Decimal | None = Field(
        default=None,
        sa_column=Column(Numeric(12, 6), comment="USD for one video; NULL for no limit."),
    )
    budget_month: Decimal | None = Field(
        default=None,
        sa_column=Column(
            Numeric(12, 6), comment="USD in a calendar month (UTC); NULL for no limit."
        ),
    )


@dataclass(frozen=True, kw_only=True)
class ChannelProduction:
    """Who makes a channel's videos, within which limits: columns of `channels`.

    The defaults are those of a channel whose file says nothing about it.
    """

    producer: str = "workers"
    gates: tuple[str, ...] = ("assembly",)
    at_once: int | None = None
    budget_video: Decimal | None = None
    budget_month: Decimal | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """By name of the column."""
        return asdict(self) | {"gates": list(self.gates)}


async def configured_channels(session: AsyncSession) -> set[str]:
    """The ids of the channels that new tasks may name."""
    return set(await session.scalars(select(ChannelRow.id).where(col(ChannelRow.configured))))


async def record_channels(
    session: AsyncSession,
    ids: Collection[str],
    production: Mapping[str, ChannelProduction] | None = None,
) -> None:
    """Make these, and no others, the configured channels.

    Writes only what changed; the caller commits.

    Args:
        production: who makes their videos. A channel that is not in it keeps what is stored.
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
    if production:
        await _note_production(session, production)


async def _note_production(
    session: AsyncSession, production: Mapping[str, ChannelProduction]
) -> None:
    rows = await session.scalars(select(ChannelRow).where(col(ChannelRow.id).in_(production)))
    for row in rows:
        for name, value in production[row.id].columns.items():
            setattr(row, name, value)
    await session.flush()
