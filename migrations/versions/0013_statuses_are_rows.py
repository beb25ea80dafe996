"""A status is a row of `board_statuses`, to which a foreign key of `tasks` refers.

The table replaces three CHECKs and two CASE functions. The trigger that completes a task's pair of
statuses reads it.

Revision: 0013, after: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Frozen as of this revision: a migration must not change when the product's vocabulary does.
STATUSES = (
    ("Draft", "draft"),
    ("Ready for Planning", "draft"),
    ("Queued", "pending"),
    ("Processing", "processing"),
    ("Assets Generating", "processing"),
    ("Assets Ready", "processing"),
    ("Composites Creating", "processing"),
    ("Composites Ready", "processing"),
    ("Videos Generating", "processing"),
    ("Videos Ready", "processing"),
    ("Audio Generating", "processing"),
    ("Audio Ready", "processing"),
    ("SFX Generating", "processing"),
    ("SFX Ready", "processing"),
    ("Assembling Video", "processing"),
    ("Ready for Review", "awaiting_review"),
    ("Under Review", "awaiting_review"),
    ("Review Approved", "approved"),
    ("Review Rejected", "rejected"),
    ("Uploading", "processing"),
    ("Upload Complete", "completed"),
    ("Error: Invalid Input", "failed"),
    ("Error: API Failure", "failed"),
    ("Error: Retriable", "retry"),
    ("Error: Manual Review", "failed"),
    ("Archived", "completed"),
)
"""The columns of the board in their order, each with the pipeline status that it belongs to."""
CANONICAL = {
    "Draft",
    "Queued",
    "Processing",
    "Ready for Review",
    "Review Approved",
    "Review Rejected",
    "Upload Complete",
    "Error: Manual Review",
    "Error: Retriable",
}
"""The column that a task gets when a worker writes only its `status`."""

NORMALIZE = """
CREATE OR REPLACE FUNCTION showrunner_keep_task() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrote_status boolean := TG_OP = 'INSERT' AND NEW.status <> 'draft';
  wrote_board_status boolean := TG_OP = 'INSERT' AND NEW.board_status <> 'Draft';
  belongs_to text;
  canonical text;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    wrote_status := NEW.status IS DISTINCT FROM OLD.status;
    wrote_board_status := NEW.board_status IS DISTINCT FROM OLD.board_status;
  END IF;
  IF TG_OP = 'INSERT' OR wrote_status OR wrote_board_status THEN
    SELECT name INTO canonical FROM board_statuses WHERE status = NEW.status AND is_canonical;
    IF canonical IS NULL THEN
      RAISE EXCEPTION 'tasks.status is one of %; not "%"', (
          SELECT string_agg(status, ', ' ORDER BY first)
          FROM (SELECT status, min(position) AS first FROM board_statuses GROUP BY status) AS states
        ), NEW.status USING ERRCODE = 'check_violation';
    END IF;
    SELECT status INTO belongs_to FROM board_statuses WHERE name = NEW.board_status;
    IF belongs_to IS NULL THEN
      RAISE EXCEPTION 'tasks.board_status is one of the % columns of the board; not "%"',
        (SELECT count(*) FROM board_statuses), NEW.board_status USING ERRCODE = 'check_violation';
    END IF;
    IF belongs_to <> NEW.status THEN
      IF wrote_board_status AND wrote_status THEN
        RAISE EXCEPTION 'board_status "%" belongs to status %, not to %: write only one of the two, '
          'the other follows', NEW.board_status, belongs_to, NEW.status
          USING ERRCODE = 'check_violation';
      ELSIF wrote_board_status THEN
        NEW.status := belongs_to;
      ELSE
        NEW.board_status := canonical;
      END IF;
    END IF;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF NEW.board_status <> OLD.board_status AND NEW.status_changed_at = OLD.status_changed_at THEN
      NEW.status_changed_at :=
        greatest(showrunner_now(), OLD.status_changed_at + interval '1 microsecond');
    END IF;
    IF NEW IS DISTINCT FROM OLD AND NEW.updated_at = OLD.updated_at THEN
      NEW.updated_at := showrunner_now();
    END IF;
  END IF;
  RETURN NEW;
END $$
"""

FORMER_NORMALIZE = """
CREATE OR REPLACE FUNCTION showrunner_keep_task() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrote_status boolean := TG_OP = 'INSERT' AND NEW.status <> 'draft';
  wrote_column boolean := TG_OP = 'INSERT' AND NEW.board_status <> 'Draft';
BEGIN
  IF TG_OP = 'UPDATE' THEN
    wrote_status := NEW.status IS DISTINCT FROM OLD.status;
    wrote_column := NEW.board_status IS DISTINCT FROM OLD.board_status;
  END IF;
  IF showrunner_column_of(NEW.status) IS NULL THEN
    RAISE EXCEPTION 'tasks.status is one of draft, pending, processing, awaiting_review, approved, rejected, '
      'completed, failed, retry; not "%"', NEW.status USING ERRCODE = 'check_violation';
  END IF;
  IF showrunner_state_of(NEW.board_status) IS NULL THEN
    RAISE EXCEPTION 'tasks.board_status is one of the 26 columns of the board; not "%"', NEW.board_status
      USING ERRCODE = 'check_violation';
  END IF;
  IF showrunner_state_of(NEW.board_status) <> NEW.status THEN
    IF wrote_column AND wrote_status THEN
      RAISE EXCEPTION 'board_status "%" belongs to status %, not to %: write only one of the two, '
        'the other follows', NEW.board_status, showrunner_state_of(NEW.board_status), NEW.status
        USING ERRCODE = 'check_violation';
    ELSIF wrote_column THEN
      NEW.status := showrunner_state_of(NEW.board_status);
    ELSE
      NEW.board_status := showrunner_column_of(NEW.status);
    END IF;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF NEW.board_status <> OLD.board_status AND NEW.status_changed_at = OLD.status_changed_at THEN
      NEW.status_changed_at := greatest(showrunner_now(), OLD.status_changed_at + interval '1 microsecond');
    END IF;
    IF NEW IS DISTINCT FROM OLD AND NEW.updated_at = OLD.updated_at THEN
      NEW.updated_at := showrunner_now();
    END IF;
  END IF;
  RETURN NEW;
END $$
"""
"""As 0002 made it."""

FUNCTIONS = ("showrunner_column_of(text)", "showrunner_state_of(text)")
PAIR = " OR ".join(
    "status = '{}' AND board_status IN ({})".format(
        state, ", ".join(f"'{name}'" for name, held in STATUSES if held == state)
    )
    for state in dict.fromkeys(held for _, held in STATUSES)
)


def upgrade() -> None:
    """Make the table with its rows, and let tasks refer to it."""
    table = op.create_table(
        "board_statuses",
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("status", sa.String(length=50), nullable=False),
        sa.Column("is_canonical", sa.Boolean(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_board_statuses")),
        sa.UniqueConstraint("name", "status", name=op.f("uq_board_statuses_name_status")),
        sa.UniqueConstraint("position", name=op.f("uq_board_statuses_position")),
    )
    canonical = sa.text("is_canonical")
    op.create_index(
        "ix_board_statuses_canonical",
        "board_statuses",
        ["status"],
        unique=True,
        postgresql_where=canonical,
    )
    op.bulk_insert(
        table,
        [
            {
                "name": name,
                "status": status,
                "is_canonical": name in CANONICAL,
                "position": position,
            }
            for position, (name, status) in enumerate(STATUSES, start=1)
        ],
    )
    for constraint in ("status", "board_status", "status_holds_board_status"):
        op.drop_constraint(op.f(f"ck_tasks_{constraint}"), "tasks", type_="check")
    op.create_foreign_key(
        op.f("fk_tasks_board_status_status_board_statuses"),
        "tasks",
        "board_statuses",
        ["board_status", "status"],
        ["name", "status"],
    )
    op.execute(NORMALIZE)
    _set_search_path()
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")


def downgrade() -> None:
    """Bring the CHECKs and the CASE functions back; no task is changed."""
    first = context.script.get_revision("0002").module
    pairs = [(column, state) for state, columns in first.STATE_OF.items() for column in columns]
    canonical = [(state, columns[0]) for state, columns in first.STATE_OF.items()]
    for name, cases in (("state_of", pairs), ("column_of", canonical)):
        whens = " ".join(f"WHEN '{given}' THEN '{found}'" for given, found in cases)
        op.execute(
            f"CREATE FUNCTION showrunner_{name}(text) RETURNS text IMMUTABLE LANGUAGE sql "
            f"AS $$ SELECT CASE $1 {whens} END $$"
        )
    op.execute(FORMER_NORMALIZE)
    _set_search_path()
    op.drop_constraint(
        op.f("fk_tasks_board_status_status_board_statuses"), "tasks", type_="foreignkey"
    )
    states = ", ".join(f"'{state}'" for state in first.STATE_OF)
    names = ", ".join(f"'{name}'" for name, _ in STATUSES)
    for name, condition in (
        ("status", f"status IN ({states})"),
        ("board_status", f"board_status IN ({names})"),
        ("status_holds_board_status", PAIR),
    ):
        op.create_check_constraint(op.f(f"ck_tasks_{name}"), "tasks", condition)
    op.drop_index("ix_board_statuses_canonical", table_name="board_statuses")
    op.drop_table("board_statuses")


def _set_search_path() -> None:
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(f"ALTER FUNCTION showrunner_keep_task() SET search_path = {schema}, pg_temp")
