"""Workers fail and attach pieces; the dispatcher returns what expired and what is due.

`showrunner.fail` and `attach` are for workers; `return_expired_leases` and `return_due_retries` are
Showrunner's own.

Revision: 0023, after: 0022
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

FAIL: Final = """
CREATE FUNCTION showrunner.fail(
  task uuid, worker text, kind text, reason text, retry_at timestamptz DEFAULT NULL
)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  moment timestamptz := showrunner_now();
  waits CONSTANT interval[] := '{1 minute,5 minutes,15 minutes,60 minutes}';
  held leases := showrunner.held_lease(fail.task, fail.worker);
  attempt integer := held.attempts;
  failed text := fail.kind;
  why text := btrim(fail.reason, E' \t\r\n');
  due timestamptz;
  target text;
BEGIN
  IF failed IS NULL OR failed NOT IN ('invalid_input', 'api_failure', 'retriable', 'manual_review') THEN
    RAISE EXCEPTION 'kind is invalid_input, api_failure, retriable or manual_review; not "%".', kind
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF why IS NULL OR showrunner_is_blank(why) THEN
    RAISE EXCEPTION 'reason is what people read on the card: say what failed and what to do.'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF retry_at IS NOT NULL AND (failed <> 'retriable' OR retry_at > moment + interval '31 days') THEN
    RAISE EXCEPTION 'retry_at is for kind retriable, and at most 31 days away.'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF showrunner.is_stopped(held) THEN
    PERFORM showrunner.stop(held);
    RETURN 'Archived';
  END IF;
  IF failed = 'retriable' THEN
    attempt := attempt + 1;
    IF attempt > array_length(waits, 1) THEN
      failed := 'api_failure';
      why := format('%s It was tried %s times; drag the card to Queued to try again.', why, attempt);
    ELSE
      due := greatest(coalesce(retry_at, moment + waits[attempt]), moment);
    END IF;
  END IF;
  target := CASE failed
    WHEN 'invalid_input' THEN 'Error: Invalid Input'
    WHEN 'api_failure' THEN 'Error: API Failure'
    WHEN 'retriable' THEN 'Error: Retriable'
    WHEN 'manual_review' THEN 'Error: Manual Review'
  END;
  PERFORM showrunner.move(held.task_id, 'worker:' || held.worker, target);
  UPDATE leases AS l
  SET attempts = attempt, next_attempt_at = due, failed_as = failed, failure = left(why, 1000)
  WHERE l.task_id = held.task_id;
  RETURN target;
END $$
"""

BOOK: Final = """
CREATE FUNCTION showrunner.book(
  task tasks, piece uuid, what text, usd numeric, maker text, job_id text
)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  amount CONSTANT numeric := round(book.usd, 6);
BEGIN
  IF amount > 0 AND NOT EXISTS (
    SELECT FROM spends AS s
    WHERE s.task_id = task.id AND s.what = book.what AND s.kind = 'charged' AND s.usd = amount
      AND s.job_id IS NOT DISTINCT FROM book.job_id
  ) THEN
    INSERT INTO spends
      (at, task_id, task_title, channel_id, piece_id, what, maker, job_id, kind, usd)
    VALUES (
      showrunner_now(), task.id, task.title, task.channel_id, piece, what, maker, job_id,
      'charged', amount
    );
  END IF;
END $$
"""

CHECK_PIECE: Final = """
CREATE FUNCTION showrunner.check_piece(
  kind text, place integer, url text, path text, sha256 text, usd numeric
)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  of_step text;
  wrong text;
BEGIN
  SELECT s.name INTO of_step FROM production_steps AS s WHERE s.piece = kind;
  wrong := CASE
    WHEN of_step IS NULL THEN format('kind is %s; not "%s".', (
      SELECT string_agg(s.piece, ', ' ORDER BY s.position) FROM production_steps AS s
    ), kind)
    WHEN place IS NULL OR place NOT BETWEEN 0 AND 9999
      THEN 'position is the number of the scene from 1, or 0 for the whole video.'
    WHEN url IS NULL AND path IS NULL THEN 'A piece has a url or a path, where it is found.'
    WHEN url !~* '^https?://[^\\s/]+[^\\s]*$'
      THEN format('"%s" is no URL; it begins with https:// or http://.', url)
    WHEN sha256 !~ '^[0-9a-fA-F]{64}$'
      THEN format('"%s" is no SHA-256; it has 64 hexadecimal digits.', sha256)
    WHEN usd < 0 OR usd > 10000 OR usd = 'NaN'
      THEN format('%s USD is no cost; it lies between 0 and 10,000 USD.', usd)
  END;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '%', wrong USING ERRCODE = 'invalid_parameter_value';
  END IF;
  RETURN of_step;
END $$
"""

ATTACH: Final = """
CREATE FUNCTION showrunner.attach(
  task uuid, worker text, kind text, "position" integer, title text, url text DEFAULT NULL,
  path text DEFAULT NULL, sha256 text DEFAULT NULL, cost_usd double precision DEFAULT NULL,
  maker text DEFAULT NULL, job_id text DEFAULT NULL
)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
  of_step text := showrunner.check_piece(
    kind, "position", url, path, sha256, cost_usd::numeric
  );
  whole tasks;
  known pieces;
  given pieces;
  outcome text := 'unchanged';
BEGIN
  SELECT t.* INTO whole FROM tasks AS t WHERE t.id = attach.task FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'There is no task %: it was deleted.', task USING ERRCODE = 'SR001';
  END IF;
  given.round := showrunner.round_of(whole.id, of_step);
  given.title := coalesce(attach.title, '');
  given.sha256 := lower(attach.sha256);
  IF NOT EXISTS (
    SELECT FROM leases AS l WHERE l.task_id = whole.id AND l.worker = attach.worker
  ) THEN
    outcome := 'lost';  -- the piece is not wanted any more, but what it cost was spent
  ELSE
    SELECT p.* INTO known FROM pieces AS p
    WHERE p.task_id = whole.id AND p.kind = attach.kind AND p.position = attach.position
      AND p.round = given.round;
    IF NOT FOUND THEN
      outcome := 'inserted';
    ELSIF (known.state, known.title, known.url, known.path, known.sha256, known.maker, known.job_id)
      IS DISTINCT FROM
      ('done', given.title, attach.url, attach.path, given.sha256, attach.maker, attach.job_id)
    THEN
      outcome := 'replaced';
    END IF;
    IF outcome <> 'unchanged' THEN
      INSERT INTO pieces AS p (
        task_id, kind, position, round, state, title, url, path, sha256, maker, job_id,
        created_at, updated_at
      ) VALUES (
        whole.id, attach.kind, attach.position, given.round, 'done', given.title, attach.url,
        attach.path, given.sha256, attach.maker, attach.job_id, showrunner_now(), showrunner_now()
      )
      ON CONFLICT (task_id, kind, position, round) DO UPDATE SET
        state = 'done', title = excluded.title, url = excluded.url, path = excluded.path,
        sha256 = excluded.sha256, maker = excluded.maker, job_id = excluded.job_id,
        updated_at = excluded.updated_at
      RETURNING p.* INTO known;
    END IF;
  END IF;
  PERFORM showrunner.book(
    whole, known.id, format('%s %s, round %s', kind, "position", given.round), cost_usd::numeric,
    maker, job_id
  );
  RETURN outcome;
END $$
"""

RETURN_EXPIRED: Final = """
CREATE FUNCTION showrunner.return_expired_leases()
RETURNS TABLE (task_id uuid, worker varchar, step varchar, deaths integer, board_status varchar)
LANGUAGE plpgsql AS $$
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
    SELECT l.task_id FROM leases AS l WHERE l.worker IS NOT NULL AND l.until <= moment
    ORDER BY l.task_id
  LOOP
    SELECT t.* INTO task FROM tasks AS t WHERE t.id = due FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    SELECT l.* INTO lease FROM leases AS l WHERE l.task_id = due FOR UPDATE;
    CONTINUE WHEN lease.worker IS NULL OR lease.until > moment;  -- prolonged or released meanwhile
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
      deaths = lease.deaths + 1, attempts = lease.attempts,
      approved_at = CASE WHEN target = lease.returns_to AND target <> 'Queued' THEN moment END,
      failed_as = CASE WHEN is_given_up THEN 'manual_review' END,
      failure = CASE WHEN is_given_up THEN format(
        'Its worker stopped answering %s times in a row, the last one was "%s". Read the worker''s '
        'log, then drag the card to Queued.', lease.deaths + 1, lease.worker
      ) END
    WHERE l.task_id = due;
    RETURN QUERY SELECT due, lease.worker, lease.step, lease.deaths + 1, target::varchar;
  END LOOP;
END $$
"""

RETURN_DUE: Final = """
CREATE FUNCTION showrunner.return_due_retries()
RETURNS TABLE (task_id uuid, attempts integer, board_status varchar)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  moment timestamptz := showrunner_now();
  due uuid;
  lease leases;
  target text;
BEGIN
  FOR due IN
    SELECT l.task_id FROM leases AS l
    WHERE l.next_attempt_at <= moment AND l.worker IS NULL
      AND NOT EXISTS (
        SELECT FROM cards AS c WHERE c.task_id = l.task_id AND c.trashed_at IS NOT NULL
      )
    ORDER BY l.task_id
  LOOP
    PERFORM FROM tasks AS t WHERE t.id = due AND t.status = 'retry' FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    SELECT l.* INTO lease FROM leases AS l WHERE l.task_id = due FOR UPDATE;
    CONTINUE WHEN lease.next_attempt_at IS NULL OR lease.next_attempt_at > moment;
    target := coalesce(lease.returns_to, 'Queued');
    PERFORM showrunner.move(due, 'dispatcher', target);
    UPDATE leases AS l SET
      attempts = lease.attempts, deaths = lease.deaths,
      approved_at = CASE WHEN target <> 'Queued' THEN moment END
    WHERE l.task_id = due;
    RETURN QUERY SELECT due, lease.attempts, target::varchar;
  END LOOP;
END $$
"""

COMMENTS: Final = {
    "showrunner.fail(uuid, text, text, text, timestamptz)": "For workers. Moves a task to an Error column, with a reason that people read on the card, and releases the lease. A retriable error comes back by itself after 1, 5, 15 and 60 minutes, or at retry_at; the fifth is an API failure. Answers the column.",
    "showrunner.attach(uuid, text, text, integer, text, text, text, text, double precision, text, text)": "For workers. Records a piece and what it cost, once per kind, position and round. Answers inserted, unchanged, replaced, or lost (the lease is not yours any more: the cost is booked, the piece is not kept).",
    "showrunner.check_piece(text, integer, text, text, text, numeric)": "Refuses a piece that cannot be meant; returns the step that makes its kind.",
    "showrunner.book(tasks, uuid, text, numeric, text, text)": "Books a charge, once per piece, amount and job.",
    "showrunner.return_expired_leases()": "For the dispatcher. Returns tasks whose lease expired to where they stood, or after three in a row to Error: Manual Review.",
    "showrunner.return_due_retries()": "For the dispatcher. Returns tasks whose next attempt is due to where they stood.",
}
"""What each function does, by its signature."""


def upgrade() -> None:
    """Make the functions."""
    _make(FAIL, BOOK, CHECK_PIECE, ATTACH, RETURN_EXPIRED, RETURN_DUE)


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
