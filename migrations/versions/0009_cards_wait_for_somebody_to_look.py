"""Cards can wait for somebody to look, each for itself, instead of stopping every card's sync (`models.sync.safety_stop`).

Revision: 0009, after: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COLUMNS = ("missing_at", "held_at")


def upgrade() -> None:
    """Empty columns take no time, however many cards there are."""
    for name in COLUMNS:
        op.add_column("cards", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
        op.create_index(
            f"ix_cards_{name}", "cards", [name], postgresql_where=sa.text(f"{name} IS NOT NULL")
        )


def downgrade() -> None:
    """What waited is found again by the next look at its card."""
    for name in COLUMNS:
        op.drop_index(f"ix_cards_{name}", table_name="cards")
        op.drop_column("cards", name)
