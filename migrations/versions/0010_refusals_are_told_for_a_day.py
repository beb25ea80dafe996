"""A card tells of a refusal for a day at most, so it is known since when it does (`models.tables.card.TOLD_FOR`).

Revision: 0010, after: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of a refusal that stands nobody knows since when: it is told for a day from now on."""
    op.add_column("cards", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE cards SET told_at = now() WHERE refusal <> ''")
    op.create_index(
        "ix_cards_told_at", "cards", ["told_at"], postgresql_where=sa.text("told_at IS NOT NULL")
    )


def downgrade() -> None:
    """A refusal stands until a move ends it, as before."""
    op.drop_index("ix_cards_told_at", table_name="cards")
    op.drop_column("cards", "told_at")
