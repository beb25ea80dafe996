"""Pieces have pages on the board.

Triggers count what may change what a page shows; the pages are written later, from what is left of
Notion's request limit. Existing pieces get pages too.

Revision: 0038, after: 0037
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

MOMENT: Final = sa.DateTime(timezone=True)

NOTE: Final = """
CREATE FUNCTION showrunner_pieces_note_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
  INSERT INTO piece_pages AS known (piece_id) VALUES (NEW.id)
  ON CONFLICT (piece_id) DO UPDATE SET changes = known.changes + 1, next_attempt_at = NULL;
  IF TG_OP = 'INSERT' AND NEW.round > 1 THEN
    -- What this one replaces is marked on the board.
    UPDATE piece_pages SET changes = changes + 1
    WHERE piece_id IN (
      SELECT p.id FROM pieces AS p
      WHERE p.task_id = NEW.task_id AND p.kind = NEW.kind AND p.position = NEW.position
        AND p.round < NEW.round
    );
  END IF;
  RETURN NULL;
END $$
"""
NOTE_COST: Final = """
CREATE FUNCTION showrunner_spends_note_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
  UPDATE piece_pages SET changes = changes + 1 WHERE piece_id = NEW.piece_id;
  RETURN NULL;
END $$
"""
TRIGGERS: Final = (
    (
        "CREATE TRIGGER pieces_note_change AFTER INSERT OR UPDATE OF state, title, url, path, sha256 "
        "ON pieces FOR EACH ROW EXECUTE FUNCTION showrunner_pieces_note_change()"
    ),
    (
        "CREATE TRIGGER spends_note_change AFTER INSERT ON spends FOR EACH ROW "
        "WHEN (NEW.piece_id IS NOT NULL) EXECUTE FUNCTION showrunner_spends_note_change()"
    ),
)
COMMENTS: Final = {
    "showrunner_pieces_note_change()": "Notes that the page of a piece is to be written.",
    "showrunner_spends_note_change()": "Notes that the page of a piece is to show another cost.",
}


def upgrade() -> None:
    """Make the table and let triggers count what changes."""
    op.create_table(
        "piece_pages",
        _needed("piece_id", sa.Uuid(), "The piece.", _of_piece(), primary_key=True),
        _needed(
            "changes",
            sa.BigInteger(),
            "How often something changed that its page shows; by triggers.",
            server_default=sa.text("1"),
        ),
        _needed(
            "shown",
            sa.BigInteger(),
            "The changes that its page shows already.",
            server_default=sa.text("0"),
        ),
        _optional("notion_page_id", sa.String(100), "Its page; NULL before there is one."),
        _optional("relation", sa.String(20), "The card's relation that leads to it."),
        _needed(
            "is_related",
            sa.Boolean(),
            "Whether the card's relation was written.",
            server_default="false",
        ),
        _optional(
            "sent_at",
            MOMENT,
            "When a page was asked for whose answer is not stored; committed before.",
        ),
        _needed(
            "written",
            postgresql.JSONB(),
            "What was written to its page last, by property.",
            server_default="{}",
        ),
        _optional("file_sha256", sa.String(64), "Of the file that its page holds."),
        _optional("file_name", sa.Text(), "The name of that file on its page."),
        _optional("refused_sha256", sa.String(64), "Of the file that the workspace refused."),
        _optional("trashed_at", MOMENT, "When its page was found in the trash, or gone."),
        _needed(
            "attempts", sa.Integer(), "Failed writes since the last good one.", server_default="0"
        ),
        _optional("next_attempt_at", MOMENT, "When it is tried again."),
        _optional("last_error", sa.Text(), "Why the last write failed."),
        comment="The page of each piece on the board, and what it shows.",
    )
    op.create_index(
        "ix_piece_pages_due",
        "piece_pages",
        ["next_attempt_at"],
        postgresql_where=sa.text("changes > shown AND trashed_at IS NULL"),
    )
    op.create_index(
        "ix_piece_pages_unrelated",
        "piece_pages",
        ["notion_page_id"],
        postgresql_where=sa.text("NOT is_related AND notion_page_id IS NOT NULL"),
    )
    op.execute("INSERT INTO piece_pages (piece_id) SELECT id FROM pieces")
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for function in (NOTE, NOTE_COST):
        op.execute(function.format(schema=schema))
    for function, comment in COMMENTS.items():
        op.execute(f"COMMENT ON FUNCTION {function} IS '{comment}'")
    for trigger in TRIGGERS:
        op.execute(trigger)
    op.execute("SELECT showrunner.grant_workers()")


def downgrade() -> None:
    """Drop it. The pages stay on the board, and nothing writes them."""
    op.execute("DROP TRIGGER spends_note_change ON spends")
    op.execute("DROP TRIGGER pieces_note_change ON pieces")
    for function in COMMENTS:
        op.execute(f"DROP FUNCTION {function}")
    op.drop_table("piece_pages")


def _of_piece() -> sa.ForeignKey:
    return sa.ForeignKey("pieces.id", ondelete="CASCADE")


def _needed(name: str, kind: Any, comment: str, *how: Any, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, *how, nullable=False, comment=comment, **more)


def _optional(name: str, kind: Any, comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True, comment=comment)
