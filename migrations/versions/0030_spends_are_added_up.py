"""Money is summed up where it is booked, and tasks in work are counted once per claim.

A claim read every amount of the month for its channels' budgets, and every lease once per channel;
it also chose its task twice.

Revision: 0030, after: 0029
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

ADD_UP: Final = """
CREATE FUNCTION showrunner_spends_add_up() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {schema}, pg_temp AS $$
BEGIN
  INSERT INTO spend_totals AS known (channel_id, day, usd)
  VALUES (NEW.channel_id, (NEW.at AT TIME ZONE 'UTC')::date, NEW.counted)
  ON CONFLICT (channel_id, day) DO UPDATE SET usd = known.usd + excluded.usd;
  RETURN NULL;
END $$
"""
TRIGGER: Final = """
CREATE TRIGGER spends_add_up AFTER INSERT ON spends
FOR EACH ROW EXECUTE FUNCTION showrunner_spends_add_up()
"""
FILL: Final = """
INSERT INTO spend_totals (channel_id, day, usd)
SELECT channel_id, (at AT TIME ZONE 'UTC')::date, sum(counted) FROM spends GROUP BY 1, 2
"""

IS_PAUSED: Final = """
CREATE OR REPLACE FUNCTION showrunner.is_paused(moment timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = {schema}, pg_temp AS $$
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
  SELECT coalesce(sum(s.usd), 0) INTO spent FROM spend_totals AS s
  WHERE s.day >= (moment AT TIME ZONE 'UTC')::date;
  RETURN showrunner.is_reached(budget, spent);
END $$
"""

# Own production works on a step at a time. Between two steps its videos wait with `approved_at`, and
# those that wait for jobs of a service keep their `step`. Both count as in work when a new video is
# to begin; a video that is in work already waits for a free place only.
NEXT_TASK: Final = """
CREATE OR REPLACE FUNCTION showrunner.next_task(
  channels text[], skipped uuid[], moment timestamptz, producer text, uploads text[]
)
RETURNS uuid LANGUAGE plpgsql STABLE
SET search_path = {schema}, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  best_one uuid;
BEGIN
  WITH in_work AS MATERIALIZED (
    SELECT t.channel_id,
      count(*) FILTER (WHERE l.worker IS NOT NULL) AS working,
      count(*) FILTER (WHERE l.worker IS NULL AND l.step IS NOT NULL) AS collecting,
      count(*) FILTER (WHERE l.worker IS NULL AND l.step IS NULL) AS offered
    FROM leases AS l
    CROSS JOIN LATERAL (SELECT * FROM tasks WHERE tasks.id = l.task_id OFFSET 0) AS t
    WHERE (l.worker IS NOT NULL OR l.step IS NOT NULL OR l.approved_at IS NOT NULL)
      AND (l.worker IS NOT NULL OR t.status = 'processing')
    GROUP BY t.channel_id
  )
  SELECT best.id INTO best_one
  FROM channels AS c
  LEFT JOIN in_work ON in_work.channel_id = c.id
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
    AND (c.at_once IS NULL OR c.at_once > coalesce(
      in_work.working
      + CASE WHEN c.producer = 'showrunner' THEN in_work.collecting ELSE 0 END
      + CASE WHEN c.producer = 'showrunner' AND best.begins THEN in_work.offered ELSE 0 END,
      0
    ))
    AND (c.budget_month IS NULL OR NOT showrunner.is_reached(c.budget_month, (
      SELECT coalesce(sum(s.usd), 0) FROM spend_totals AS s
      WHERE s.channel_id = c.id
        AND s.day >= date_trunc('month', next_task.moment AT TIME ZONE 'UTC')::date
    )))
  ORDER BY best.rank, c.served_at NULLS FIRST, best.status_changed_at, best.id
  LIMIT 1;
  RETURN best_one;
END $$
"""

IS_OFFERED: Final = """
CREATE FUNCTION showrunner.is_offered(
  task tasks, producer text, uploads text[], moment timestamptz
)
RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = {schema}, pg_temp AS $$
DECLARE
  channel channels;
BEGIN
  SELECT c.* INTO channel FROM channels AS c WHERE c.id = task.channel_id;
  RETURN channel.configured AND channel.producer = is_offered.producer
    AND CASE task.status
      WHEN 'pending' THEN true
      WHEN 'approved' THEN is_offered.producer = 'workers' OR channel.id = ANY (uploads)
      WHEN 'processing' THEN EXISTS (
        SELECT FROM leases AS l WHERE l.task_id = task.id AND l.approved_at IS NOT NULL
      )
      ELSE false
    END
    AND showrunner.is_claimable(task.id, channel.budget_video, moment);
END $$
"""
TAKE_TASK: Final = """
CREATE OR REPLACE FUNCTION showrunner.take_task(
  worker text, lease interval, channels text[], producer text, uploads text[]
)
RETURNS TABLE (
  task_id uuid, title varchar, channel_id varchar, topic varchar, story_direction text,
  priority varchar, board_status varchar, attempt integer, lease_until timestamptz
)
LANGUAGE plpgsql SET search_path = {schema}, pg_temp AS $$
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
    -- Whoever had locked it may have moved it.
    EXIT WHEN FOUND
      AND showrunner.is_offered(task, take_task.producer, take_task.uploads, moment);
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

OFFERED: Final = "showrunner.is_offered(tasks, text, text[], timestamptz)"
COMMENTS: Final = {
    "showrunner_spends_add_up()": "Adds an amount to spend_totals.",
    OFFERED: "Whether a task may be taken, now that it is locked.",
}


def upgrade() -> None:
    """Add the totals, and let claims read them."""
    op.create_table(
        "spend_totals",
        sa.Column(
            "channel_id", sa.String(100), nullable=False, comment="The channel whose budget it is."
        ),
        sa.Column("day", sa.Date(), nullable=False, comment="The day, in UTC."),
        sa.Column(
            "usd",
            sa.Numeric(14, 6),
            nullable=False,
            comment="The sum of spends.counted of that channel and day.",
        ),
        sa.PrimaryKeyConstraint("channel_id", "day", name=op.f("pk_spend_totals")),
        comment="What each channel spent or may have spent on each day. Kept by a trigger.",
    )
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute("LOCK TABLE spends IN SHARE ROW EXCLUSIVE MODE")
    op.execute(FILL)
    for function in (ADD_UP, IS_PAUSED, NEXT_TASK, IS_OFFERED, TAKE_TASK):
        op.execute(function.format(schema=schema))
    op.execute(TRIGGER)
    for function, comment in COMMENTS.items():
        op.execute(f"COMMENT ON FUNCTION {function} IS '{comment}'")
    op.execute("SELECT showrunner.grant_workers()")


def downgrade() -> None:
    """Let claims add up every amount again."""
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for file, name in (
        ("0021_tasks_are_claimed.py", "IS_PAUSED"),
        ("0026_showrunner_claims_steps.py", "NEXT_TASK"),
        ("0026_showrunner_claims_steps.py", "TAKE_TASK"),
    ):
        before = runpy.run_path(str(Path(__file__).with_name(file)))[name]
        op.execute(before.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.execute(f"DROP FUNCTION {OFFERED}")
    for function in (
        "showrunner.is_paused(timestamptz)",
        "showrunner.next_task(text[], uuid[], timestamptz, text, text[])",
        "showrunner.take_task(text, interval, text[], text, text[])",
    ):
        op.execute(f"ALTER FUNCTION {function} SET search_path = {schema}, pg_temp")
    op.execute("DROP TRIGGER spends_add_up ON spends")
    op.execute("DROP FUNCTION showrunner_spends_add_up()")
    op.drop_table("spend_totals")
