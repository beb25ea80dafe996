"""`spends`: money that was or may have been charged. Append only."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Date,
    Identity,
    Index,
    Numeric,
    String,
    Text,
    Uuid,
)
from sqlmodel import Field, SQLModel

from models.tables.production.columns import now, one_of, optional, required

KINDS = ("estimated", "charged", "released")
_COUNTED = "CASE WHEN kind = 'released' THEN - usd ELSE usd END"


class Spend(SQLModel, table=True):
    """An amount of money.

    What was spent or may have been is always `sum(counted)`:

    - `estimated` when a request is sent: it may be charged from then on.
    - `charged` when the price is known. The estimate, if there was one, is `released` beside it.
    - `released` alone when nothing was charged. It has the estimate's moment as `at`, so that both
      count in the same day and month.

    Rows outlive their task: there is no foreign key, and the title is copied.
    """

    __tablename__ = "spends"
    __table_args__ = (
        CheckConstraint(one_of("kind", *KINDS), name="kind"),
        CheckConstraint("usd >= 0 AND usd <= 10000", name="usd"),
        Index("ix_spends_task_id", "task_id"),
        Index("ix_spends_channel_id_at", "channel_id", "at", postgresql_include=["counted"]),
        Index("ix_spends_at", "at", postgresql_include=["counted"]),
        {
            "comment": "Money that was or may have been charged: sum(counted) is what was spent or "
            "may have been. An estimate that was charged or not is released by a row of its own. "
            "Append only."
        },
    )

    id: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger, Identity(always=True), primary_key=True, comment="In order of writing."
        ),
    )
    at: datetime = Field(
        sa_column=now("When it counts; a released row has the moment of its estimate.")
    )
    task_id: UUID = Field(sa_column=required(Uuid, "The task, which may be deleted."))
    task_title: str = Field(sa_column=required(String(255), "The task's title at that time."))
    channel_id: str = Field(sa_column=required(String(100), "The channel whose budget it is."))
    piece_id: UUID | None = Field(
        default=None, sa_column=optional(Uuid, "The piece, which may be deleted; NULL for none.")
    )
    what: str = Field(
        sa_column=required(Text, "What it was spent on, for example “clip 3, round 1”.")
    )
    maker: str | None = Field(
        default=None, sa_column=optional(String(100), "Who charges it: a program or a service.")
    )
    job_id: str | None = Field(
        default=None, sa_column=optional(Text, "The service's name of the job.")
    )
    kind: str = Field(
        sa_column=required(
            String(10),
            "estimated: may be charged; charged: was charged; released: an estimate that no "
            "longer counts.",
        )
    )
    usd: Decimal = Field(
        sa_column=required(Numeric(12, 6), "The amount in US dollars, never negative.")
    )
    counted: Decimal | None = Field(
        default=None,
        sa_column=Column(
            Numeric(12, 6),
            Computed(_COUNTED, persisted=True),
            nullable=False,
            comment="The amount as it is summed up: negative for a released row.",
        ),
    )


class SpendTotal(SQLModel, table=True):
    """What a channel spent or may have spent on a day. A trigger keeps it (migration 0030)."""

    __tablename__ = "spend_totals"

    channel_id: str = Field(sa_column=Column(String(100), primary_key=True))
    day: date = Field(sa_column=Column(Date, primary_key=True))
    usd: Decimal = Field(sa_column=Column(Numeric(14, 6), nullable=False))
