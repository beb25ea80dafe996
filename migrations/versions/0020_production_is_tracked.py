"""Triggers follow a task's production, and a schema `showrunner` takes up what workers may call.

The role `showrunner_worker` may call the functions that are meant for workers, and do nothing else. A
user who may not make roles gets a notice, and docs/workers.md says what to do then.

Revision: 0020, after: 0019
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

GRANT_WORKERS: Final = """
CREATE FUNCTION showrunner.grant_workers() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  callable regprocedure;
BEGIN
  REVOKE ALL ON ALL FUNCTIONS IN SCHEMA showrunner FROM PUBLIC;
  IF to_regrole('showrunner_worker') IS NULL THEN
    BEGIN
      CREATE ROLE showrunner_worker NOLOGIN;
    EXCEPTION
      WHEN insufficient_privilege THEN
        RAISE NOTICE 'The role showrunner_worker is missing, and % may not make it. As a superuser: '
          'CREATE ROLE showrunner_worker NOLOGIN; then, as %: SELECT showrunner.grant_workers();',
          current_user, current_user;
        RETURN;
      WHEN duplicate_object OR unique_violation THEN
        NULL;  -- another database of this server was migrated at the same moment
    END;
  END IF;
  GRANT USAGE ON SCHEMA showrunner TO showrunner_worker;
  FOR callable IN
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = 'showrunner'::regnamespace
      AND proname IN ('claim_task', 'heartbeat', 'report', 'fail', 'attach', 'finish')
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO showrunner_worker', callable);
  END LOOP;
END $$
"""

CHECK_WORKER: Final = """
CREATE FUNCTION showrunner.check_worker(worker text, lease interval) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF worker IS NULL OR showrunner_is_blank(worker) OR length(worker) > 100 THEN
    RAISE EXCEPTION 'A worker has a name of 1 to 100 characters; give each process one of its own.'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF lease IS NULL OR lease < interval '5 seconds' OR lease > interval '6 hours' THEN
    RAISE EXCEPTION 'A lease lasts between 5 seconds and 6 hours; prolong it with heartbeats.'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
END $$
"""

MOVE: Final = """
CREATE FUNCTION showrunner.move(task uuid, actor text, target text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  before text := current_setting('showrunner.actor', true);
BEGIN
  PERFORM set_config('showrunner.actor', left(actor, 120), true);
  UPDATE tasks SET board_status = target WHERE id = task AND tasks.board_status <> target;
  PERFORM set_config('showrunner.actor', coalesce(before, ''), true);
END $$
"""

# A move away from a gate is a decision. Whoever decides inserts the row before the move.
RECORD_REVIEW: Final = """
CREATE FUNCTION showrunner.record_review(before tasks, now_at tasks) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  actor text := coalesce(nullif(current_setting('showrunner.actor', true), ''), 'pipeline');
  gate production_steps;
  gate_round integer;
  decided text;
  given reviews;
BEGIN
  SELECT s.* INTO gate FROM production_steps AS s JOIN channels AS c ON s.name = ANY (c.gates)
  WHERE c.id = now_at.channel_id AND (
    s.done_column = before.board_status
    OR s.name = 'assembly' AND before.board_status = 'Under Review'
  );
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  decided := CASE
    WHEN now_at.board_status = 'Review Approved' THEN 'approve'
    WHEN EXISTS (
      SELECT FROM production_steps AS s
      WHERE now_at.board_status IN (s.working_column, s.done_column) AND s.position > gate.position
    ) THEN 'approve'
    WHEN now_at.board_status IN ('Review Rejected', 'Queued') THEN 'reject'
    WHEN now_at.board_status = 'Archived' THEN 'stop'
  END;
  IF decided IS NULL THEN
    RETURN NULL;
  END IF;
  SELECT coalesce(max(s.round), 1) INTO gate_round FROM steps AS s
  WHERE s.task_id = now_at.id AND s.step = gate.name;
  SELECT r.* INTO given FROM reviews AS r
  WHERE r.task_id = now_at.id AND r.gate = gate.name AND r.round = gate_round
    AND r.decision = decided AND r.at >= before.status_changed_at
  ORDER BY r.id DESC LIMIT 1;
  IF NOT FOUND THEN
    INSERT INTO reviews (at, task_id, task_title, gate, round, decision, actor, through)
    VALUES (
      showrunner_now(), now_at.id, now_at.title, gate.name, gate_round, decided, actor,
      CASE
        WHEN actor LIKE 'person:%' OR actor = 'import' THEN 'board'
        WHEN actor LIKE 'operator%' THEN 'command'
        ELSE 'sql'
      END
    )
    RETURNING * INTO given;
  END IF;
  -- Whoever moves it by plain SQL goes on with it; everybody else leaves it to a worker.
  RETURN CASE WHEN given.through <> 'sql' THEN decided END;
END $$
"""

TRACK: Final = """
CREATE FUNCTION showrunner_tasks_track_production() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  released boolean := NEW.status <> 'processing' AND NEW.board_status <> 'Archived';
  waits_for_worker boolean := false;
  stopped boolean;
  event text;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    waits_for_worker := showrunner.record_review(OLD, NEW) = 'approve' AND NEW.status = 'processing';
    UPDATE leases SET
      worker = CASE WHEN NOT released THEN worker END,
      until = CASE WHEN NOT released THEN until END,
      step = CASE WHEN NOT released THEN step END,
      deaths = CASE WHEN NEW.status = 'pending' THEN 0 ELSE deaths END,
      attempts = CASE WHEN NEW.status = 'pending' THEN 0 ELSE attempts END,
      stop_requested_at = CASE
        WHEN released THEN NULL
        WHEN NEW.board_status = 'Archived' AND worker IS NOT NULL
          THEN coalesce(stop_requested_at, showrunner_now())
        ELSE stop_requested_at
      END,
      approved_at = CASE WHEN waits_for_worker THEN showrunner_now() END,
      next_attempt_at = NULL, failed_as = NULL, failure = NULL
    WHERE task_id = NEW.id
    RETURNING worker IS NOT NULL INTO stopped;
    IF waits_for_worker AND NOT FOUND THEN
      INSERT INTO leases (task_id, approved_at) VALUES (NEW.id, showrunner_now());
    END IF;
  END IF;
  event := CASE
    WHEN NEW.status = 'pending' THEN 'pending'
    WHEN NEW.status = 'approved' OR waits_for_worker THEN 'approved'
    WHEN NEW.board_status = 'Archived' AND stopped THEN 'stopped'
  END;
  IF event IS NOT NULL THEN
    PERFORM pg_notify(
      'showrunner_tasks', json_build_object('task', NEW.id, 'event', event)::text
    );
  END IF;
  RETURN NULL;
END $$
"""

STOP: Final = """
CREATE FUNCTION showrunner_cards_stop_production() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  UPDATE leases SET stop_requested_at = coalesce(stop_requested_at, NEW.trashed_at)
  WHERE task_id = NEW.task_id AND worker IS NOT NULL;
  IF FOUND THEN
    PERFORM pg_notify(
      'showrunner_tasks', json_build_object('task', NEW.task_id, 'event', 'stopped')::text
    );
  END IF;
  RETURN NULL;
END $$
"""

TRIGGERS: Final = """
CREATE TRIGGER tasks_track_production_on_insert AFTER INSERT ON tasks
FOR EACH ROW WHEN (NEW.status IN ('pending', 'approved'))
EXECUTE FUNCTION showrunner_tasks_track_production();
CREATE TRIGGER tasks_track_production_on_update AFTER UPDATE ON tasks
FOR EACH ROW WHEN (NEW.board_status IS DISTINCT FROM OLD.board_status)
EXECUTE FUNCTION showrunner_tasks_track_production();
CREATE TRIGGER cards_stop_production AFTER UPDATE OF trashed_at ON cards
FOR EACH ROW
WHEN (OLD.trashed_at IS NULL AND NEW.trashed_at IS NOT NULL AND NEW.task_id IS NOT NULL)
EXECUTE FUNCTION showrunner_cards_stop_production()
"""
"""PostgreSQL fires the triggers of a table in the order of their names: a task's card is locked
before its lease, as when a card is trashed."""

COMMENTS: Final = {
    "showrunner.grant_workers()": "Makes the role showrunner_worker if it is missing, and lets it call the "
    "functions for workers.",
    "showrunner.check_worker(text, interval)": "Refuses a worker without a name, or a lease out of bounds.",
    "showrunner.move(uuid, text, text)": "Moves a task to a column, under that name in the history.",
    "showrunner.record_review(tasks, tasks)": "Records the decision that a move away from a gate is, unless "
    "it is recorded; returns it unless it was made by plain SQL.",
    "showrunner_tasks_track_production()": "Keeps the task's lease right whoever moves it, and wakes workers.",
    "showrunner_cards_stop_production()": "Asks whoever works on a task to stop when its card is trashed.",
}
"""What each function does, by its signature."""


def upgrade() -> None:
    """Make schema, functions, triggers and role."""
    op.execute("""
        DO $$ BEGIN
          IF to_regnamespace('showrunner') IS NULL THEN
            CREATE SCHEMA showrunner;
          END IF;
        END $$
    """)
    op.execute(
        "COMMENT ON SCHEMA showrunner IS 'What pipeline workers may call (docs/workers.md).'"
    )
    _make(GRANT_WORKERS, CHECK_WORKER, MOVE, RECORD_REVIEW, TRACK, STOP)
    op.execute(TRIGGERS)


def downgrade() -> None:
    """Drop them. The role stays, since other databases of the server may use it."""
    op.execute("DROP TRIGGER cards_stop_production ON cards")
    op.execute("DROP TRIGGER tasks_track_production_on_update ON tasks")
    op.execute("DROP TRIGGER tasks_track_production_on_insert ON tasks")
    for function in COMMENTS:
        op.execute(f"DROP FUNCTION {function}")
    op.execute("""
        DO $$ BEGIN
          IF to_regrole('showrunner_worker') IS NOT NULL THEN
            REVOKE ALL ON SCHEMA showrunner FROM showrunner_worker;
          END IF;
          DROP SCHEMA showrunner;
        EXCEPTION
          WHEN dependent_objects_still_exist THEN NULL;  -- it holds something that is not ours
        END $$
    """)


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
