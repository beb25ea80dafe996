"""A card remembers when Notion made its page, that it cannot be read, and that its task left the queue with it.

`unqueued_at` tells a restored card in Queued from one whose task the pipeline moved meanwhile. By `made_at` the cards
are looked for in windows; the sweep that comes next fills it in, which is why it reads the whole board once.
`unreadable` marks the cards whose page shows less than the board, to be read again.

Revision: 0008, after: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is known yet of the cards that are there."""
    op.add_column("cards", sa.Column("unqueued_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cards", sa.Column("made_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "cards",
        sa.Column("unreadable", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )
    op.create_index(
        "ix_cards_made_at", "cards", ["made_at"], postgresql_where=sa.text("trashed_at IS NULL")
    )
    op.create_index(
        "ix_cards_unreadable", "cards", ["next_attempt_at"], postgresql_where=sa.text("unreadable")
    )
    # A watermark before every card; an import that is under way reads all of them anyway.
    op.execute(
        "UPDATE sync_state SET moment = '2000-01-01T00:00:00Z' WHERE key = 'sweep_watermark'"
    )


def downgrade() -> None:
    """What these held is found out again; a task that left the queue stays out of it."""
    op.drop_index("ix_cards_unreadable", table_name="cards")
    op.drop_index("ix_cards_made_at", table_name="cards")
    for name in ("unreadable", "made_at", "unqueued_at"):
        op.drop_column("cards", name)
