"""A card's row holds a move that waits until the card is valid, and how long its Status is left alone for that.

What differs is computed anew: Status does not differ meanwhile. The table is rewritten, as by 0004.

Revision: 0005, after: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Frozen as of this revision, like the vocabulary of 0002.
KEPT = "status_kept_until IS NULL\n        AND "
DIFFERS = """
CASE WHEN trashed_at IS NOT NULL OR first_seen_at IS NULL THEN 0 ELSE
  CASE WHEN {kept}shown_status IS DISTINCT FROM coalesce(task_board_status, base_status, shown_status)
        AND NOT (shown_status IS NULL AND 'Status' = ANY (lacking)) THEN 1 ELSE 0 END
+ CASE WHEN shown_priority IS DISTINCT FROM initcap(coalesce(task_priority, base_priority))
        AND NOT (shown_priority IS NULL AND 'Priority' = ANY (lacking)) THEN 2 ELSE 0 END
+ CASE WHEN shown_attention <> CASE
              WHEN refusal <> '' AND refused_at <> task_status_changed_at
              THEN rtrim(left(attention, -length(refusal)))
              ELSE attention END THEN 4 ELSE 0 END
+ CASE WHEN shown_created AT TIME ZONE 'UTC' <> date_trunc('minute', task_created_at AT TIME ZONE 'UTC')
          OR shown_created IS NULL AND task_created_at IS NOT NULL AND NOT 'Created' = ANY (lacking)
        THEN 8 ELSE 0 END
+ CASE WHEN shown_updated AT TIME ZONE 'UTC' <> date_trunc('minute', task_status_changed_at AT TIME ZONE 'UTC')
          OR shown_updated IS NULL AND task_status_changed_at IS NOT NULL AND NOT 'Updated' = ANY (lacking)
        THEN 16 ELSE 0 END
END"""


def _compute(kept: str) -> None:
    differs = sa.Computed(DIFFERS.format(kept=kept), persisted=True)
    op.add_column("cards", sa.Column("differs", sa.SmallInteger(), differs, nullable=False))
    op.create_index(
        "ix_cards_differs", "cards", ["differs"], postgresql_where=sa.text("differs <> 0")
    )


def upgrade() -> None:
    """Add both columns, and compute what differs with them."""
    op.drop_column("cards", "differs")
    op.add_column("cards", sa.Column("waits_for", sa.String(50), nullable=True))
    op.add_column(
        "cards", sa.Column("status_kept_until", sa.DateTime(timezone=True), nullable=True)
    )
    _compute(KEPT)
    where = sa.text("status_kept_until IS NOT NULL")
    op.create_index(
        "ix_cards_status_kept_until", "cards", ["status_kept_until"], postgresql_where=where
    )


def downgrade() -> None:
    """What waits is put back, as before this revision; its history stays."""
    op.drop_column("cards", "differs")
    op.drop_column("cards", "status_kept_until")
    op.drop_column("cards", "waits_for")
    _compute("")
