"""A round counts as approved when its last decision was an approval.

A round that was approved and then rejected counted as approved when the next one was alike. The
function that records such an approval has a name that says so.

Revision: 0036, after: 0035
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

APPROVE_AGAIN: Final = """
CREATE FUNCTION showrunner.approve_again(task tasks, gate production_steps)
RETURNS boolean LANGUAGE plpgsql SET search_path = {schema}, pg_temp AS $$
DECLARE
  now_round integer := showrunner.round_of(task.id, gate.name);
  approved integer;
BEGIN
  SELECT max(last.round) INTO approved FROM (
    SELECT DISTINCT ON (r.round) r.round, r.decision FROM reviews AS r
    WHERE r.task_id = task.id AND r.gate = gate.name AND r.round < now_round
      AND r.decision IN ('approve', 'reject')
    ORDER BY r.round, r.id DESC
  ) AS last WHERE last.decision = 'approve';
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
AGAIN: Final = "showrunner.approve_again(tasks, production_steps)"


def upgrade() -> None:
    """Look at the last decision of each round."""
    before, schema = _before(), _schema()
    report = before["REPORT"].replace("was_approved_alike", "approve_again")
    for function in (APPROVE_AGAIN, report):
        op.execute(function.format(schema=schema))
    op.execute(f"DROP FUNCTION {before['ALIKE']}")
    op.execute(
        f"COMMENT ON FUNCTION {AGAIN} IS 'Approves a gate again if its pieces are those of the last "
        "approved round; false if somebody must look.'"
    )
    op.execute("SELECT showrunner.grant_workers()")


def downgrade() -> None:
    """Look at any approval."""
    before, schema = _before(), _schema()
    for function in (before["WAS_APPROVED_ALIKE"], before["REPORT"]):
        op.execute(function.format(schema=schema))
    op.execute(f"DROP FUNCTION {AGAIN}")
    op.execute(
        f"COMMENT ON FUNCTION {before['ALIKE']} IS 'Approves a gate again if its pieces are those of "
        "the last approved round; false if somebody must look.'"
    )
    op.execute("SELECT showrunner.grant_workers()")


def _before() -> dict[str, Any]:
    return runpy.run_path(str(Path(__file__).with_name("0033_an_approval_counts_again.py")))


def _schema() -> str:
    found = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    return str(found)
