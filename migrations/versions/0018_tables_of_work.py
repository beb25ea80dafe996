"""Tables of work: leases, steps, scenes. `channels` says who makes a channel's videos.

An index finds the next task of a channel without looking at the others.

Revision: 0018, after: 0017
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Frozen as of this revision: a migration must not change when the product's vocabulary does.
STEPS: Final = (
    ("assets", "Assets Generating", "Assets Ready", "image"),
    ("composites", "Composites Creating", "Composites Ready", "composite"),
    ("videos", "Videos Generating", "Videos Ready", "clip"),
    ("audio", "Audio Generating", "Audio Ready", "narration"),
    ("sfx", "SFX Generating", "SFX Ready", "sound"),
    ("assembly", "Assembling Video", "Ready for Review", "film"),
    ("upload", "Uploading", "Upload Complete", "published"),
)
CHANNEL_COLUMNS: Final = (
    "producer",
    "gates",
    "at_once",
    "served_at",
    "budget_video",
    "budget_month",
)

MOMENT: Final = sa.DateTime(timezone=True)
TEXT: Final = sa.Text()
INTEGER: Final = sa.Integer()
UUID: Final = sa.Uuid()


def upgrade() -> None:
    """Make the tables, the columns of `channels`, and the index."""
    _channels()
    _production_steps()
    _leases()
    _steps()


def downgrade() -> None:
    """Drop them; tasks and cards stay as they are."""
    op.drop_index("ix_tasks_to_claim", table_name="tasks")
    for table in ("scenes", "steps", "leases", "production_steps"):
        op.drop_table(table)
    for column in CHANNEL_COLUMNS:
        op.drop_column("channels", column)


def needed(name: str, kind: Any, comment: str, *how: Any, **more: Any) -> sa.Column[Any]:
    """A column that is never NULL."""
    return sa.Column(name, kind, *how, nullable=False, comment=comment, **more)


def optional(name: str, kind: Any, comment: str, *how: Any, **more: Any) -> sa.Column[Any]:
    """A column that may be NULL."""
    return sa.Column(name, kind, *how, nullable=True, comment=comment, **more)


def _channels() -> None:
    op.add_column(
        "channels",
        needed(
            "producer",
            sa.String(20),
            "Who makes its videos: workers (through showrunner.claim_task) or showrunner.",
            server_default="workers",
        ),
    )
    op.add_column(
        "channels",
        needed(
            "gates",
            sa.ARRAY(sa.Text()),
            "The steps whose result a person approves.",
            server_default="{assembly}",
        ),
    )
    op.add_column(
        "channels",
        optional(
            "at_once",
            INTEGER,
            "How many of its videos may be in work at a time; NULL for any number.",
        ),
    )
    op.add_column(
        "channels",
        optional(
            "served_at", MOMENT, "When one of its tasks was taken last; who waited longest is next."
        ),
    )
    op.add_column(
        "channels",
        optional(
            "budget_video",
            sa.Numeric(precision=12, scale=6),
            "USD for one video; NULL for no limit.",
        ),
    )
    op.add_column(
        "channels",
        optional(
            "budget_month",
            sa.Numeric(precision=12, scale=6),
            "USD in a calendar month (UTC); NULL for no limit.",
        ),
    )
    for name, condition in (
        ("producer", "producer IN ('workers', 'showrunner')"),
        ("at_once", "at_once >= 1"),
        ("budgets", "budget_video >= 0 AND budget_month >= 0"),
    ):
        op.create_check_constraint(op.f(f"ck_channels_{name}"), "channels", condition)
    op.create_index(
        "ix_tasks_to_claim",
        "tasks",
        [
            "channel_id",
            sa.text("(CASE priority WHEN 'high' THEN 0 WHEN 'normal' THEN 1 ELSE 2 END)"),
            "status_changed_at",
            "id",
        ],
        postgresql_where=sa.text("status IN ('pending', 'approved')"),
    )


def _production_steps() -> None:
    table = op.create_table(
        "production_steps",
        needed("name", sa.String(20), "The name of the step."),
        needed("position", sa.SmallInteger(), "Its place in the order of production."),
        needed(
            "working_column", sa.String(50), "The column of the board while the step is under way."
        ),
        needed("done_column", sa.String(50), "The column of the board when the step is finished."),
        needed("piece", sa.String(20), "The kind of piece that the step makes."),
        sa.ForeignKeyConstraint(
            ["done_column"],
            ["board_statuses.name"],
            name=op.f("fk_production_steps_done_column_board_statuses"),
        ),
        sa.ForeignKeyConstraint(
            ["working_column"],
            ["board_statuses.name"],
            name=op.f("fk_production_steps_working_column_board_statuses"),
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_production_steps")),
        sa.UniqueConstraint("done_column", name=op.f("uq_production_steps_done_column")),
        sa.UniqueConstraint("piece", name=op.f("uq_production_steps_piece")),
        sa.UniqueConstraint("position", name=op.f("uq_production_steps_position")),
        sa.UniqueConstraint("working_column", name=op.f("uq_production_steps_working_column")),
        comment="The steps of production and their columns. Read only.",
    )
    columns = ("name", "working_column", "done_column", "piece")
    op.bulk_insert(
        table,
        [
            {**dict(zip(columns, step, strict=True)), "position": position}
            for position, step in enumerate(STEPS, start=1)
        ],
    )


def _leases() -> None:
    op.create_table(
        "leases",
        needed("task_id", UUID, "The task."),
        optional("worker", sa.String(100), "Who works on it; NULL for nobody."),
        optional("taken_at", MOMENT, "When it was taken last."),
        optional("until", MOMENT, "When the lease expires unless it is prolonged."),
        optional("heartbeat_at", MOMENT, "When the worker was last heard of."),
        optional(
            "step",
            sa.String(20),
            "The step that is leased; NULL for outside workers, who lease the whole task.",
        ),
        optional("detail", TEXT, "What the worker said that it is doing."),
        optional(
            "returns_to",
            sa.String(50),
            "The column where the task stood when it was taken; it goes back there after a retry or an expired lease.",
        ),
        needed("deaths", INTEGER, "Leases in a row that expired.", server_default=sa.text("0")),
        needed(
            "attempts",
            INTEGER,
            "Attempts in a row that failed and may be repeated.",
            server_default=sa.text("0"),
        ),
        optional("next_attempt_at", MOMENT, "When a failed attempt is repeated."),
        optional(
            "stop_requested_at",
            MOMENT,
            "Since when a person wants it stopped, by Archived or the trash.",
        ),
        optional(
            "approved_at",
            MOMENT,
            "Since when it waits for a worker in the column after a passed gate.",
        ),
        optional("failed_as", sa.String(20), "The kind of the error that it stands at."),
        optional("failure", TEXT, "What failed and what to do, in sentences for the card."),
        sa.CheckConstraint(
            "failed_as IN ('invalid_input', 'api_failure', 'retriable', 'manual_review')",
            name=op.f("ck_leases_failed_as"),
        ),
        sa.CheckConstraint(
            "(worker IS NULL) = (until IS NULL)", name=op.f("ck_leases_worker_until")
        ),
        sa.CheckConstraint("deaths >= 0 AND attempts >= 0", name=op.f("ck_leases_counters")),
        sa.ForeignKeyConstraint(
            ["returns_to"],
            ["board_statuses.name"],
            name=op.f("fk_leases_returns_to_board_statuses"),
        ),
        sa.ForeignKeyConstraint(
            ["step"], ["production_steps.name"], name=op.f("fk_leases_step_production_steps")
        ),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("fk_leases_task_id_tasks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_leases")),
        comment="Who works on a task and until when. One row per task that was ever taken.",
    )
    op.create_index(
        "ix_leases_approved_at",
        "leases",
        ["approved_at"],
        postgresql_where=sa.text("approved_at IS NOT NULL"),
    )
    op.create_index(
        "ix_leases_next_attempt_at",
        "leases",
        ["next_attempt_at"],
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_index(
        "ix_leases_until", "leases", ["until"], postgresql_where=sa.text("worker IS NOT NULL")
    )


def _steps() -> None:
    op.create_table(
        "steps",
        needed("task_id", UUID, "The task."),
        needed("step", sa.String(20), "The step."),
        needed(
            "round",
            INTEGER,
            "How often it was begun anew by a person's decision, from 1.",
            server_default=sa.text("1"),
        ),
        needed("state", sa.String(10), "waiting, working or done.", server_default="waiting"),
        needed(
            "attempts",
            INTEGER,
            "How often it was begun in this round.",
            server_default=sa.text("0"),
        ),
        optional("started_at", MOMENT, "When it was begun first in this round."),
        optional("finished_at", MOMENT, "When it was finished in this round."),
        sa.CheckConstraint("state IN ('waiting', 'working', 'done')", name=op.f("ck_steps_state")),
        sa.CheckConstraint("round >= 1 AND attempts >= 0", name=op.f("ck_steps_counters")),
        sa.ForeignKeyConstraint(
            ["step"], ["production_steps.name"], name=op.f("fk_steps_step_production_steps")
        ),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("fk_steps_task_id_tasks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", "step", name=op.f("pk_steps")),
        comment="How far a task is with each step that was ever begun.",
    )
    op.create_table(
        "scenes",
        needed("task_id", UUID, "The task."),
        needed("position", INTEGER, "The scene's number, from 1.", autoincrement=False),
        needed("narration", TEXT, "What is spoken."),
        needed(
            "image",
            TEXT,
            "What the picture shows; empty for the channel's style.",
            server_default="",
        ),
        needed("motion", TEXT, "How it moves; empty for the channel's style.", server_default=""),
        needed(
            "sound",
            TEXT,
            "What is heard besides; empty for the channel's style.",
            server_default="",
        ),
        sa.CheckConstraint("position >= 1", name=op.f("ck_scenes_position")),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("fk_scenes_task_id_tasks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", "position", name=op.f("pk_scenes")),
        comment="The scenes that a task's own production works on.",
    )
