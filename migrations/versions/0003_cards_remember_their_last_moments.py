"""A card remembers its last moments, so that an edit overwritten before it was seen is recorded (`models.unseen`).

Revision: 0003, after: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column with a default takes no time, however many cards there are."""
    op.add_column(
        "cards", sa.Column("recent", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False)
    )


def downgrade() -> None:
    """What is forgotten concerns the last minutes only."""
    op.drop_column("cards", "recent")
