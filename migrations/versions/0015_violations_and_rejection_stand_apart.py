"""A card's row keeps the text of its violations apart from its rejection.

`attention` held both in one text, of which SQL cut the rejection by its length. What a card should
show in Attention is now put together from `violation_text` and `rejection`.

The table is rewritten, because the computed column has another expression.

Revision: 0015, after: 0014
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BOTH = """violation_text || CASE
              WHEN rejection = '' OR rejected_at_status_change <> task_status_changed_at THEN ''
              WHEN violation_text = '' THEN rejection
              ELSE ' ' || rejection END"""
FORMERLY_BOTH = """CASE WHEN rejection <> '' AND rejected_at_status_change <> task_status_changed_at
                   THEN rtrim(left(attention, -length(rejection)))
                   ELSE attention END"""

# Frozen as of this revision, like that of 0006.
DRIFT_MASK: Final = """
CASE WHEN trashed_at IS NOT NULL OR first_seen_at IS NULL THEN 0 ELSE
  CASE WHEN status_kept_until IS NULL
        AND notion_status IS DISTINCT FROM coalesce(task_board_status, base_status, notion_status)
        AND NOT (notion_status IS NULL AND 'Status' = ANY (initially_empty)) THEN 1 ELSE 0 END
+ CASE WHEN notion_priority IS DISTINCT FROM initcap(coalesce(task_priority, base_priority))
        AND NOT (notion_priority IS NULL AND 'Priority' = ANY (initially_empty)) THEN 2 ELSE 0 END
+ CASE WHEN notion_attention <> coalesce(
              nullif({both}, ''),
              CASE WHEN 'Attention' = ANY (initially_empty) THEN notion_attention ELSE '' END)
        THEN 4 ELSE 0 END
+ CASE WHEN notion_created AT TIME ZONE 'UTC'
              <> date_trunc('minute', coalesce(task_created_at, base_created) AT TIME ZONE 'UTC')
          OR notion_created IS NULL AND coalesce(task_created_at, base_created) IS NOT NULL
              AND NOT 'Created' = ANY (initially_empty)
        THEN 8 ELSE 0 END
+ CASE WHEN notion_updated AT TIME ZONE 'UTC'
              <> date_trunc('minute', coalesce(task_status_changed_at, base_updated) AT TIME ZONE 'UTC')
          OR notion_updated IS NULL AND coalesce(task_status_changed_at, base_updated) IS NOT NULL
              AND NOT 'Updated' = ANY (initially_empty)
        THEN 16 ELSE 0 END
END"""

SPLIT = """
UPDATE cards SET violation_text = (
  SELECT coalesce(string_agg(violation ->> 'message', ' ' ORDER BY place), '')
  FROM jsonb_array_elements(violations) WITH ORDINALITY AS v (violation, place)
)
WHERE violations <> '[]'
"""
JOINED = """
UPDATE cards
SET attention = violation_text
  || CASE WHEN violation_text <> '' AND rejection <> '' THEN ' ' ELSE '' END || rejection
WHERE violation_text <> '' OR rejection <> ''
"""


def upgrade() -> None:
    """Split the text, and compute what differs from its parts."""
    op.drop_column("cards", "drift_mask")  # and its index
    _add_text("violation_text")
    op.execute(SPLIT)
    op.drop_column("cards", "attention")
    _compute(BOTH)


def downgrade() -> None:
    """Join the parts again."""
    op.drop_column("cards", "drift_mask")
    _add_text("attention")
    op.execute(JOINED)
    op.drop_column("cards", "violation_text")
    _compute(FORMERLY_BOTH)


def _add_text(name: str) -> None:
    op.add_column("cards", sa.Column(name, sa.Text(), server_default="", nullable=False))


def _compute(both: str) -> None:
    # A table whose rows wait for a check at the commit cannot be altered.
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    computed = sa.Computed(DRIFT_MASK.format(both=both), persisted=True)
    op.add_column("cards", sa.Column("drift_mask", sa.SmallInteger(), computed, nullable=False))
    op.create_index(
        "ix_cards_drift_mask", "cards", ["drift_mask"], postgresql_where=sa.text("drift_mask <> 0")
    )
