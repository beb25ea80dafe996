"""A card's row says by itself what differs from the board, so that an idle cycle reads an empty index.

`cards` gets copies of what a card shows of its task, kept by triggers whoever writes the task, and a column that
PostgreSQL computes from the row; only cards that differ are in its index. Dead events get an index too.

A lock order follows: a write of a task locks the task, then its card (`models.sync.row_locks`).

Revision: 0004, after: 0003
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COPIES: dict[str, sa.types.TypeEngine[Any]] = {
    "task_board_status": sa.String(50),
    "task_priority": sa.String(50),
    "task_created_at": sa.DateTime(timezone=True),
    "task_status_changed_at": sa.DateTime(timezone=True),
}
"""By column: its type; its name is that of the task's column after `task_`."""

# Frozen as of this revision, like the vocabulary of 0002.
DIFFERS = """
CASE WHEN trashed_at IS NOT NULL OR first_seen_at IS NULL THEN 0 ELSE
  CASE WHEN shown_status IS DISTINCT FROM coalesce(task_board_status, base_status, shown_status)
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


def upgrade() -> None:
    """Copy, then compute, then keep: the copying is done before anything is computed for each of its writes."""
    for name, kind in COPIES.items():
        op.add_column("cards", sa.Column(name, kind, nullable=True))
    copied = ", ".join(f"{name} = t.{name.removeprefix('task_')}" for name in COPIES)
    op.execute(f"UPDATE cards c SET {copied} FROM tasks t WHERE t.id = c.task_id")
    op.add_column(
        "cards",
        sa.Column(
            "differs", sa.SmallInteger(), sa.Computed(DIFFERS, persisted=True), nullable=False
        ),
    )
    op.create_index(
        "ix_cards_differs", "cards", ["differs"], postgresql_where=sa.text("differs <> 0")
    )
    op.create_index(
        "ix_webhook_events_dead_at",
        "webhook_events",
        ["dead_at"],
        postgresql_where=sa.text("dead_at IS NOT NULL"),
    )
    # FOR SHARE, so that a card never takes over what another transaction is just replacing.
    op.execute("""
        CREATE FUNCTION showrunner_take_task_over() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          SELECT board_status, priority, created_at, status_changed_at
          INTO NEW.task_board_status, NEW.task_priority, NEW.task_created_at, NEW.task_status_changed_at
          FROM tasks WHERE id = NEW.task_id FOR SHARE;
          RETURN NEW;
        END $$
    """)
    op.execute(f"""
        CREATE TRIGGER take_task_over BEFORE INSERT OR UPDATE OF task_id, {", ".join(COPIES)} ON cards
        FOR EACH ROW EXECUTE FUNCTION showrunner_take_task_over()
    """)
    op.execute("""
        CREATE FUNCTION showrunner_show_on_card() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          UPDATE cards SET task_id = task_id WHERE task_id = NEW.id;
          RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER show_new_on_card AFTER INSERT ON tasks
        FOR EACH ROW EXECUTE FUNCTION showrunner_show_on_card()
    """)
    op.execute("""
        CREATE TRIGGER show_on_card AFTER UPDATE ON tasks FOR EACH ROW
        WHEN ((OLD.id, OLD.board_status, OLD.priority, OLD.created_at, OLD.status_changed_at)
              IS DISTINCT FROM (NEW.id, NEW.board_status, NEW.priority, NEW.created_at, NEW.status_changed_at))
        EXECUTE FUNCTION showrunner_show_on_card()
    """)


def downgrade() -> None:
    """Nothing is lost: all of it is computed."""
    op.execute("DROP TRIGGER show_on_card ON tasks")
    op.execute("DROP TRIGGER show_new_on_card ON tasks")
    op.execute("DROP TRIGGER take_task_over ON cards")
    op.execute("DROP FUNCTION showrunner_show_on_card()")
    op.execute("DROP FUNCTION showrunner_take_task_over()")
    op.drop_index("ix_webhook_events_dead_at", table_name="webhook_events")
    op.drop_index("ix_cards_differs", table_name="cards")
    op.drop_column("cards", "differs")
    for name in COPIES:
        op.drop_column("cards", name)
