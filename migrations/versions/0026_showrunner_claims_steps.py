"""Showrunner's own production claims steps: `showrunner.claim_step` and what belongs to it.

`claim_task` and `claim_step` share one queue. None of the new functions is granted to workers.

Revision: 0026, after: 0025
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# Own production works on a step at a time. Between two steps its videos wait with `approved_at`, and
# those that wait for jobs of a service keep their `step`. Both count as in work when a new video is
# to begin; a video that is in work already waits for a free place only.
NEXT_TASK: Final = """
CREATE FUNCTION showrunner.next_task(
  channels text[], skipped uuid[], moment timestamptz, producer text, uploads text[]
)
RETURNS uuid LANGUAGE plpgsql STABLE AS $$
DECLARE
  best_one uuid;
BEGIN
  SELECT best.id INTO best_one
  FROM channels AS c
  CROSS JOIN LATERAL (
    (
      SELECT t.id, t.status_changed_at, t.status = 'pending' AS begins,
        (CASE t.priority WHEN 'high' THEN 0 WHEN 'normal' THEN 1 ELSE 2 END) AS rank
      FROM tasks AS t
      WHERE t.channel_id = c.id AND t.status IN ('pending', 'approved')
        AND (t.status = 'pending' OR c.producer = 'workers' OR c.id = ANY (next_task.uploads))
        AND t.id <> ALL (next_task.skipped)
        AND showrunner.is_claimable(t.id, c.budget_video, next_task.moment)
      ORDER BY (CASE t.priority WHEN 'high' THEN 0 WHEN 'normal' THEN 1 ELSE 2 END),
        t.status_changed_at, t.id
      LIMIT 1
    )
    UNION ALL
    (
      SELECT t.id, t.status_changed_at, false AS begins,
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
  WHERE c.configured AND c.producer = next_task.producer
    AND (next_task.channels IS NULL OR c.id = ANY (next_task.channels))
    AND (c.at_once IS NULL OR c.at_once > (
      SELECT count(*) FROM leases AS l
      WHERE (
        l.worker IS NOT NULL
        OR c.producer = 'showrunner' AND l.step IS NOT NULL
        OR c.producer = 'showrunner' AND best.begins AND l.approved_at IS NOT NULL
      )
      AND (
        SELECT t.channel_id FROM tasks AS t
        WHERE t.id = l.task_id AND (l.worker IS NOT NULL OR t.status = 'processing')
      ) = c.id
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

RETURNS: Final = """
RETURNS TABLE (
  task_id uuid, title varchar, channel_id varchar, topic varchar, story_direction text,
  priority varchar, board_status varchar, attempt integer, lease_until timestamptz
)
"""

TAKE_TASK: Final = f"""
CREATE FUNCTION showrunner.take_task(
  worker text, lease interval, channels text[], producer text, uploads text[]
)
{RETURNS}
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  moment timestamptz;
  skipped uuid[] := '{{}}';
  chosen uuid;
  task tasks;
  taken leases;
BEGIN
  PERFORM showrunner.check_worker(take_task.worker, take_task.lease);
  PERFORM pg_advisory_xact_lock(7236017);  -- claims are served one after the other
  moment := showrunner_now();
  IF showrunner.is_paused(moment) THEN
    RETURN;
  END IF;
  LOOP
    chosen := showrunner.next_task(
      take_task.channels, skipped, moment, take_task.producer, take_task.uploads
    );
    IF chosen IS NULL THEN
      RETURN;
    END IF;
    SELECT * INTO task FROM tasks AS t WHERE t.id = chosen FOR UPDATE SKIP LOCKED;
    -- Whoever had locked it may have moved it: ask again, now that nobody else can.
    EXIT WHEN FOUND AND chosen = showrunner.next_task(
      ARRAY[task.channel_id]::text[], skipped, moment, take_task.producer, take_task.uploads
    );
    skipped := skipped || chosen;
  END LOOP;
  UPDATE channels AS c
  SET served_at = greatest(
    moment, (SELECT max(served_at) FROM channels) + interval '1 microsecond'
  )
  WHERE c.id = task.channel_id;
  IF task.status = 'pending' THEN
    PERFORM showrunner.move(task.id, 'worker:' || take_task.worker, 'Processing');
  END IF;
  INSERT INTO leases AS l (task_id, worker, taken_at, until, heartbeat_at, returns_to)
  VALUES (task.id, take_task.worker, moment, moment + take_task.lease, moment, task.board_status)
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

CLAIM_TASK: Final = f"""
CREATE OR REPLACE FUNCTION showrunner.claim_task(
  worker text, lease interval DEFAULT '10 minutes', channels text[] DEFAULT NULL
)
{RETURNS}
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  RETURN QUERY SELECT * FROM showrunner.take_task(
    claim_task.worker, claim_task.lease, claim_task.channels, 'workers', NULL
  );
END $$
"""

CLAIM_STEP: Final = f"""
CREATE FUNCTION showrunner.claim_step(
  worker text, lease interval, channels text[], uploads text[]
)
{RETURNS}
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT * FROM showrunner.take_task(
    claim_step.worker, claim_step.lease, claim_step.channels, 'showrunner', claim_step.uploads
  );
END $$
"""

BEGIN_STEP: Final = """
CREATE FUNCTION showrunner.begin_step(task uuid, worker text, of_step text, OUT said text,
  OUT round integer, OUT attempt integer)
LANGUAGE plpgsql AS $$
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
  UPDATE leases AS l SET step = of_step WHERE l.task_id = begin_step.task;
  -- Every claim is an attempt, also of a step that is under way on the board already.
  UPDATE steps AS s SET attempts = s.attempts + 1
  WHERE s.task_id = begin_step.task AND s.step = of_step
    AND (s.round, s.attempts) = (before.round, before.attempts);
  SELECT s.* INTO begun FROM steps AS s WHERE s.task_id = begin_step.task AND s.step = of_step;
  round := begun.round;
  attempt := begun.attempts;
END $$
"""

OFFER_STEP: Final = """
CREATE FUNCTION showrunner.offer_step(task uuid, worker text, retry_at timestamptz) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  held leases := showrunner.held_lease(offer_step.task, offer_step.worker);
BEGIN
  IF showrunner.is_stopped(held) THEN
    PERFORM showrunner.stop(held);
    RETURN 'stop';
  END IF;
  UPDATE leases AS l SET worker = NULL, until = NULL, step = NULL, detail = NULL,
    approved_at = showrunner_now(), next_attempt_at = offer_step.retry_at
  WHERE l.task_id = offer_step.task;
  RETURN 'continue';
END $$
"""

WAIT_FOR_JOBS: Final = """
CREATE FUNCTION showrunner.wait_for_jobs(task uuid, worker text, detail text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  held leases := showrunner.held_lease(wait_for_jobs.task, wait_for_jobs.worker);
BEGIN
  IF showrunner.is_stopped(held) THEN
    PERFORM showrunner.stop(held);
    RETURN 'stop';
  END IF;
  UPDATE leases AS l SET worker = NULL, until = NULL, detail = wait_for_jobs.detail
  WHERE l.task_id = wait_for_jobs.task;
  RETURN 'waiting';
END $$
"""

OFFER_COLLECTED: Final = """
CREATE FUNCTION showrunner.offer_collected() RETURNS SETOF uuid LANGUAGE plpgsql AS $$
DECLARE
  due uuid;
BEGIN
  FOR due IN
    SELECT l.task_id FROM leases AS l
    WHERE l.worker IS NULL AND l.step IS NOT NULL AND NOT EXISTS (
      SELECT FROM pieces AS p
      WHERE p.task_id = l.task_id AND p.state IN ('submitting', 'submitted', 'unknown')
    )
    ORDER BY l.task_id
  LOOP
    PERFORM FROM tasks AS t JOIN leases AS l ON l.task_id = t.id
    JOIN production_steps AS s ON s.name = l.step AND s.working_column = t.board_status
    WHERE t.id = due AND l.worker IS NULL FOR UPDATE OF t SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;  -- somebody moved it, or does so now
    UPDATE leases AS l SET step = NULL, detail = NULL, approved_at = showrunner_now()
    WHERE l.task_id = due AND l.worker IS NULL;
    RETURN NEXT due;
  END LOOP;
END $$
"""

COMMENTS: Final = {
    "showrunner.next_task(text[], uuid[], timestamptz, text, text[])": "The task that is taken next, for that "
    "producer, but for those skipped. Of channels that Showrunner produces, approved films count only "
    "where uploads are made.",
    "showrunner.take_task(text, interval, text[], text, text[])": "Takes the next task for a producer: by "
    "priority, then of the channel served least recently, then the oldest.",
    "showrunner.claim_task(text, interval, text[])": "For workers. Takes the next task: by priority, then of "
    "the channel served least recently, then the oldest. No row when nothing waits. A task from "
    "Queued moves to Processing; an approved one keeps its column, which says what to do next.",
    "showrunner.claim_step(text, interval, text[], text[])": "For own production. Takes the next video whose "
    "next step may begin.",
    "showrunner.begin_step(uuid, text, text)": "For own production. Moves a claimed video to a step's working "
    "column and counts the attempt. Answers as report does, with round and attempt.",
    "showrunner.offer_step(uuid, text, timestamptz)": "For own production. Releases a video so that it is "
    "claimed again where it stands, at once or from a moment on. Answers continue, or stop.",
    "showrunner.wait_for_jobs(uuid, text, text)": "For own production. Releases a video whose step waits for "
    "jobs of a service. Answers waiting, or stop.",
    "showrunner.offer_collected()": "For own production. Offers the videos whose jobs have all ended.",
}
"""What each function does, by its signature."""
REPLACED: Final = "showrunner.next_task(text[], uuid[], timestamptz)"


def upgrade() -> None:
    """Add what the snapshot of a story remembers, and make the functions."""
    op.add_column(
        "scenes",
        sa.Column(
            "takes",
            postgresql.JSONB(),
            nullable=False,
            server_default="{}",
            comment="By step, how often a person asked for this scene's piece to be made anew.",
        ),
    )
    op.add_column(
        "scenes",
        sa.Column(
            "after_review",
            sa.BigInteger(),
            nullable=False,
            server_default=sa.text("0"),
            comment="The last rejection in reviews that the takes count.",
        ),
    )
    op.create_index(
        "ix_leases_jobs",
        "leases",
        ["task_id"],
        postgresql_where=sa.text("worker IS NULL AND step IS NOT NULL"),
    )
    op.execute(NEXT_TASK)
    op.execute(TAKE_TASK)
    op.execute(CLAIM_TASK)
    op.execute(f"DROP FUNCTION {REPLACED}")
    for function in (CLAIM_STEP, BEGIN_STEP, OFFER_STEP, WAIT_FOR_JOBS, OFFER_COLLECTED):
        op.execute(function)
    _settle(COMMENTS)


def downgrade() -> None:
    """Drop them, and restore the queue that knew outside workers only."""
    before = runpy.run_path(str(Path(__file__).with_name("0021_tasks_are_claimed.py")))
    op.execute(before["NEXT_TASK"])
    op.execute(before["CLAIM_TASK"].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    restored = ("showrunner.claim_task(text, interval, text[])", REPLACED)
    for function in COMMENTS:
        if function not in restored:
            op.execute(f"DROP FUNCTION {function}")
    _settle({function: before["COMMENTS"][function] for function in restored})
    op.drop_index("ix_leases_jobs", table_name="leases")
    op.drop_column("scenes", "after_review")
    op.drop_column("scenes", "takes")


def _settle(comments: dict[str, str]) -> None:
    # pg_catalog comes first by itself; pg_temp last, so that no temporary table shadows one of ours.
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for function, comment in comments.items():
        op.execute(f"ALTER FUNCTION {function} SET search_path = {schema}, pg_temp")
        quoted = comment.replace("'", "''").replace(":", r"\:")
        op.execute(f"COMMENT ON FUNCTION {function} IS '{quoted}'")
    op.execute("SELECT showrunner.grant_workers()")
