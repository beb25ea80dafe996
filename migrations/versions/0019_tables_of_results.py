"""Tables of what production makes, costs and is decided about it; tokens of the HTTP contract.

Revision: 0019, after: 0018
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


MOMENT: Final = sa.DateTime(timezone=True)
TEXT: Final = sa.Text()
INTEGER: Final = sa.Integer()
UUID: Final = sa.Uuid()

APPEND_ONLY: Final = """
CREATE FUNCTION showrunner_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'UPDATE' AND current_setting('showrunner.retention', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION '% is append-only: what is wrong is put right by another row', TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$
"""


def upgrade() -> None:
    """Make the tables. What was spent and decided is never changed afterwards."""
    _pieces()
    _spends()
    _reviews()
    _tokens()
    op.execute(APPEND_ONLY)
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(f"ALTER FUNCTION showrunner_append_only() SET search_path = {schema}, pg_temp")
    for table in ("spends", "reviews"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION showrunner_append_only()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_append_only_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION showrunner_append_only()"
        )


def downgrade() -> None:
    """Drop them, with what they hold."""
    for table in ("tokens", "reviews", "spends", "pieces"):
        op.drop_table(table)
    op.execute("DROP FUNCTION showrunner_append_only()")


def needed(name: str, kind: Any, comment: str, *how: Any, **more: Any) -> sa.Column[Any]:
    """A column that is never NULL."""
    return sa.Column(name, kind, *how, nullable=False, comment=comment, **more)


def optional(name: str, kind: Any, comment: str, *how: Any, **more: Any) -> sa.Column[Any]:
    """A column that may be NULL."""
    return sa.Column(name, kind, *how, nullable=True, comment=comment, **more)


def _pieces() -> None:
    op.create_table(
        "pieces",
        needed("id", UUID, "Ours; stable.", server_default=sa.text("gen_random_uuid()")),
        needed("task_id", UUID, "The task."),
        needed(
            "kind",
            sa.String(20),
            "One of image, composite, clip, narration, sound, film, published.",
        ),
        needed("position", INTEGER, "The scene's number from 1; 0 for the whole video."),
        needed(
            "round", INTEGER, "The round of the step that made it.", server_default=sa.text("1")
        ),
        needed(
            "state",
            sa.String(20),
            "submitting: about to be sent; submitted: a service works on it; unknown: nobody knows whether it was sent; done; failed.",
        ),
        needed("title", TEXT, "For people.", server_default=""),
        optional("url", TEXT, "Where it is, on the web."),
        optional("path", TEXT, "Where it is, among the worker's files."),
        optional("sha256", sa.String(64), "Of its content, in lower case."),
        optional("media_type", sa.String(100), "For example image/png."),
        optional("seconds", sa.Double(), "How long it lasts; NULL for a picture."),
        optional(
            "input_hash",
            sa.String(64),
            "Of all that it is made from: the same hash, the same piece.",
        ),
        optional("maker", sa.String(100), "Who made it: a program or a service."),
        optional("account", sa.String(200), "The account at the service."),
        optional("submit_key", UUID, "Sent along, so that the service finds the job."),
        optional("submitted_at", MOMENT, "When it was sent to the service."),
        optional("job_id", TEXT, "The service's name of the job."),
        needed(
            "looked_up",
            INTEGER,
            "How often the service was asked in vain for an unknown job.",
            server_default=sa.text("0"),
        ),
        needed("notes", postgresql.JSONB(), "Measurements and the like.", server_default="{}"),
        needed("created_at", MOMENT, "When the row was made.", server_default=sa.text("now()")),
        needed("updated_at", MOMENT, "When it changed last.", server_default=sa.text("now()")),
        sa.CheckConstraint(
            "kind IN ('image', 'composite', 'clip', 'narration', 'sound', 'film', 'published')",
            name=op.f("ck_pieces_kind"),
        ),
        sa.CheckConstraint("seconds >= 0 AND seconds < 'Infinity'", name=op.f("ck_pieces_seconds")),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_pieces_sha256")),
        sa.CheckConstraint(
            "state IN ('submitting', 'submitted', 'unknown', 'done', 'failed')",
            name=op.f("ck_pieces_state"),
        ),
        sa.CheckConstraint("url ~* '^https?://[^\\s/]+[^\\s]*$'", name=op.f("ck_pieces_url")),
        sa.CheckConstraint(
            "position >= 0 AND round >= 1 AND looked_up >= 0", name=op.f("ck_pieces_numbers")
        ),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("fk_pieces_task_id_tasks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pieces")),
        sa.UniqueConstraint(
            "task_id",
            "kind",
            "position",
            "round",
            name=op.f("uq_pieces_task_id_kind_position_round"),
        ),
        comment="What the steps of a task made: one row per kind, position and round.",
    )
    op.create_index(
        "ix_pieces_under_way",
        "pieces",
        ["submitted_at"],
        postgresql_where=sa.text("state IN ('submitting', 'submitted', 'unknown')"),
    )


def _spends() -> None:
    op.create_table(
        "spends",
        needed("id", sa.BigInteger(), "In order of writing.", sa.Identity(always=True)),
        needed(
            "at",
            MOMENT,
            "When it counts; a released row has the moment of its estimate.",
            server_default=sa.text("now()"),
        ),
        needed("task_id", UUID, "The task, which may be deleted."),
        needed("task_title", sa.String(255), "The task's title at that time."),
        needed("channel_id", sa.String(100), "The channel whose budget it is."),
        optional("piece_id", UUID, "The piece, which may be deleted; NULL for none."),
        needed("what", TEXT, "What it was spent on, for example “clip 3, round 1”."),
        optional("maker", sa.String(100), "Who charges it: a program or a service."),
        optional("job_id", TEXT, "The service's name of the job."),
        needed(
            "kind",
            sa.String(10),
            "estimated: may be charged; charged: was charged; released: an estimate that no longer counts.",
        ),
        needed(
            "usd", sa.Numeric(precision=12, scale=6), "The amount in US dollars, never negative."
        ),
        needed(
            "counted",
            sa.Numeric(precision=12, scale=6),
            "The amount as it is summed up: negative for a released row.",
            sa.Computed("CASE WHEN kind = 'released' THEN - usd ELSE usd END", persisted=True),
        ),
        sa.CheckConstraint(
            "kind IN ('estimated', 'charged', 'released')", name=op.f("ck_spends_kind")
        ),
        sa.CheckConstraint("usd >= 0 AND usd <= 10000", name=op.f("ck_spends_usd")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spends")),
        comment="Money that was or may have been charged: sum(counted) is what was spent or may have been. An estimate that was charged or not is released by a row of its own. Append only.",
    )
    op.create_index("ix_spends_at", "spends", ["at"], postgresql_include=["counted"])
    op.create_index(
        "ix_spends_channel_id_at", "spends", ["channel_id", "at"], postgresql_include=["counted"]
    )
    op.create_index("ix_spends_task_id", "spends", ["task_id"])


def _reviews() -> None:
    op.create_table(
        "reviews",
        needed("id", sa.BigInteger(), "In order of writing.", sa.Identity(always=True)),
        needed("at", MOMENT, "When it was decided.", server_default=sa.text("now()")),
        needed("task_id", UUID, "The task, which may be deleted."),
        needed("task_title", sa.String(255), "The task's title at that time."),
        optional(
            "gate",
            sa.String(20),
            "The step whose result was decided about; NULL for a stop or retry elsewhere.",
        ),
        needed("round", INTEGER, "The round of that step.", server_default="1"),
        needed("decision", sa.String(10), "One of approve, reject, stop, retry."),
        needed("actor", sa.String(120), "Who decided, as in task_history."),
        needed("through", sa.String(10), "board, http, command; sql for a plain UPDATE."),
        needed(
            "pieces",
            sa.ARRAY(sa.Integer()),
            "The scenes that it is about; empty for all.",
            server_default="{}",
        ),
        needed("note", TEXT, "What the person said about it.", server_default=""),
        sa.CheckConstraint(
            "decision IN ('approve', 'reject', 'stop', 'retry')", name=op.f("ck_reviews_decision")
        ),
        sa.CheckConstraint(
            "through IN ('board', 'http', 'command', 'sql')", name=op.f("ck_reviews_through")
        ),
        sa.CheckConstraint("round >= 1", name=op.f("ck_reviews_round")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        comment="What people decided about a task, and through what. Append only.",
    )
    op.create_index("ix_reviews_task_id_gate_round", "reviews", ["task_id", "gate", "round", "id"])


def _tokens() -> None:
    op.create_table(
        "tokens",
        needed("name", sa.String(100), "Whose token it is."),
        needed("scope", sa.String(10), "worker, reviewer or reader."),
        needed("hash", sa.String(64), "SHA-256 of the secret, in lower case."),
        needed("created_at", MOMENT, "When it was made.", server_default=sa.text("now()")),
        optional("last_used_at", MOMENT, "When it was used last."),
        optional("revoked_at", MOMENT, "Since when it counts no longer."),
        sa.CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_tokens_hash")),
        sa.CheckConstraint(
            "scope IN ('worker', 'reviewer', 'reader')", name=op.f("ck_tokens_scope")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_tokens_hash")),
        comment="Who may use the HTTP contract. Secrets are kept as hashes.",
    )
