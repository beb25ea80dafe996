"""Whoever listens hears that a card begins to differ from the board, or that a task needs a card.

Revision: 0025, after: 0024
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

ANNOUNCE: Final = """
CREATE FUNCTION showrunner_announce_difference() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('showrunner_cards_differ', '');
  RETURN NULL;
END $$
"""
COMMENT: Final = "Tells listeners that the board does not show something yet."

TRIGGERS: Final = (
    # Status, Priority or Attention; what differs already was announced.
    (
        "CREATE TRIGGER cards_announce_difference AFTER UPDATE ON cards FOR EACH ROW "
        "WHEN (NEW.drift_mask & 7 & ~ OLD.drift_mask <> 0) "
        "EXECUTE FUNCTION showrunner_announce_difference()"
    ),
    (
        "CREATE TRIGGER tasks_announce_difference AFTER INSERT ON tasks FOR EACH ROW "
        "WHEN (NEW.notion_page_id IS NULL) "
        "EXECUTE FUNCTION showrunner_announce_difference()"
    ),
)


def upgrade() -> None:
    """Make the triggers."""
    op.execute(ANNOUNCE)
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(
        f"ALTER FUNCTION showrunner_announce_difference() SET search_path = {schema}, pg_temp"
    )
    op.execute(f"COMMENT ON FUNCTION showrunner_announce_difference() IS '{COMMENT}'")
    for trigger in TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TRIGGER tasks_announce_difference ON tasks")
    op.execute("DROP TRIGGER cards_announce_difference ON cards")
    op.execute("DROP FUNCTION showrunner_announce_difference()")
