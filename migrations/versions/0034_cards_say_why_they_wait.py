"""A card says that its budget is used up, and that an error has no reason.

Both stood there without a word.

Revision: 0034, after: 0033
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

BUDGET: Final = """
CREATE FUNCTION showrunner.budget_text(task tasks, lease leases) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = {schema}, pg_temp AS $$
DECLARE
  budget numeric;
  spent numeric;
BEGIN
  IF lease.worker IS NOT NULL OR task.status NOT IN ('pending', 'processing', 'approved') THEN
    RETURN '';
  END IF;
  SELECT c.budget_video INTO budget FROM channels AS c WHERE c.id = task.channel_id;
  SELECT sum(s.counted) INTO spent FROM spends AS s WHERE s.task_id = task.id;
  IF showrunner.is_reached(budget, spent) IS NOT TRUE THEN
    RETURN '';
  END IF;
  RETURN format(
    'Waits: its budget of %s USD is used up (%s USD spent or reserved). Raise the budget of a video '
    'in the channel''s file, or drag the card to Archived.',
    to_char(budget, 'FM999,990.00'), to_char(spent, 'FM999,990.00')
  );
END $$
"""

ATTENTION: Final = """
CREATE OR REPLACE FUNCTION showrunner.attention_text(of_task uuid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = {schema}, pg_temp AS $$
DECLARE
  task tasks;
  lease leases;
BEGIN
  SELECT l.* INTO lease FROM leases AS l WHERE l.task_id = of_task;
  IF NOT FOUND THEN
    RETURN '';  -- no worker ever took it by the functions
  END IF;
  SELECT t.* INTO task FROM tasks AS t WHERE t.id = of_task;
  RETURN concat_ws(' ',
    CASE
      WHEN lease.worker IS NOT NULL AND lease.stop_requested_at IS NOT NULL
        THEN format('Stopping: “%s” was asked to stop, and ends what it has begun.', lease.worker)
    END,
    CASE
      WHEN lease.failure IS NOT NULL THEN showrunner.failure_text(lease)
      WHEN task.status IN ('failed', 'retry')
        THEN 'Failed: no reason was given. Look into it, then drag the card to Queued to try again.'
      WHEN lease.approved_at IS NULL THEN nullif(showrunner.gate_text(task), '')
    END,
    nullif(showrunner.budget_text(task, lease), ''),
    CASE
      WHEN lease.late_edits <> '{{}}' THEN format(
        'Edited while the video is in work: %s. The next round has it.',
        array_to_string(lease.late_edits, ', ')
      )
    END
  );
END $$
"""

REFRESH: Final = """
CREATE FUNCTION showrunner_channels_refresh_cards() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
  UPDATE leases AS l SET estimate = l.estimate
  FROM tasks AS t WHERE t.id = l.task_id AND t.channel_id = NEW.id
    AND t.status IN ('pending', 'processing', 'approved');
  RETURN NULL;
END $$
"""
TRIGGER: Final = """
CREATE TRIGGER channels_refresh_cards AFTER UPDATE OF budget_video ON channels
FOR EACH ROW WHEN (NEW.budget_video IS DISTINCT FROM OLD.budget_video)
EXECUTE FUNCTION showrunner_channels_refresh_cards()
"""
SAY_AGAIN: Final = (
    "UPDATE cards SET task_id = task_id WHERE task_id IN (SELECT task_id FROM leases)"
)
COMMENTS: Final = {
    "showrunner.budget_text(tasks, leases)": "That the budget of a video is used up; empty if it is not.",
    "showrunner_channels_refresh_cards()": "Has the cards of a channel say anew what they wait for.",
}


def upgrade() -> None:
    """Show a used-up budget and an error without a reason on the card."""
    schema = _schema()
    for function in (BUDGET, ATTENTION, REFRESH):
        op.execute(function.format(schema=schema))
    op.execute(TRIGGER)
    for function, comment in COMMENTS.items():
        op.execute(f"COMMENT ON FUNCTION {function} IS '{comment}'")
    op.execute("SELECT showrunner.grant_workers()")
    op.execute(SAY_AGAIN)


def downgrade() -> None:
    """Show neither on the card."""
    op.execute("DROP TRIGGER channels_refresh_cards ON channels")
    before = runpy.run_path(str(Path(__file__).with_name("0024_cards_show_their_production.py")))
    op.execute(before["ATTENTION"].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.execute(
        f"ALTER FUNCTION showrunner.attention_text(uuid) SET search_path = {_schema()}, pg_temp"
    )
    for function in COMMENTS:
        op.execute(f"DROP FUNCTION {function}")
    op.execute("SELECT showrunner.grant_workers()")
    op.execute(SAY_AGAIN)


def _schema() -> str:
    found = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    return str(found)
