"""Triggers: a task's status pair completes itself, moments are stamped, and every change is recorded.

Workers write plain SQL in any language, so these rules live in the database: whoever writes, the pair holds and the
history is whole. The author and the moment come from the transaction's `showrunner.*` settings when they are set
(`models.tables.task_history.act_as`); else the author is the pipeline and the moment is the clock's.

Revision: 0002, after: 0001
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Frozen as of this revision: a migration must not change when the product's vocabulary does.
STATE_OF = {
    "draft": ("Draft", "Ready for Planning"),
    "pending": ("Queued",),
    "processing": (
        "Processing",
        "Assets Generating",
        "Assets Ready",
        "Composites Creating",
        "Composites Ready",
        "Videos Generating",
        "Videos Ready",
        "Audio Generating",
        "Audio Ready",
        "SFX Generating",
        "SFX Ready",
        "Assembling Video",
        "Uploading",
    ),
    "awaiting_review": ("Ready for Review", "Under Review"),
    "approved": ("Review Approved",),
    "rejected": ("Review Rejected",),
    "completed": ("Upload Complete", "Archived"),
    "failed": ("Error: Manual Review", "Error: Invalid Input", "Error: API Failure"),
    "retry": ("Error: Retriable",),
}
"""The first column of each state is its canonical one."""


def _case(pairs: list[tuple[str, str]]) -> str:
    return "CASE $1 " + " ".join(f"WHEN '{a}' THEN '{b}'" for a, b in pairs) + " END"


def upgrade() -> None:
    """Make the functions and triggers."""
    states = _case([(column, state) for state, columns in STATE_OF.items() for column in columns])
    columns = _case([(state, columns[0]) for state, columns in STATE_OF.items()])
    op.execute(
        f"CREATE FUNCTION showrunner_state_of(text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT {states} $$",
    )
    op.execute(
        f"CREATE FUNCTION showrunner_column_of(text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT {columns} $$",
    )
    op.execute("""
        CREATE FUNCTION showrunner_now() RETURNS timestamptz LANGUAGE sql AS $$
          SELECT coalesce(nullif(current_setting('showrunner.now', true), '')::timestamptz, clock_timestamp())
        $$
    """)
    op.execute("""
        CREATE FUNCTION showrunner_keep_task() RETURNS trigger LANGUAGE plpgsql AS $$
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
    """)
    op.execute("""
        CREATE FUNCTION showrunner_record_task() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
          who text := coalesce(nullif(current_setting('showrunner.actor', true), ''), 'pipeline');
          correlation text := nullif(current_setting('showrunner.correlation_id', true), '');
          moment timestamptz := showrunner_now();
        BEGIN
          IF TG_OP = 'INSERT' THEN
            INSERT INTO task_history (at, notion_page_id, task_id, actor, action, new_value, correlation_id)
            VALUES (moment, NEW.notion_page_id, NEW.id, who, 'created', NEW.board_status, correlation);
          ELSIF TG_OP = 'DELETE' THEN
            INSERT INTO task_history (at, notion_page_id, task_id, actor, action, old_value, correlation_id)
            VALUES (moment, OLD.notion_page_id, OLD.id, who, 'deleted', OLD.board_status, correlation);
          ELSE
            INSERT INTO task_history
              (at, notion_page_id, task_id, actor, action, property, old_value, new_value, correlation_id)
            SELECT moment, NEW.notion_page_id, NEW.id, who, 'changed', change.property, change.old, change.new, correlation
            FROM (VALUES
              ('Title', OLD.title::text, NEW.title::text),
              ('Channel', OLD.channel_id, NEW.channel_id),
              ('Topic', OLD.topic, NEW.topic),
              ('Story Direction', OLD.story_direction, NEW.story_direction),
              ('Status', OLD.board_status, NEW.board_status),
              ('Priority', OLD.priority, NEW.priority)
            ) AS change (property, old, new)
            WHERE change.old IS DISTINCT FROM change.new;
          END IF;
          RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE FUNCTION showrunner_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP <> 'UPDATE' AND current_setting('showrunner.retention', true) = 'on' THEN
            RETURN OLD;
          END IF;
          RAISE EXCEPTION 'task_history is append-only; only the retention flow deletes from it'
            USING ERRCODE = 'insufficient_privilege';
        END $$
    """)
    op.execute(
        "CREATE TRIGGER keep_task BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION showrunner_keep_task()",
    )
    op.execute(
        "CREATE TRIGGER record_task AFTER INSERT OR UPDATE OR DELETE ON tasks "
        "FOR EACH ROW EXECUTE FUNCTION showrunner_record_task()",
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON task_history "
        "FOR EACH ROW EXECUTE FUNCTION showrunner_append_only()",
    )

    op.execute(
        "CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON task_history "
        "FOR EACH STATEMENT EXECUTE FUNCTION showrunner_append_only()"
    )


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TRIGGER append_only_truncate ON task_history")
    op.execute("DROP TRIGGER append_only ON task_history")
    op.execute("DROP TRIGGER record_task ON tasks")
    op.execute("DROP TRIGGER keep_task ON tasks")
    for function in (
        "append_only()",
        "record_task()",
        "keep_task()",
        "now()",
        "column_of(text)",
        "state_of(text)",
    ):
        op.execute(f"DROP FUNCTION showrunner_{function}")
