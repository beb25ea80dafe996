"""A piece that a worker attached is not what Showrunner made in its place.

The row of the piece that it replaced kept what that one was made from, how long it was and what
was measured, so production took a stranger's file for its own. A path that leaves its folder and a
film of one scene are refused.

Revision: 0031, after: 0030
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

CHECK_PIECE: Final = """
CREATE OR REPLACE FUNCTION showrunner.check_piece(
  kind text, place integer, url text, path text, sha256 text, usd numeric
)
RETURNS text LANGUAGE plpgsql SET search_path = {schema}, pg_temp AS $$
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
    WHEN kind IN ('film', 'published') AND place <> 0
      THEN format('There is one %s for the whole video: its position is 0.', kind)
    WHEN url IS NULL AND path IS NULL THEN 'A piece has a url or a path, where it is found.'
    WHEN url !~* '^https?://[^\\s/]+[^\\s]*$'
      THEN format('"%s" is no URL; it begins with https:// or http://.', url)
    WHEN length(path) NOT BETWEEN 1 AND 1000 OR path ~ '[[:cntrl:]]'
      OR '..' = ANY (string_to_array(path, '/'))
      THEN 'path is where a file is: at most 1,000 characters, without ".." between its folders.'
    WHEN sha256 !~ '^[0-9a-fA-F]{{64}}$'
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
CREATE OR REPLACE FUNCTION showrunner.attach(
  task uuid, worker text, kind text, "position" integer, title text, url text DEFAULT NULL,
  path text DEFAULT NULL, sha256 text DEFAULT NULL, cost_usd double precision DEFAULT NULL,
  maker text DEFAULT NULL, job_id text DEFAULT NULL
)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
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
        media_type = NULL, seconds = NULL, input_hash = NULL, notes = excluded.notes,
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

FUNCTIONS: Final = {
    "CHECK_PIECE": "showrunner.check_piece(text, integer, text, text, text, numeric)",
    "ATTACH": "showrunner.attach(uuid, text, text, integer, text, text, text, text, "
    "double precision, text, text)",
}


def upgrade() -> None:
    """Replace what attaches a piece."""
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for function in (CHECK_PIECE, ATTACH):
        op.execute(function.format(schema=schema).replace(":", r"\:"))
    op.execute("SELECT showrunner.grant_workers()")


def downgrade() -> None:
    """Put back what attached a piece before."""
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    before = runpy.run_path(str(Path(__file__).with_name("0023_workers_fail_and_attach.py")))
    for name, signature in FUNCTIONS.items():
        op.execute(before[name].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
        op.execute(f"ALTER FUNCTION {signature} SET search_path = {schema}, pg_temp")
