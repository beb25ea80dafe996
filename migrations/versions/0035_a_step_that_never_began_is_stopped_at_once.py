"""A video is stopped at once when the run of its step has not begun.

Its card said for up to ten minutes that a worker was asked to stop.

Revision: 0035, after: 0034
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

BEGIN_STEP: Final = """
CREATE OR REPLACE FUNCTION showrunner.begin_step(task uuid, worker text, of_step text, OUT said text,
  OUT round integer, OUT attempt integer)
LANGUAGE plpgsql SET search_path = {schema}, pg_temp AS $$
#variable_conflict use_column
DECLARE
  before steps;
  begun steps;
BEGIN
  SELECT s.* INTO before FROM steps AS s WHERE s.task_id = task AND s.step = of_step;
  said := showrunner.report(begin_step.task, begin_step.worker, (
    SELECT p.working_column FROM production_steps AS p WHERE p.name = of_step
  ));
  IF said <> 'continue' THEN
    RETURN;
  END IF;
  -- Nothing was heard of its run yet.
  UPDATE leases AS l SET step = of_step, heartbeat_at = l.taken_at WHERE l.task_id = begin_step.task;
  -- Every claim is an attempt, also of a step that is under way on the board already.
  UPDATE steps AS s SET attempts = s.attempts + 1
  WHERE s.task_id = begin_step.task AND s.step = of_step
    AND (s.round, s.attempts) = (before.round, before.attempts);
  SELECT s.* INTO begun FROM steps AS s WHERE s.task_id = begin_step.task AND s.step = of_step;
  round := begun.round;
  attempt := begun.attempts;
END $$
"""

IS_STOPPED_UNBEGUN: Final = """
CREATE FUNCTION showrunner.is_stopped_unbegun(lease leases) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = {schema}, pg_temp AS $$
BEGIN
  RETURN lease.stop_requested_at IS NOT NULL
    AND lease.heartbeat_at = lease.taken_at AND EXISTS (
      SELECT FROM tasks AS t JOIN channels AS c ON c.id = t.channel_id
      WHERE t.id = lease.task_id AND c.producer = 'showrunner'
    );
END $$
"""

RETURN_EXPIRED: Final = """
CREATE OR REPLACE FUNCTION showrunner.return_expired_leases()
RETURNS TABLE (task_id uuid, worker varchar, step varchar, deaths integer, board_status varchar)
LANGUAGE plpgsql SET search_path = {schema}, pg_temp AS $$
#variable_conflict use_column
DECLARE
  moment timestamptz := showrunner_now();
  due uuid;
  task tasks;
  lease leases;
  target text;
  is_given_up boolean;
BEGIN
  FOR due IN
    SELECT l.task_id FROM leases AS l
    WHERE l.worker IS NOT NULL AND (l.until <= moment OR showrunner.is_stopped_unbegun(l))
    ORDER BY l.task_id
  LOOP
    SELECT t.* INTO task FROM tasks AS t WHERE t.id = due FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    SELECT l.* INTO lease FROM leases AS l WHERE l.task_id = due FOR UPDATE;
    -- Prolonged, begun or released meanwhile.
    CONTINUE WHEN lease.worker IS NULL
      OR lease.until > moment AND NOT showrunner.is_stopped_unbegun(lease);
    is_given_up := false;
    IF showrunner.is_stopped(lease) THEN
      target := 'Archived';
    ELSIF task.status NOT IN ('processing', 'approved') THEN
      target := task.board_status;  -- somebody moved it on
    ELSIF lease.deaths >= 2 THEN
      target := 'Error: Manual Review';
      is_given_up := true;
    ELSE
      target := coalesce(lease.returns_to, 'Queued');
    END IF;
    PERFORM showrunner.move(due, 'dispatcher', target);
    UPDATE leases AS l SET
      worker = NULL, until = NULL, step = NULL, stop_requested_at = NULL,
      deaths = lease.deaths + CASE WHEN lease.until <= moment THEN 1 ELSE 0 END,
      attempts = lease.attempts,
      approved_at = CASE WHEN target = lease.returns_to AND target <> 'Queued' THEN moment END,
      failed_as = CASE WHEN is_given_up THEN 'manual_review' END,
      failure = CASE WHEN is_given_up THEN format(
        'Its worker stopped answering %s times in a row, the last one was "%s". Read the worker''s '
        'log, then drag the card to Queued.', lease.deaths + 1, lease.worker
      ) END
    WHERE l.task_id = due;
    RETURN QUERY SELECT due, lease.worker, lease.step,
      lease.deaths + CASE WHEN lease.until <= moment THEN 1 ELSE 0 END, target::varchar;
  END LOOP;
END $$
"""

UNBEGUN: Final = "showrunner.is_stopped_unbegun(leases)"


def upgrade() -> None:
    """Return such a lease with those that expired."""
    schema = _schema()
    for function in (IS_STOPPED_UNBEGUN, RETURN_EXPIRED, BEGIN_STEP):
        op.execute(function.format(schema=schema))
    op.execute(
        f"COMMENT ON FUNCTION {UNBEGUN} IS 'Whether a video of own production is to be stopped whose "
        "run of a step has not begun.'"
    )
    op.execute("SELECT showrunner.grant_workers()")


def downgrade() -> None:
    """Wait for the run, or for the end of its lease."""
    for file, name, signature in (
        ("0023_workers_fail_and_attach.py", "RETURN_EXPIRED", "return_expired_leases()"),
        ("0026_showrunner_claims_steps.py", "BEGIN_STEP", "begin_step(uuid, text, text)"),
    ):
        before = runpy.run_path(str(Path(__file__).with_name(file)))[name]
        op.execute(before.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
        op.execute(f"ALTER FUNCTION showrunner.{signature} SET search_path = {_schema()}, pg_temp")
    op.execute(f"DROP FUNCTION {UNBEGUN}")
    op.execute("SELECT showrunner.grant_workers()")


def _schema() -> str:
    found = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    return str(found)
