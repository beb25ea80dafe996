"""The times of a task are possible ones: since 2000, and not later than tomorrow.

A move stamped in a later year would be the newest one until then, and PostgreSQL's `infinity` and
years before Christ cannot be read by Python. An impossible time that is there becomes the time of
the migration.

Revision: 0029, after: 0028
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

CHECK = """
CREATE FUNCTION showrunner_tasks_check_times() RETURNS trigger LANGUAGE plpgsql
SET search_path = {schema}, pg_temp AS $$
DECLARE
  earliest constant timestamptz := '2000-01-01 00:00:00+00';
  latest constant timestamptz := greatest(showrunner_now(), clock_timestamp()) + interval '1 day';
  written record;
BEGIN
  FOR written IN
    SELECT name, moment FROM (VALUES
      ('created_at', NEW.created_at, OLD.created_at),
      ('updated_at', NEW.updated_at, OLD.updated_at),
      ('status_changed_at', NEW.status_changed_at, OLD.status_changed_at)
    ) AS times (name, moment, former)
    WHERE moment IS DISTINCT FROM former AND moment NOT BETWEEN earliest AND latest
  LOOP
    RAISE EXCEPTION 'tasks.% is a time from the year 2000 to tomorrow; not %. Leave it out: the '
      'database sets it', written.name, written.moment USING ERRCODE = 'check_violation';
  END LOOP;
  RETURN NEW;
END $$
"""
TRIGGER = """
CREATE TRIGGER tasks_check_times BEFORE INSERT OR UPDATE OF created_at, updated_at, status_changed_at
ON tasks FOR EACH ROW EXECUTE FUNCTION showrunner_tasks_check_times()
"""
TIMES = ("created_at", "updated_at", "status_changed_at")
IMPOSSIBLE = "{name} NOT BETWEEN '2000-01-01 00:00:00+00' AND clock_timestamp() + interval '1 day'"


def upgrade() -> None:
    """Correct times of a task that cannot be, and refuse them from now on."""
    for name in TIMES:
        op.execute(
            f"UPDATE tasks SET {name} = clock_timestamp() WHERE {IMPOSSIBLE.format(name=name)}"
        )
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(CHECK.format(schema=schema))
    op.execute(TRIGGER)
    op.execute(
        "COMMENT ON FUNCTION showrunner_tasks_check_times() IS "
        "'Refuses times of a task before the year 2000 and after tomorrow.'"
    )


def downgrade() -> None:
    """Accept any time."""
    op.execute("DROP TRIGGER tasks_check_times ON tasks")
    op.execute("DROP FUNCTION showrunner_tasks_check_times()")
