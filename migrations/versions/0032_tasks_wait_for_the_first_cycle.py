"""No task is given out between a restored backup and the first cycle.

The backup has tasks in columns that they have left since, and what was paid for them is not in it.

Revision: 0032, after: 0031
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

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
  IF EXISTS (SELECT FROM sync_state WHERE key = 'last_good_cycle' AND value IS NULL) THEN
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
COMMENT: Final = (
    "Whether no task is given out at all: a safety stop is open, the board was not compared since a "
    "pause or a restored backup, or the budget of the day is reached."
)


def upgrade() -> None:
    """Let claims wait for the first cycle."""
    _replace(IS_PAUSED)
    op.execute(f"COMMENT ON FUNCTION showrunner.is_paused(timestamptz) IS '{COMMENT}'")


def downgrade() -> None:
    """Give out tasks whether or not a cycle has compared the board."""
    _replace(
        runpy.run_path(str(Path(__file__).with_name("0030_spends_are_added_up.py")))["IS_PAUSED"]
    )


def _replace(function: str) -> None:
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(function.format(schema=schema))
    op.execute("SELECT showrunner.grant_workers()")
