"""New cards have their dates, and a column that people called Attention stays theirs until there is something to say.

A card without a task has dates of its own (`base_created`, `base_updated`). What differs takes them into account, and
counts what people wrote into Attention before we did as no difference while there is nothing to say.

The triggers find our tables and functions whatever the search path of the session that writes.

Revision: 0006, after: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DATES = ("base_created", "base_updated")

# Frozen as of this revision, like that of 0005.
DIFFERS = """
CASE WHEN trashed_at IS NOT NULL OR first_seen_at IS NULL THEN 0 ELSE
  CASE WHEN status_kept_until IS NULL
        AND shown_status IS DISTINCT FROM coalesce(task_board_status, base_status, shown_status)
        AND NOT (shown_status IS NULL AND 'Status' = ANY (lacking)) THEN 1 ELSE 0 END
+ CASE WHEN shown_priority IS DISTINCT FROM initcap(coalesce(task_priority, base_priority))
        AND NOT (shown_priority IS NULL AND 'Priority' = ANY (lacking)) THEN 2 ELSE 0 END
+ CASE WHEN shown_attention <> coalesce(nullif(
              CASE WHEN refusal <> '' AND refused_at <> task_status_changed_at
                   THEN rtrim(left(attention, -length(refusal)))
                   ELSE attention END, ''),
              CASE WHEN 'Attention' = ANY (lacking) THEN shown_attention ELSE '' END) THEN 4 ELSE 0 END
+ CASE WHEN shown_created AT TIME ZONE 'UTC'
              <> date_trunc('minute', coalesce(task_created_at, base_created) AT TIME ZONE 'UTC')
          OR shown_created IS NULL AND coalesce(task_created_at, base_created) IS NOT NULL
              AND NOT 'Created' = ANY (lacking)
        THEN 8 ELSE 0 END
+ CASE WHEN shown_updated AT TIME ZONE 'UTC'
              <> date_trunc('minute', coalesce(task_status_changed_at, base_updated) AT TIME ZONE 'UTC')
          OR shown_updated IS NULL AND coalesce(task_status_changed_at, base_updated) IS NOT NULL
              AND NOT 'Updated' = ANY (lacking)
        THEN 16 ELSE 0 END
END"""


def upgrade() -> None:
    """What a card shows now is agreed. What is differently computed is computed once, after all that."""
    op.drop_column("cards", "differs")  # and its index
    for name in DATES:
        op.add_column("cards", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.execute("""
        UPDATE cards SET base_created = coalesce(task_created_at, shown_created),
                         base_updated = coalesce(task_status_changed_at, shown_updated)
    """)
    # Cards that were made after the first import did not get their dates till now: as far as the history knows them.
    op.execute("""
        UPDATE cards SET lacking = array_remove(array_remove(lacking, 'Created'), 'Updated')
        WHERE task_id IN (SELECT task_id FROM task_history WHERE action = 'created' AND actor <> 'import')
          AND lacking && ARRAY['Created', 'Updated']
    """)
    _differs(DIFFERS)
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for function in _trigger_functions():
        op.execute(f"ALTER FUNCTION {function} SET search_path = {schema}, pg_temp")


def downgrade() -> None:
    """Nothing is lost that was there before; cards without a task keep the dates that they show."""
    for function in _trigger_functions():
        op.execute(f"ALTER FUNCTION {function} RESET search_path")
    op.drop_column("cards", "differs")
    for name in DATES:
        op.drop_column("cards", name)
    op.execute(
        "UPDATE cards SET lacking = array_remove(lacking, 'Attention') WHERE 'Attention' = ANY (lacking)"
    )
    before = context.script.get_revision(down_revision).module
    _differs(before.DIFFERS.format(kept=before.KEPT))


def _differs(expression: str) -> None:
    op.execute(
        "SET CONSTRAINTS ALL IMMEDIATE"
    )  # a table whose rows wait for a check at the commit cannot be altered
    computed = sa.Computed(expression, persisted=True)
    op.add_column("cards", sa.Column("differs", sa.SmallInteger(), computed, nullable=False))
    op.create_index(
        "ix_cards_differs", "cards", ["differs"], postgresql_where=sa.text("differs <> 0")
    )


def _trigger_functions() -> list[str]:
    found = op.get_bind().execute(
        sa.text(
            "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = current_schema()::regnamespace "
            "AND prorettype = 'trigger'::regtype AND starts_with(proname, 'showrunner_')"
        )
    )
    return list(found.scalars())
