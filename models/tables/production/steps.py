"""`production_steps`, `steps` and `scenes`: what production consists of, and how far a task is."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Integer,
    SmallInteger,
    String,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.tables.production.columns import counter, moment, one_of, required

STATES = ("waiting", "working", "done")


class ProductionStep(SQLModel, table=True):
    """A step of production, with its columns of the board.

    Rows come and go by migrations only (0018), together with `models.production.steps`.
    """

    __tablename__ = "production_steps"
    __table_args__ = ({"comment": "The steps of production and their columns. Read only."},)

    name: str = Field(sa_column=required(String(20), "The name of the step.", primary_key=True))
    position: int = Field(
        sa_column=required(SmallInteger, "Its place in the order of production.", unique=True)
    )
    working_column: str = Field(
        sa_column=required(
            String(50),
            "The column of the board while the step is under way.",
            ForeignKey("board_statuses.name"),
            unique=True,
        )
    )
    done_column: str = Field(
        sa_column=required(
            String(50),
            "The column of the board when the step is finished.",
            ForeignKey("board_statuses.name"),
            unique=True,
        )
    )
    piece: str = Field(
        sa_column=required(String(20), "The kind of piece that the step makes.", unique=True)
    )


class StepRow(SQLModel, table=True):
    """How far a task is with a step, as reports say."""

    __tablename__ = "steps"
    __table_args__ = (
        CheckConstraint(one_of("state", *STATES), name="state"),
        CheckConstraint("round >= 1 AND attempts >= 0", name="counters"),
        {"comment": "How far a task is with each step that was ever begun."},
    )

    task_id: UUID = Field(
        sa_column=required(
            Uuid, "The task.", ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True
        )
    )
    step: str = Field(
        sa_column=required(
            String(20),
            "The step.",
            ForeignKey(f"{ProductionStep.__tablename__}.name"),
            primary_key=True,
        )
    )
    round: int = Field(
        default=1,
        sa_column=counter(
            Integer, "How often it was begun anew by a person's decision, from 1.", start=1
        ),
    )
    state: str = Field(
        default="waiting",
        sa_column=required(String(10), "waiting, working or done.", server_default="waiting"),
    )
    attempts: int = Field(
        default=0, sa_column=counter(Integer, "How often it was begun in this round.")
    )
    started_at: datetime | None = Field(
        default=None, sa_column=moment("When it was begun first in this round.")
    )
    finished_at: datetime | None = Field(
        default=None, sa_column=moment("When it was finished in this round.")
    )


class SceneRow(SQLModel, table=True):
    """A scene of a task's story, as it was when production began.

    Showrunner's own production works on these copies, so an edit of the card counts in the next
    round only.
    """

    __tablename__ = "scenes"
    __table_args__ = (
        CheckConstraint("position >= 1", name="position"),
        {"comment": "The scenes that a task's own production works on."},
    )

    task_id: UUID = Field(
        sa_column=required(
            Uuid, "The task.", ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True
        )
    )
    position: int = Field(
        sa_column=required(
            Integer, "The scene's number, from 1.", primary_key=True, autoincrement=False
        )
    )
    narration: str = Field(sa_column=required(Text, "What is spoken."))
    image: str = Field(
        default="",
        sa_column=required(
            Text, "What the picture shows; empty for the channel's style.", server_default=""
        ),
    )
    motion: str = Field(
        default="",
        sa_column=required(Text, "How it moves; empty for the channel's style.", server_default=""),
    )
    sound: str = Field(
        default="",
        sa_column=required(
            Text, "What is heard besides; empty for the channel's style.", server_default=""
        ),
    )
    takes: dict[str, int] = Field(
        default_factory=dict,
        sa_column=required(
            JSONB,
            "By step, how often a person asked for this scene's piece to be made anew.",
            server_default="{}",
        ),
    )
    after_review: int = Field(
        default=0,
        sa_column=counter(BigInteger, "The last rejection in reviews that the takes count."),
    )
