"""A card knows that its page changed and could not be read, so that nothing is written over what nobody has seen.

Revision: 0012, after: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every card counts as read."""
    op.add_column("cards", sa.Column("unread_since", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_cards_unread_since",
        "cards",
        ["unread_since"],
        postgresql_where=sa.text("unread_since IS NOT NULL"),
    )


def downgrade() -> None:
    """The next sweep or event reads what was not read."""
    op.drop_index("ix_cards_unread_since", table_name="cards")
    op.drop_column("cards", "unread_since")
