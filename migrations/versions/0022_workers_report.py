"""Workers report: `showrunner.heartbeat`, `report` and `finish`.

SQLSTATE SR001: the lease is not the caller's. SR002: a worker may not move a task there. SR003: nobody
approved a gate on the way.

Revision: 0022, after: 0021
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

HELD_LEASE: Final = """
CREATE FUNCTION showrunner.held_lease(task uuid, worker text) RETURNS leases
LANGUAGE plpgsql AS $$
DECLARE
  held leases;
BEGIN
  -- The task first, then its lease: the order of all writers, so that none can deadlock.
  PERFORM FROM tasks AS t WHERE t.id = held_lease.task FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'There is no task %: it was deleted. Claim another one.', task
      USING ERRCODE = 'SR001';
  END IF;
  SELECT l.* INTO held FROM leases AS l WHERE l.task_id = held_lease.task FOR UPDATE;
  IF held_lease.worker IS NULL OR held.worker IS DISTINCT FROM held_lease.worker THEN
    RAISE EXCEPTION 'Worker "%" does not hold the lease of task %: %. Claim another one.',
      held_lease.worker, task, coalesce('"' || held.worker || '" holds it', 'nobody holds it')
      USING ERRCODE = 'SR001';
  END IF;
  RETURN held;
END $$
"""

IS_STOPPED: Final = """
CREATE FUNCTION showrunner.is_stopped(lease leases) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN lease.stop_requested_at IS NOT NULL OR EXISTS (
    SELECT FROM cards AS c WHERE c.task_id = lease.task_id AND c.trashed_at IS NOT NULL
  );
END $$
"""

STOP: Final = """
CREATE FUNCTION showrunner.stop(lease leases) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM showrunner.move(lease.task_id, 'worker:' || lease.worker, 'Archived');
  UPDATE leases AS l
  SET worker = NULL, until = NULL, step = NULL, stop_requested_at = NULL, approved_at = NULL
  WHERE l.task_id = lease.task_id;
END $$
"""

HEARTBEAT: Final = """
CREATE FUNCTION showrunner.heartbeat(
  task uuid, worker text, lease interval DEFAULT '10 minutes'
)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  held leases;
BEGIN
  PERFORM showrunner.check_worker(heartbeat.worker, heartbeat.lease);
  UPDATE leases AS l
  SET heartbeat_at = showrunner_now(), until = showrunner_now() + heartbeat.lease
  WHERE l.task_id = heartbeat.task AND l.worker = heartbeat.worker
  RETURNING l.* INTO held;
  RETURN CASE
    WHEN NOT FOUND THEN 'lost'
    WHEN showrunner.is_stopped(held) THEN 'stop'
    ELSE 'continue'
  END;
END $$
"""

CHECK_GATES: Final = """
CREATE FUNCTION showrunner.check_gates(task uuid, target production_steps) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  gate record;
BEGIN
  -- The nearest gate decides: whoever approved it has seen what earlier ones led to.
  SELECT s.name, s.done_column, coalesce(begun.round, 1) AS round INTO gate
  FROM tasks AS t
  JOIN channels AS c ON c.id = t.channel_id
  JOIN production_steps AS s ON s.name = ANY (c.gates)
  LEFT JOIN steps AS begun ON begun.task_id = t.id AND begun.step = s.name
  WHERE t.id = check_gates.task AND s.position < target.position
  ORDER BY s.position DESC LIMIT 1;
  IF FOUND AND 'approve' IS DISTINCT FROM (
    SELECT r.decision FROM reviews AS r
    WHERE r.task_id = check_gates.task AND r.gate = gate.name AND r.round = gate.round
      AND r.decision IN ('approve', 'reject')
    ORDER BY r.id DESC LIMIT 1
  ) THEN
    RAISE EXCEPTION 'Nobody approved the step "%" (round %) of task % yet: report "%", and a person '
      'decides. Afterwards claim_task gives the task out again.',
      gate.name, gate.round, task, gate.done_column USING ERRCODE = 'SR003';
  END IF;
END $$
"""

ROUND_OF: Final = """
CREATE FUNCTION showrunner.round_of(task uuid, of_step text) RETURNS integer
LANGUAGE plpgsql STABLE AS $$
BEGIN
  -- A rejection at a gate begins anew what leads to it, as far as it is done again.
  RETURN greatest(
    (SELECT s.round FROM steps AS s WHERE s.task_id = round_of.task AND s.step = of_step),
    (
      SELECT 1 + count(*) FROM reviews AS r
      JOIN production_steps AS gate ON gate.name = r.gate
      JOIN production_steps AS s ON s.name = of_step AND s.position <= gate.position
      WHERE r.task_id = round_of.task AND r.decision = 'reject'
    )
  );
END $$
"""

NOTE_STEP: Final = """
CREATE FUNCTION showrunner.note_step(
  task uuid, reported production_steps, is_done boolean, is_entered boolean
)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  moment timestamptz := showrunner_now();
  begun steps;
  this_round integer := showrunner.round_of(task, reported.name);
BEGIN
  SELECT s.* INTO begun FROM steps AS s WHERE s.task_id = task AND s.step = reported.name;
  IF begun.round IS DISTINCT FROM this_round THEN
    INSERT INTO steps (task_id, step, round, started_at)
    VALUES (task, reported.name, this_round, moment)
    ON CONFLICT (task_id, step) DO UPDATE
    SET round = this_round, attempts = 0, started_at = moment, finished_at = NULL
    RETURNING * INTO begun;
  END IF;
  UPDATE steps AS s SET
    state = CASE WHEN is_done THEN 'done' ELSE 'working' END,
    attempts = CASE
      WHEN s.attempts = 0 OR is_entered AND NOT is_done THEN s.attempts + 1
      ELSE s.attempts
    END,
    finished_at = CASE WHEN is_done THEN coalesce(s.finished_at, moment) ELSE s.finished_at END
  WHERE s.task_id = task AND s.step = reported.name;
  IF is_done AND begun.finished_at IS NULL THEN
    UPDATE leases AS l SET deaths = 0, attempts = 0 WHERE l.task_id = task;
  END IF;
END $$
"""

REPORT: Final = """
CREATE FUNCTION showrunner.report(
  task uuid, worker text, board_status text, detail text DEFAULT NULL
)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
  held leases := showrunner.held_lease(report.task, report.worker);
  before tasks;
  after tasks;
  reported production_steps;
  is_done boolean;
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
  IF is_done AND reported.name = ANY ((
    SELECT c.gates FROM channels AS c WHERE c.id = after.channel_id
  )::text[]) OR after.status = 'awaiting_review' THEN
    UPDATE leases AS l SET worker = NULL, until = NULL, step = NULL WHERE l.task_id = after.id;
    RETURN 'waiting';
  END IF;
  RETURN 'continue';
END $$
"""

FINISH: Final = """
CREATE FUNCTION showrunner.finish(task uuid, worker text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  stands_in text;
BEGIN
  SELECT t.board_status INTO stands_in FROM tasks AS t WHERE t.id = finish.task;
  RETURN showrunner.report(finish.task, finish.worker, CASE
    WHEN stands_in IN ('Review Approved', 'Uploading') THEN 'Upload Complete'
    ELSE 'Ready for Review'
  END);
END $$
"""

COMMENTS: Final = {
    "showrunner.finish(uuid, text)": "For workers. The film is ready for review, or, when it was being uploaded, the upload is complete. Releases the lease. Answers waiting, done or stop, as report does.",
    "showrunner.report(uuid, text, text, text)": "For workers. Moves a task to a column of a step. Answers continue; waiting (it stands at a gate, the lease is released); done (it is complete, the lease is released); stop (a person stopped it; it was moved to Archived, the lease is released).",
    "showrunner.note_step(uuid, production_steps, boolean, boolean)": "Records how far a task is with a step. Finishing it for the first time in a round clears attempts and deaths.",
    "showrunner.round_of(uuid, text)": "The round of what a step makes now: 1 and the rejections of it or of what follows from it.",
    "showrunner.check_gates(uuid, production_steps)": "Refuses to go on to a step while the gate before it is not approved in its round.",
    "showrunner.heartbeat(uuid, text, interval)": "For workers. Prolongs a lease. Answers continue, stop (a person stopped the task or trashed its card: report it) or lost (the lease is not yours any more).",
    "showrunner.stop(leases)": "Moves a stopped task to Archived and releases its lease.",
    "showrunner.is_stopped(leases)": "Whether a person stopped the task or trashed its card.",
    "showrunner.held_lease(uuid, text)": "Locks a task and its lease, and refuses whoever does not hold it.",
}
"""What each function does, by its signature."""


def upgrade() -> None:
    """Make the functions."""
    _make(HELD_LEASE, IS_STOPPED, STOP, HEARTBEAT, CHECK_GATES, ROUND_OF, NOTE_STEP, REPORT, FINISH)


def downgrade() -> None:
    """Drop them."""
    for function in COMMENTS:
        op.execute(f"DROP FUNCTION {function}")


def _make(*functions: str) -> None:
    for function in functions:
        op.execute(function)
    # pg_catalog comes first by itself; pg_temp last, so that no temporary table shadows one of ours.
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for function in COMMENTS:
        op.execute(f"ALTER FUNCTION {function} SET search_path = {schema}, pg_temp")
    for function, comment in COMMENTS.items():
        quoted = comment.replace("'", "''").replace(":", r"\:")
        op.execute(f"COMMENT ON FUNCTION {function} IS '{quoted}'")
    op.execute("SELECT showrunner.grant_workers()")
