"""`pieces`: everything that a step made or is making."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.tables.production.columns import counter, moment, now, one_of, optional, required

KINDS = ("image", "composite", "clip", "narration", "sound", "film", "published")
"""Values of `models.production.steps.PieceKind`."""
STATES = ("submitting", "submitted", "unknown", "done", "failed")
_UNDER_WAY = one_of("state", "submitting", "submitted", "unknown")


class Piece(SQLModel, table=True):
    """One thing that a step makes for one scene, or for the whole video, in one round.

    A request to a paid maker is recorded in this order: the row in `submitting` with its
    `submit_key` is committed, the request is sent, and `job_id` is committed before the first poll.
    """

    __tablename__ = "pieces"
    __table_args__ = (
        UniqueConstraint("task_id", "kind", "position", "round"),
        CheckConstraint(one_of("kind", *KINDS), name="kind"),
        CheckConstraint(one_of("state", *STATES), name="state"),
        CheckConstraint("position >= 0 AND round >= 1 AND looked_up >= 0", name="numbers"),
        CheckConstraint("seconds >= 0 AND seconds < 'Infinity'", name="seconds"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint(r"url ~* '^https?://[^\s/]+[^\s]*$'", name="url"),
        Index("ix_pieces_under_way", "submitted_at", postgresql_where=text(_UNDER_WAY)),
        {"comment": "What the steps of a task made: one row per kind, position and round."},
    )

    id: UUID = Field(
        default_factory=uuid4,
        sa_column=required(
            Uuid, "Ours; stable.", primary_key=True, server_default=func.gen_random_uuid()
        ),
    )
    task_id: UUID = Field(
        sa_column=required(Uuid, "The task.", ForeignKey("tasks.id", ondelete="CASCADE"))
    )
    kind: str = Field(sa_column=required(String(20), f"One of {', '.join(KINDS)}."))
    position: int = Field(
        sa_column=required(Integer, "The scene's number from 1; 0 for the whole video.")
    )
    round: int = Field(
        default=1, sa_column=counter(Integer, "The round of the step that made it.", start=1)
    )
    state: str = Field(
        sa_column=required(
            String(20),
            "submitting: about to be sent; submitted: a service works on it; unknown: nobody "
            "knows whether it was sent; done; failed.",
        )
    )
    title: str = Field(default="", sa_column=required(Text, "For people.", server_default=""))
    url: str | None = Field(default=None, sa_column=optional(Text, "Where it is, on the web."))
    path: str | None = Field(
        default=None, sa_column=optional(Text, "Where it is, among the worker's files.")
    )
    sha256: str | None = Field(
        default=None, sa_column=optional(String(64), "Of its content, in lower case.")
    )
    media_type: str | None = Field(
        default=None, sa_column=optional(String(100), "For example image/png.")
    )
    seconds: float | None = Field(
        default=None, sa_column=optional(Double, "How long it lasts; NULL for a picture.")
    )
    input_hash: str | None = Field(
        default=None,
        sa_column=optional(
            String(64), "Of all that it is made from: the same hash, the same piece."
        ),
    )
    maker: str | None = Field(
        default=None, sa_column=optional(String(100), "Who made it: a program or a service.")
    )
    account: str | None = Field(
        default=None, sa_column=optional(String(200), "The account at the service.")
    )
    submit_key: UUID | None = Field(
        default=None, sa_column=optional(Uuid, "Sent along, so that the service finds the job.")
    )
    submitted_at: datetime | None = Field(
        default=None, sa_column=moment("When it was sent to the service.")
    )
    job_id: str | None = Field(
        default=None, sa_column=optional(Text, "The service's name of the job.")
    )
    looked_up: int = Field(
        default=0,
        sa_column=counter(Integer, "How often the service was asked in vain for an unknown job."),
    )
    notes: dict[str, Any] = Field(
        default_factory=dict,
        sa_column=required(JSONB, "Measurements and the like.", server_default="{}"),
    )
    created_at: datetime = Field(sa_column=now("When the row was made."))
    updated_at: datetime = Field(sa_column=now("When it changed last."))
