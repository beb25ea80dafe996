"""The column `cards.told_at` is called what it holds: `rejection_shown_since`.

Revision: 0027, after: 0026
"""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename the column and its index."""
    op.alter_column("cards", "told_at", new_column_name="rejection_shown_since")
    op.execute("ALTER INDEX ix_cards_told_at RENAME TO ix_cards_rejection_shown_since")


def downgrade() -> None:
    """Restore the former names."""
    op.execute("ALTER INDEX ix_cards_rejection_shown_since RENAME TO ix_cards_told_at")
    op.alter_column("cards", "rejection_shown_since", new_column_name="told_at")
