"""`reviews`: what people decided about a task's production. Append only."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    String,
    Text,
    Uuid,
    event,
    insert,
)
from sqlalchemy.orm import Session
from sqlmodel import Field, SQLModel

from models.tables.production.columns import now, one_of, optional, required

DECISIONS = ("approve", "reject", "stop", "retry")
"""Values of `models.production.gates.Decision`."""
THROUGH = ("board", "http", "command", "sql")


class Review(SQLModel, table=True):
    """A decision about a task.

    Whoever decides inserts the row first and moves the task then, in the same transaction. A move
    away from a gate without a row gets one by a trigger (migration 0019), so that no gate is passed
    without one. Rows outlive their task: there is no foreign key, and the title is copied.
    """

    __tablename__ = "reviews"
    __table_args__ = (
        CheckConstraint(one_of("decision", *DECISIONS), name="decision"),
        CheckConstraint(one_of("through", *THROUGH), name="through"),
        CheckConstraint("round >= 1", name="round"),
        Index("ix_reviews_task_id_gate_round", "task_id", "gate", "round", "id"),
        {"comment": "What people decided about a task, and through what. Append only."},
    )

    id: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger, Identity(always=True), primary_key=True, comment="In order of writing."
        ),
    )
    at: datetime = Field(sa_column=now("When it was decided."))
    task_id: UUID = Field(sa_column=required(Uuid, "The task, which may be deleted."))
    task_title: str = Field(sa_column=required(String(255), "The task's title at that time."))
    gate: str | None = Field(
        default=None,
        sa_column=optional(
            String(20),
            "The step whose result was decided about; NULL for a stop or retry elsewhere.",
        ),
    )
    round: int = Field(
        default=1, sa_column=required(Integer, "The round of that step.", server_default="1")
    )
    decision: str = Field(sa_column=required(String(10), f"One of {', '.join(DECISIONS)}."))
    actor: str = Field(sa_column=required(String(120), "Who decided, as in task_history."))
    through: str = Field(
        sa_column=required(
            String(10),
            "board, http, command; sql for a plain UPDATE or a function of the database.",
        )
    )
    pieces: list[int] = Field(
        default_factory=list,
        sa_column=required(
            ARRAY(Integer), "The scenes that it is about; empty for all.", server_default="{}"
        ),
    )
    note: str = Field(
        default="", sa_column=required(Text, "What the person said about it.", server_default="")
    )


@event.listens_for(Session, "before_flush")
def _write_reviews_first(session: Session, _context: Any, _instances: Any) -> None:
    """Insert reviews before the moves that they decide: a trigger looks for them at the move."""
    for row in [one for one in session.new if isinstance(one, Review)]:
        session.expunge(row)
        values = row.model_dump(exclude_none=True)
        session.connection().execute(insert(Review).values(**values))
