"""A card remembers its last moments, and what is being written to it.

So an edit overwritten before it was seen is recorded (`models.sync.lost_updates`), and a write whose process died before its
answer was stored is known as ours when the board shows it (`models.sync.recent_writes`).

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
    """Columns with a constant default take no time, however many cards there are."""
    op.add_column(
        "cards",
        sa.Column(
            "recent", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
    )
    op.add_column(
        "cards",
        sa.Column(
            "sending", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
    )


def downgrade() -> None:
    """What is forgotten concerns the last minutes only."""
    op.drop_column("cards", "sending")
    op.drop_column("cards", "recent")
