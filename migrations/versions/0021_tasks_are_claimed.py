"""Workers claim tasks: `showrunner.claim_task`.

It runs with the rights of the tables' owner.

Revision: 0021, after: 0020
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

IS_REACHED: Final = """
CREATE FUNCTION showrunner.is_reached(budget numeric, spent numeric) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  -- Nothing was spent yet of a budget of 0: what costs nothing may be made.
  RETURN budget IS NOT NULL AND spent > 0 AND spent >= budget;
END $$
"""

IS_CLAIMABLE: Final = """
CREATE FUNCTION showrunner.is_claimable(task uuid, budget numeric, moment timestamptz)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
  spent numeric;
BEGIN
  IF EXISTS (
    SELECT FROM leases AS l
    WHERE l.task_id = task
      AND (l.worker IS NOT NULL OR l.stop_requested_at IS NOT NULL OR l.next_attempt_at > moment)
  ) OR EXISTS (
    SELECT FROM cards AS c
    WHERE c.task_id = task
      AND (c.trashed_at IS NOT NULL OR c.missing_at IS NOT NULL OR c.violation_text <> '')
  ) THEN
    RETURN false;
  END IF;
  IF budget IS NULL THEN
    RETURN true;
  END IF;
  SELECT coalesce(sum(s.counted), 0) INTO spent FROM spends AS s WHERE s.task_id = task;
  RETURN NOT showrunner.is_reached(budget, spent);
END $$
"""

IS_PAUSED: Final = """
CREATE FUNCTION showrunner.is_paused(moment timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
  budget numeric;
  spent numeric;
BEGIN
  IF EXISTS (
    SELECT FROM incidents AS i
    WHERE i.name IN ('safety_stop:moves', 'safety_stop:gone') AND i.ended_at IS NULL
  ) THEN
    RETURN true;
  END IF;
  SELECT (value ->> 'usd')::numeric INTO budget FROM sync_state
  WHERE key = 'production_daily_budget';
  IF budget IS NULL THEN
    RETURN false;
  END IF;
  SELECT coalesce(sum(s.counted), 0) INTO spent FROM spends AS s
  WHERE s.at >= date_trunc('day', moment, 'UTC');
  RETURN showrunner.is_reached(budget, spent);
END $$
"""

# The best task of each channel comes from an index, so the number of waiting tasks costs nothing.
# OFFSET 0 keeps the planner from joining all tasks to the few leases.
NEXT_TASK: Final = """
CREATE FUNCTION showrunner.next_task(channels text[], skipped uuid[], moment timestamptz)
RETURNS uuid LANGUAGE plpgsql STABLE AS $$
DECLARE
  best_one uuid;
BEGIN
  SELECT best.id INTO best_one
  FROM channels AS c
  CROSS JOIN LATERAL (
    (
      SELECT t.id, t.status_changed_at,
        (CASE t.priority WHEN 'high' THEN 0 WHEN 'normal' THEN 1 ELSE 2 END) AS rank
      FROM tasks AS t
      WHERE t.channel_id = c.id AND t.status IN ('pending', 'approved')
        AND t.id <> ALL (next_task.skipped)
        AND showrunner.is_claimable(t.id, c.budget_video, next_task.moment)
      ORDER BY (CASE t.priority WHEN 'high' THEN 0 WHEN 'normal' THEN 1 ELSE 2 END),
        t.status_changed_at, t.id
      LIMIT 1
    )
    UNION ALL
    (
      SELECT t.id, t.status_changed_at,
        (CASE t.priority WHEN 'high' THEN 0 WHEN 'normal' THEN 1 ELSE 2 END) AS rank
      FROM leases AS l
      CROSS JOIN LATERAL (SELECT * FROM tasks WHERE tasks.id = l.task_id OFFSET 0) AS t
      WHERE l.approved_at IS NOT NULL AND l.worker IS NULL
        AND t.channel_id = c.id AND t.status = 'processing'
        AND t.id <> ALL (next_task.skipped)
        AND showrunner.is_claimable(t.id, c.budget_video, next_task.moment)
      ORDER BY rank, t.status_changed_at, t.id
      LIMIT 1
    )
  ) AS best
  WHERE c.configured AND c.producer = 'workers'
    AND (next_task.channels IS NULL OR c.id = ANY (next_task.channels))
    AND (c.at_once IS NULL OR c.at_once > (
      SELECT count(*) FROM leases AS l
      WHERE l.worker IS NOT NULL
        AND (SELECT t.channel_id FROM tasks AS t WHERE t.id = l.task_id) = c.id
    ))
    AND (c.budget_month IS NULL OR NOT showrunner.is_reached(c.budget_month, (
      SELECT coalesce(sum(s.counted), 0) FROM spends AS s
      WHERE s.channel_id = c.id AND s.at >= date_trunc('month', next_task.moment, 'UTC')
    )))
  ORDER BY best.rank, c.served_at NULLS FIRST, best.status_changed_at, best.id
  LIMIT 1;
  RETURN best_one;
END $$
"""

CLAIM_TASK: Final = """
CREATE FUNCTION showrunner.claim_task(
  worker text, lease interval DEFAULT '10 minutes', channels text[] DEFAULT NULL
)
RETURNS TABLE (
  task_id uuid, title varchar, channel_id varchar, topic varchar, story_direction text,
  priority varchar, board_status varchar, attempt integer, lease_until timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
  moment timestamptz;
  skipped uuid[] := '{}';
  chosen uuid;
  task tasks;
  taken leases;
BEGIN
  PERFORM showrunner.check_worker(claim_task.worker, claim_task.lease);
  PERFORM pg_advisory_xact_lock(7236017);  -- claims are served one after the other
  moment := showrunner_now();
  IF showrunner.is_paused(moment) THEN
    RETURN;
  END IF;
  LOOP
    chosen := showrunner.next_task(claim_task.channels, skipped, moment);
    IF chosen IS NULL THEN
      RETURN;
    END IF;
    SELECT * INTO task FROM tasks AS t WHERE t.id = chosen FOR UPDATE SKIP LOCKED;
    -- Whoever had locked it may have moved it: ask again, now that nobody else can.
    EXIT WHEN FOUND
      AND chosen = showrunner.next_task(ARRAY[task.channel_id]::text[], skipped, moment);
    skipped := skipped || chosen;
  END LOOP;
  UPDATE channels AS c
  SET served_at = greatest(
    moment, (SELECT max(served_at) FROM channels) + interval '1 microsecond'
  )
  WHERE c.id = task.channel_id;
  IF task.status = 'pending' THEN
    PERFORM showrunner.move(task.id, 'worker:' || claim_task.worker, 'Processing');
  END IF;
  INSERT INTO leases AS l (task_id, worker, taken_at, until, heartbeat_at, returns_to)
  VALUES (task.id, claim_task.worker, moment, moment + claim_task.lease, moment, task.board_status)
  ON CONFLICT (task_id) DO UPDATE SET
    worker = excluded.worker, taken_at = excluded.taken_at, until = excluded.until,
    heartbeat_at = excluded.heartbeat_at, returns_to = excluded.returns_to,
    step = NULL, detail = NULL, next_attempt_at = NULL, approved_at = NULL,
    failed_as = NULL, failure = NULL
  RETURNING * INTO taken;
  RETURN QUERY
    SELECT t.id, t.title, t.channel_id, t.topic, t.story_direction, t.priority, t.board_status,
      taken.attempts + taken.deaths + 1, taken.until
    FROM tasks AS t WHERE t.id = task.id;
END $$
"""

COMMENTS: Final = {
    "showrunner.claim_task(text, interval, text[])": "For workers. Takes the next task: by priority, then of "
    "the channel served least recently, then the oldest. No row when nothing waits. A task from "
    "Queued moves to Processing; an approved one keeps its column, which says what to do next.",
    "showrunner.next_task(text[], uuid[], timestamptz)": "The task that is taken next, but for those skipped.",
    "showrunner.is_paused(timestamptz)": "Whether no task is given out at all: a safety stop is open, or the "
    "budget of the day is used up.",
    "showrunner.is_claimable(uuid, numeric, timestamptz)": "Whether nothing about the task itself forbids to "
    "take it: a lease, a stop, a later attempt, its card, its budget.",
    "showrunner.is_reached(numeric, numeric)": "Whether a budget is used up.",
}
"""What each function does, by its signature."""


def upgrade() -> None:
    """Make the functions."""
    _make(IS_REACHED, IS_CLAIMABLE, IS_PAUSED, NEXT_TASK, CLAIM_TASK)


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
