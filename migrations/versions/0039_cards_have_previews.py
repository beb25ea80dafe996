"""Cards show pictures and the film of their video.

A trigger counts the steps that were finished; the files are written later, from what is left of
Notion's request limit.

Revision: 0039, after: 0038
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

MOMENT: Final = sa.DateTime(timezone=True)

NOTE: Final = """
CREATE FUNCTION showrunner_steps_note_preview() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
  INSERT INTO card_previews AS known (task_id) VALUES (NEW.task_id)
  ON CONFLICT (task_id) DO UPDATE SET changes = known.changes + 1, next_attempt_at = NULL;
  RETURN NULL;
END $$
"""
TRIGGER: Final = (
    "CREATE TRIGGER steps_note_preview AFTER INSERT OR UPDATE OF state, round ON steps "
    "FOR EACH ROW WHEN (NEW.state = 'done' AND NEW.step IN ('assets', 'composites', 'assembly')) "
    "EXECUTE FUNCTION showrunner_steps_note_preview()"
)
COMMENT: Final = "Notes that the Preview of a card is to be written."


def upgrade() -> None:
    """Make the table and let a trigger count."""
    op.create_table(
        "card_previews",
        _needed(
            "task_id",
            sa.Uuid(),
            "The task.",
            sa.ForeignKey("tasks.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        _needed(
            "changes",
            sa.BigInteger(),
            "How often a step was finished that it shows; by a trigger.",
            server_default=sa.text("1"),
        ),
        _needed(
            "shown",
            sa.BigInteger(),
            "The changes that the card shows already.",
            server_default=sa.text("0"),
        ),
        _optional("content", sa.Text(), "What the card shows: the kind and hash of the file."),
        _needed(
            "file_names",
            sa.ARRAY(sa.Text()),
            "Names of the files in Preview that are ours, or may be.",
            server_default="{}",
        ),
        _optional("refused_sha256", sa.String(64), "Of the film that the workspace refused."),
        _needed(
            "attempts", sa.Integer(), "Failed writes since the last good one.", server_default="0"
        ),
        _optional("next_attempt_at", MOMENT, "When it is tried again."),
        _optional("last_error", sa.Text(), "Why the last write failed."),
        comment="The files that Showrunner puts into the Preview of a card.",
    )
    op.create_index(
        "ix_card_previews_due",
        "card_previews",
        ["next_attempt_at"],
        postgresql_where=sa.text("changes > shown"),
    )
    op.execute(
        "INSERT INTO card_previews (task_id) SELECT DISTINCT task_id FROM steps "
        "WHERE state = 'done' AND step IN ('assets', 'composites', 'assembly')"
    )
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(NOTE.format(schema=schema))
    op.execute(f"COMMENT ON FUNCTION showrunner_steps_note_preview() IS '{COMMENT}'")
    op.execute(TRIGGER)
    op.execute("SELECT showrunner.grant_workers()")


def downgrade() -> None:
    """Drop it. The files stay on the board."""
    op.execute("DROP TRIGGER steps_note_preview ON steps")
    op.execute("DROP FUNCTION showrunner_steps_note_preview()")
    op.drop_table("card_previews")


def _needed(name: str, kind: Any, comment: str, *how: Any, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, *how, nullable=False, comment=comment, **more)


def _optional(name: str, kind: Any, comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True, comment=comment)
