"""`leases`: who works on a task, until when, and what became of earlier attempts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    String,
    Text,
    Uuid,
    text,
)
from sqlmodel import Field, SQLModel

from models.tables.production.columns import counter, moment, one_of, optional, required
from models.tables.production.steps import ProductionStep

FAILURES = ("invalid_input", "api_failure", "retriable", "manual_review")
"""Values of `models.production.making.Failure`."""


class LeaseRow(SQLModel, table=True):
    """The state of a task's production.

    It is made when the task is first claimed or approved, and stays until the task is deleted.
    `worker` is NULL while nobody works on the task. A trigger of `tasks` keeps it right whoever
    moves the task (migration 0019).

    Attributes:
        attempts: failed attempts in a row. Finishing a step for the first time sets it to 0, as
            does a person's drag to Queued; the same holds for `deaths`.
    """

    __tablename__ = "leases"
    __table_args__ = (
        CheckConstraint("(worker IS NULL) = (until IS NULL)", name="worker_until"),
        CheckConstraint("deaths >= 0 AND attempts >= 0", name="counters"),
        CheckConstraint(one_of("failed_as", *FAILURES), name="failed_as"),
        Index("ix_leases_until", "until", postgresql_where=text("worker IS NOT NULL")),
        Index(
            "ix_leases_next_attempt_at",
            "next_attempt_at",
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
        Index(
            "ix_leases_approved_at", "approved_at", postgresql_where=text("approved_at IS NOT NULL")
        ),
        Index(
            "ix_leases_jobs",
            "task_id",
            postgresql_where=text("worker IS NULL AND step IS NOT NULL"),
        ),
        {"comment": "Who works on a task and until when. One row per task that was ever taken."},
    )

    task_id: UUID = Field(
        sa_column=required(
            Uuid, "The task.", ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True
        )
    )
    worker: str | None = Field(
        default=None, sa_column=optional(String(100), "Who works on it; NULL for nobody.")
    )
    taken_at: datetime | None = Field(default=None, sa_column=moment("When it was taken last."))
    until: datetime | None = Field(
        default=None, sa_column=moment("When the lease expires unless it is prolonged.")
    )
    heartbeat_at: datetime | None = Field(
        default=None, sa_column=moment("When the worker was last heard of.")
    )
    step: str | None = Field(
        default=None,
        sa_column=optional(
            String(20),
            "The step that is leased; NULL for outside workers, who lease the whole task.",
            ForeignKey(f"{ProductionStep.__tablename__}.name"),
        ),
    )
    detail: str | None = Field(
        default=None, sa_column=optional(Text, "What the worker said that it is doing.")
    )
    returns_to: str | None = Field(
        default=None,
        sa_column=optional(
            String(50),
            "The column where the task stood when it was taken; it goes back there after a retry "
            "or an expired lease.",
            ForeignKey("board_statuses.name"),
        ),
    )
    deaths: int = Field(default=0, sa_column=counter(Integer, "Leases in a row that expired."))
    attempts: int = Field(
        default=0, sa_column=counter(Integer, "Attempts in a row that failed and may be repeated.")
    )
    next_attempt_at: datetime | None = Field(
        default=None, sa_column=moment("When a failed attempt is repeated.")
    )
    stop_requested_at: datetime | None = Field(
        default=None,
        sa_column=moment("Since when a person wants it stopped, by Archived or the trash."),
    )
    approved_at: datetime | None = Field(
        default=None,
        sa_column=moment("Since when it waits for a worker in the column after a passed gate."),
    )
    late_edits: list[str] = Field(
        default_factory=list,
        sa_column=required(
            ARRAY(Text),
            "Properties that people edited while the task was in work; they count from the next "
            "round on.",
            server_default="{}",
        ),
    )
    estimate: Decimal | None = Field(
        default=None,
        sa_column=optional(
            Numeric(12, 6), "USD that going on after a gate will cost, as its maker estimates."
        ),
    )
    failed_as: str | None = Field(
        default=None, sa_column=optional(String(20), "The kind of the error that it stands at.")
    )
    failure: str | None = Field(
        default=None,
        sa_column=optional(Text, "What failed and what to do, in sentences for the card."),
    )
