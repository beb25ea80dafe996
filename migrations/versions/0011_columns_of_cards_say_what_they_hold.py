"""Columns of `cards` get names that say what they hold.

PostgreSQL adapts indexes, defaults and the computed column by itself, so no row is rewritten.

Revision: 0011, after: 0010
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

RENAMED = {
    "lacking": "initially_empty",
    "recent": "recent_activity",
    "sending": "write_in_flight",
    "differs": "drift_mask",
    "shown_status": "notion_status",
    "shown_priority": "notion_priority",
    "shown_created": "notion_created",
    "shown_updated": "notion_updated",
    "shown_attention": "notion_attention",
    "refusal": "rejection",
    "refused_at": "rejected_at_status_change",
    "seen_at": "last_read_at",
}
"""The new name of each column, by its old one."""


def upgrade() -> None:
    """Rename the columns, and the index whose name carries one."""
    for old, new in RENAMED.items():
        op.alter_column("cards", old, new_column_name=new)
    op.execute("ALTER INDEX ix_cards_differs RENAME TO ix_cards_drift_mask")


def downgrade() -> None:
    """Give the former names back."""
    op.execute("ALTER INDEX ix_cards_drift_mask RENAME TO ix_cards_differs")
    for old, new in RENAMED.items():
        op.alter_column("cards", new, new_column_name=old)
