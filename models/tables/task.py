"""`tasks`: one row per valid card, what the production pipeline works from. The source of truth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, Column, String, Text, func
from sqlmodel import Field, SQLModel

from models.postgres.engine import timestamptz
from models.rules.statuses import STATE_OF, BoardStatus, Priority, Status


def _one_of(column: str, values: Sequence[str]) -> str:
    return f"{column} IN ({', '.join(repr(v) for v in values)})"


def _pair() -> str:
    held = {state: [b.value for b in BoardStatus if STATE_OF[b] == state] for state in Status}
    return " OR ".join(
        f"status = '{state.value}' AND {_one_of('board_status', names)}"
        for state, names in held.items()
    )


class Task(SQLModel, table=True):
    """A video to be made (spec 5.1).

    `status` (9) and `board_status` (26) are a pair. A worker may write either one in plain SQL: a
    trigger completes the other (the canonical column of a state, the state of a column), stamps
    `status_changed_at` and `updated_at`, and writes `task_history`. Writing both so that they
    disagree is refused with a message that says what to write.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint(_one_of("status", [s.value for s in Status]), name="status"),
        CheckConstraint(
            _one_of("board_status", [b.value for b in BoardStatus]), name="board_status"
        ),
        CheckConstraint(_one_of("priority", [p.value for p in Priority]), name="priority"),
        CheckConstraint(_pair(), name="status_holds_board_status"),
    )

    id: UUID = Field(
        default_factory=uuid4,
        primary_key=True,
        sa_column_kwargs={"server_default": func.gen_random_uuid()},
    )
    notion_page_id: str | None = Field(
        default=None, sa_column=Column(String(100), unique=True, index=True)
    )
    title: str = Field(sa_column=Column(String(255), nullable=False))
    channel_id: str = Field(sa_column=Column(String(100), nullable=False, index=True))
    topic: str = Field(sa_column=Column(String(1000), nullable=False))
    story_direction: str | None = Field(default=None, sa_column=Column(Text))
    status: str = Field(
        default="draft", sa_column=Column(String(50), nullable=False, server_default="draft")
    )
    board_status: str = Field(
        default="Draft", sa_column=Column(String(50), nullable=False, server_default="Draft")
    )
    priority: str = Field(
        default="normal", sa_column=Column(String(50), nullable=False, server_default="normal")
    )
    created_at: datetime = Field(
        sa_column=Column(timestamptz(), nullable=False, server_default=func.now())
    )
    updated_at: datetime = Field(
        sa_column=Column(timestamptz(), nullable=False, server_default=func.now())
    )
    status_changed_at: datetime = Field(
        sa_column=Column(timestamptz(), nullable=False, server_default=func.now())
    )
