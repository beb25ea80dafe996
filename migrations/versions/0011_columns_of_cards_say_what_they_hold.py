"""Columns of `cards` get names that say what they hold.

PostgreSQL adapts indexes, defaults and the computed column by itself, so no row is rewritten.

Revision: 0011, after: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
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
    """Rename the columns, and the index and constraints whose names carry theirs."""
    op.execute("ALTER INDEX ix_cards_differs RENAME TO ix_cards_drift_mask")
    for old, new in RENAMED.items():
        _rename(old, new)


def downgrade() -> None:
    """Give the former names back."""
    op.execute("ALTER INDEX ix_cards_drift_mask RENAME TO ix_cards_differs")
    for old, new in RENAMED.items():
        _rename(new, old)


def _rename(old: str, new: str) -> None:
    op.alter_column("cards", old, new_column_name=new)
    # From PostgreSQL 18 on, NOT NULL is a constraint with a name.
    named = sa.text(
        "SELECT EXISTS (SELECT FROM pg_constraint "
        "WHERE conrelid = 'cards'::regclass AND conname = :name)"
    )
    if op.get_bind().execute(named, {"name": f"cards_{old}_not_null"}).scalar_one():
        op.execute(
            f"ALTER TABLE cards RENAME CONSTRAINT cards_{old}_not_null TO cards_{new}_not_null"
        )
