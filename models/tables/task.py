"""`tasks`: one row per valid card. The source of truth, and the work list of the pipeline."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    func,
    text,
)
from sqlmodel import Field, SQLModel

from models.postgres.engine import timestamptz
from models.rules.merge_base import TaskState
from models.rules.statuses import BoardStatus, Priority
from models.tables.reference_data import BoardStatusRow

_PRIORITIES = ", ".join(repr(priority.value) for priority in Priority)

PRIORITY_RANK = """(
CASE priority
    WHEN 'high'::text THEN 0
    WHEN 'normal'::text THEN 1
    ELSE 2
END)"""
"""The order of priorities in the queue, as PostgreSQL itself writes it."""


def _required(kind: Any, comment: str, **how: Any) -> Any:
    return Column(kind, nullable=False, comment=comment, **how)


class Task(SQLModel, table=True):
    """A video to be made (spec 5.1).

    `status` (9 values) and `board_status` (26) are a pair. A worker may write either one in plain
    SQL: the trigger `tasks_normalize_status` completes the other, and stamps `status_changed_at`
    and `updated_at`. The trigger `tasks_audit` writes `task_history`. A pair that disagrees is
    refused with a message that says what to write.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint(f"priority IN ({_PRIORITIES})", name="priority"),
        ForeignKeyConstraint(
            ["board_status", "status"],
            [f"{BoardStatusRow.__tablename__}.name", f"{BoardStatusRow.__tablename__}.status"],
        ),
        Index(
            "ix_tasks_to_claim",
            "channel_id",
            text(PRIORITY_RANK),
            "status_changed_at",
            "id",
            postgresql_where=text("status IN ('pending', 'approved')"),
        ),
        {"comment": "The videos to be made: one row per valid card of the board."},
    )

    id: UUID = Field(
        default_factory=uuid4,
        primary_key=True,
        sa_column_kwargs={"server_default": func.gen_random_uuid(), "comment": "Ours; stable."},
    )
    notion_page_id: str | None = Field(
        default=None,
        sa_column=Column(
            String(100),
            unique=True,
            index=True,
            comment="The Notion page of the card. Leave it out: a task without a page becomes a "
            "card at the next cycle.",
        ),
    )
    title: str = Field(
        sa_column=_required(
            String(255), "The card's title. Once there is a card, people change it on the board."
        )
    )
    channel_id: str = Field(
        sa_column=_required(
            String(100), "A configured row of channels; changed on the board.", index=True
        )
    )
    topic: str = Field(
        sa_column=_required(String(1000), "What the video is about; changed on the board.")
    )
    story_direction: str | None = Field(
        default=None, sa_column=Column(Text, comment="How to tell it; changed on the board.")
    )
    status: str = Field(
        default="draft",
        sa_column=_required(
            String(50),
            "The pipeline status. Write this or board_status; the other one follows.",
            server_default="draft",
        ),
    )
    board_status: str = Field(
        default="Draft",
        sa_column=_required(
            String(50),
            "The column of the board. Write this or status; the other one follows.",
            server_default="Draft",
        ),
    )
    priority: str = Field(
        default="normal",
        sa_column=_required(String(50), "low, normal or high.", server_default="normal"),
    )
    created_at: datetime = Field(
        sa_column=_required(timestamptz(), "When the task was made.", server_default=func.now())
    )
    updated_at: datetime = Field(
        sa_column=_required(
            timestamptz(),
            "When any column changed last; stamped by a trigger.",
            server_default=func.now(),
        )
    )
    status_changed_at: datetime = Field(
        sa_column=_required(
            timestamptz(),
            "When board_status changed last; stamped by a trigger.",
            server_default=func.now(),
        )
    )


def task_state(task: Task) -> TaskState:
    """The part of a task that a card shows or asks to change."""
    return TaskState(
        title=task.title,
        channel_id=task.channel_id,
        topic=task.topic,
        story_direction=task.story_direction,
        board_status=BoardStatus(task.board_status),
        priority=Priority(task.priority),
        created_at=task.created_at,
        status_changed_at=task.status_changed_at,
    )
