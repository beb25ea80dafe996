"""What production cost in a month: per video and maker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.tables.production.spends import Spend


@dataclass(frozen=True, kw_only=True)
class Month:
    """A calendar month, UTC."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """The month that is written like 2026-11.

        Raises:
            ValueError: when it is none, with what to write.
        """
        try:
            found = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        except ValueError:
            raise ValueError(f"“{text}” is no month; write it like 2026-11.") from None
        return cls(year=found.year, month=found.month)

    @property
    def began(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def ended(self) -> datetime:
        """The first moment of the next one."""
        years, month = divmod(self.month, 12)
        return datetime(self.year + years, month + 1, 1, tzinfo=UTC)

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.year}-{self.month:02}"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a maker cost for a video.

    Attributes:
        usd: what was charged or may have been.
        maker: None when the worker that attached the piece named none.
        open_usd: the part of it that is an estimate still: nobody knows yet what is charged.
    """

    channel_id: str
    task_id: UUID
    title: str
    maker: str | None
    usd: Decimal
    open_usd: Decimal


async def costs_of(session: AsyncSession, month: Month, channel: str | None) -> Sequence[Cost]:
    """The costs of a month, the most expensive video first within each channel.

    Args:
        channel: None for all.
    """
    counted = func.sum(col(Spend.counted))
    still_open = counted.filter(col(Spend.kind) != "charged")
    wanted = (
        select(
            col(Spend.channel_id),
            col(Spend.task_id),
            func.max(col(Spend.task_title)),
            col(Spend.maker),
            counted,
            func.coalesce(still_open, 0),
        )
        .where(col(Spend.at) >= month.began, col(Spend.at) < month.ended)
        .group_by(col(Spend.channel_id), col(Spend.task_id), col(Spend.maker))
        .order_by(col(Spend.channel_id), counted.desc())
    )
    if channel is not None:
        wanted = wanted.where(col(Spend.channel_id) == channel)
    names = ("channel_id", "task_id", "title", "maker", "usd", "open_usd")
    rows = (await session.execute(wanted)).all()
    return [Cost(**dict(zip(names, row, strict=True))) for row in rows]
