"""A gate is passed at once when nothing differs from the round that was approved.

A rejected film begins a new round of every step, and people were asked about composites again that
they had approved, although not one of them had changed.

Revision: 0033, after: 0032
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

WAS_APPROVED_ALIKE: Final = """
CREATE FUNCTION showrunner.was_approved_alike(task tasks, gate production_steps)
RETURNS boolean LANGUAGE plpgsql SET search_path = {schema}, pg_temp AS $$
DECLARE
  now_round integer := showrunner.round_of(task.id, gate.name);
  approved integer;
BEGIN
  SELECT max(r.round) INTO approved FROM reviews AS r
  WHERE r.task_id = task.id AND r.gate = gate.name AND r.decision = 'approve'
    AND r.round < now_round;
  IF approved IS NULL OR NOT EXISTS (
    SELECT FROM pieces AS p
    WHERE p.task_id = task.id AND p.kind = gate.piece AND p.round = now_round
  ) OR EXISTS (
    SELECT FROM (SELECT * FROM pieces AS p
      WHERE p.task_id = task.id AND p.kind = gate.piece AND p.round = now_round) AS made
    FULL JOIN (SELECT * FROM pieces AS p
      WHERE p.task_id = task.id AND p.kind = gate.piece AND p.round = approved) AS seen
      USING (position)
    WHERE made.sha256 = seen.sha256 IS NOT TRUE
  ) THEN
    RETURN false;
  END IF;
  INSERT INTO reviews (at, task_id, task_title, gate, round, decision, actor, through, note)
  VALUES (
    showrunner_now(), task.id, task.title, gate.name, now_round, 'approve', 'showrunner', 'sql',
    format('Nothing differs from round %s, which was approved.', approved)
  );
  RETURN true;
END $$
"""

REPORT: Final = """
CREATE OR REPLACE FUNCTION showrunner.report(
  task uuid, worker text, board_status text, detail text DEFAULT NULL
)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
#variable_conflict use_column
DECLARE
  held leases := showrunner.held_lease(report.task, report.worker);
  before tasks;
  after tasks;
  reported production_steps;
  is_done boolean;
  is_gate boolean;
BEGIN
  IF showrunner.is_stopped(held) THEN
    PERFORM showrunner.stop(held);
    RETURN 'stop';
  END IF;
  SELECT t.* INTO before FROM tasks AS t WHERE t.id = report.task;
  SELECT s.* INTO reported FROM production_steps AS s
  WHERE report.board_status IN (s.working_column, s.done_column);
  is_done := reported.done_column = report.board_status;
  IF reported.name IS NULL AND report.board_status IS DISTINCT FROM 'Processing' THEN
    RAISE EXCEPTION 'A worker reports Processing or the column of a step (%), not "%". Use fail() for '
      'an error.', (
        SELECT string_agg(s.working_column || ', ' || s.done_column, ', ' ORDER BY s.position)
        FROM production_steps AS s
      ), report.board_status USING ERRCODE = 'SR002';
  END IF;
  IF before.status = 'approved' AND reported.name IS DISTINCT FROM 'upload' THEN
    RAISE EXCEPTION 'The film of task % is approved: report Uploading, not "%".', before.id,
      report.board_status USING ERRCODE = 'SR002';
  END IF;
  PERFORM showrunner.check_gates(before.id, reported);
  PERFORM showrunner.move(before.id, 'worker:' || report.worker, report.board_status);
  SELECT t.* INTO after FROM tasks AS t WHERE t.id = before.id;
  IF reported.name IS NOT NULL THEN
    PERFORM showrunner.note_step(
      after.id, reported, is_done, before.board_status <> after.board_status
    );
  END IF;
  UPDATE leases AS l SET heartbeat_at = showrunner_now(), detail = left(report.detail, 1000)
  WHERE l.task_id = after.id;
  IF after.status = 'completed' THEN
    RETURN 'done';
  END IF;
  is_gate := is_done AND reported.name = ANY ((
    SELECT c.gates FROM channels AS c WHERE c.id = after.channel_id
  )::text[]);
  IF after.status = 'awaiting_review'
    OR is_gate AND NOT showrunner.was_approved_alike(after, reported)
  THEN
    UPDATE leases AS l SET worker = NULL, until = NULL, step = NULL WHERE l.task_id = after.id;
    RETURN 'waiting';
  END IF;
  RETURN 'continue';
END $$
"""

ALIKE: Final = "showrunner.was_approved_alike(tasks, production_steps)"


def upgrade() -> None:
    """Ask nobody about a gate whose pieces are those of the round that was approved."""
    schema = _schema()
    for function in (WAS_APPROVED_ALIKE, REPORT):
        op.execute(function.format(schema=schema))
    op.execute(
        f"COMMENT ON FUNCTION {ALIKE} IS 'Approves a gate again if its pieces are those of the last "
        "approved round; false if somebody must look.'"
    )
    op.execute(
        "COMMENT ON COLUMN reviews.through IS "
        "'board, http, command; sql for a plain UPDATE or a function of the database.'"
    )
    op.execute("SELECT showrunner.grant_workers()")


def downgrade() -> None:
    """Ask in every round."""
    before = runpy.run_path(str(Path(__file__).with_name("0022_workers_report.py")))["REPORT"]
    op.execute(before.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    signature = "showrunner.report(uuid, text, text, text)"
    op.execute(f"ALTER FUNCTION {signature} SET search_path = {_schema()}, pg_temp")
    op.execute(f"DROP FUNCTION {ALIKE}")
    op.execute(
        "COMMENT ON COLUMN reviews.through IS 'board, http, command; sql for a plain UPDATE.'"
    )
    op.execute("SELECT showrunner.grant_workers()")


def _schema() -> str:
    found = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    return str(found)
