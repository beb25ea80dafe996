"""Triggers are named for what they do, and work for a role that may write nothing but tasks.

A trigger of `tasks` runs with the rights of the tables' owner, because it also writes `cards` and
`task_history`. Every function has a search path of its own, so that no session's can mislead it.

Revision: 0014, after: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

FUNCTIONS = {
    "guard_task": "tasks_guard_columns",
    "keep_task": "tasks_normalize_status",
    "record_task": "tasks_audit",
    "take_task_over": "cards_copy_task",
    "show_on_card": "tasks_refresh_card",
    "append_only": "task_history_append_only",
}
TRIGGERS = (
    ("tasks", "guard_task", "tasks_guard_columns"),
    ("tasks", "keep_task", "tasks_normalize_status"),
    ("tasks", "record_task", "tasks_audit"),
    ("tasks", "show_new_on_card", "tasks_refresh_card_on_insert"),
    ("tasks", "show_on_card", "tasks_refresh_card_on_update"),
    ("cards", "take_task_over", "cards_copy_task"),
    ("task_history", "append_only", "task_history_append_only"),
    ("task_history", "append_only_truncate", "task_history_append_only_truncate"),
)
"""Table, old and new name. PostgreSQL fires the triggers of a table in the order of their names:
a task's columns are guarded before its statuses are completed."""
WITH_OWNERS_RIGHTS = (
    "tasks_guard_columns()",
    "tasks_normalize_status()",
    "tasks_audit()",
    "tasks_refresh_card()",
)
SEARCHED_ELSEWHERE = ("now()", "is_blank(text)")
"""Functions that had no search path of their own."""

REFRESH = """
CREATE OR REPLACE FUNCTION showrunner_tasks_refresh_card() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE cards
  SET task_board_status = NEW.board_status,
      task_priority = NEW.priority,
      task_created_at = NEW.created_at,
      task_status_changed_at = NEW.status_changed_at
  WHERE task_id = NEW.id;
  RETURN NULL;
END $$
"""
FORMER_REFRESH = """
CREATE OR REPLACE FUNCTION showrunner_show_on_card() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE cards SET task_id = task_id WHERE task_id = NEW.id;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    """Rename, and give rights and search paths."""
    for table, old, new in TRIGGERS:
        op.execute(f"ALTER TRIGGER {old} ON {table} RENAME TO {new}")
    for old, new in FUNCTIONS.items():
        op.execute(f"ALTER FUNCTION showrunner_{old}() RENAME TO showrunner_{new}")
    op.execute(REFRESH)
    for function in WITH_OWNERS_RIGHTS:
        op.execute(f"ALTER FUNCTION showrunner_{function} SECURITY DEFINER")
    _set_search_path("tasks_refresh_card()", *SEARCHED_ELSEWHERE)


def downgrade() -> None:
    """The former names, and the rights of whoever writes."""
    for function in SEARCHED_ELSEWHERE:
        op.execute(f"ALTER FUNCTION showrunner_{function} RESET search_path")
    for function in WITH_OWNERS_RIGHTS:
        op.execute(f"ALTER FUNCTION showrunner_{function} SECURITY INVOKER")
    for old, new in FUNCTIONS.items():
        op.execute(f"ALTER FUNCTION showrunner_{new}() RENAME TO showrunner_{old}")
    for table, old, new in TRIGGERS:
        op.execute(f"ALTER TRIGGER {new} ON {table} RENAME TO {old}")
    op.execute(FORMER_REFRESH)
    _set_search_path("show_on_card()")


def _set_search_path(*functions: str) -> None:
    # pg_catalog comes first by itself; pg_temp last, so that no temporary table shadows one of ours.
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for function in functions:
        op.execute(f"ALTER FUNCTION showrunner_{function} SET search_path = {schema}, pg_temp")
