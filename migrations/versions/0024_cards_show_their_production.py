"""Cards show their production: Attention says what to decide or do, and Progress, Cost and Video follow.

Triggers put what production shows into the card's row, whoever changes it, so that the push finds it
like any other difference. `leases` keeps which properties people edited while a task was in work.

Revision: 0024, after: 0023
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# Frozen as of this revision, like that of 0015.
DRIFT_MASK: Final = """
CASE WHEN trashed_at IS NOT NULL OR first_seen_at IS NULL THEN 0 ELSE
  CASE WHEN status_kept_until IS NULL
        AND notion_status IS DISTINCT FROM coalesce(task_board_status, base_status, notion_status)
        AND NOT (notion_status IS NULL AND 'Status' = ANY (initially_empty)) THEN 1 ELSE 0 END
+ CASE WHEN notion_priority IS DISTINCT FROM initcap(coalesce(task_priority, base_priority))
        AND NOT (notion_priority IS NULL AND 'Priority' = ANY (initially_empty)) THEN 2 ELSE 0 END
+ CASE WHEN notion_attention <> coalesce(
              nullif(violation_text || CASE
                WHEN rejection = '' OR rejected_at_status_change <> task_status_changed_at THEN ''
                WHEN violation_text = '' THEN rejection
                ELSE ' ' || rejection END || CASE
                WHEN production_text = '' THEN ''
                WHEN violation_text = '' AND (rejection = ''
                  OR coalesce(rejected_at_status_change <> task_status_changed_at, false))
                  THEN production_text
                ELSE ' ' || production_text END, ''),
              CASE WHEN 'Attention' = ANY (initially_empty) THEN notion_attention ELSE '' END)
        THEN 4 ELSE 0 END
+ CASE WHEN notion_created AT TIME ZONE 'UTC'
              <> date_trunc('minute', coalesce(task_created_at, base_created) AT TIME ZONE 'UTC')
          OR notion_created IS NULL AND coalesce(task_created_at, base_created) IS NOT NULL
              AND NOT 'Created' = ANY (initially_empty)
        THEN 8 ELSE 0 END
+ CASE WHEN notion_updated AT TIME ZONE 'UTC'
              <> date_trunc('minute',
                coalesce(task_status_changed_at, base_updated) AT TIME ZONE 'UTC')
          OR notion_updated IS NULL AND coalesce(task_status_changed_at, base_updated) IS NOT NULL
              AND NOT 'Updated' = ANY (initially_empty)
        THEN 16 ELSE 0 END
+ CASE WHEN notion_progress IS DISTINCT FROM coalesce(task_progress, notion_progress)
        THEN 32 ELSE 0 END
+ CASE WHEN notion_cost IS DISTINCT FROM coalesce(task_cost, notion_cost) THEN 64 ELSE 0 END
+ CASE WHEN notion_video IS DISTINCT FROM coalesce(task_video, notion_video) THEN 128 ELSE 0 END
END"""
FORMER_DRIFT_MASK: Final = """
CASE WHEN trashed_at IS NOT NULL OR first_seen_at IS NULL THEN 0 ELSE
  CASE WHEN status_kept_until IS NULL
        AND notion_status IS DISTINCT FROM coalesce(task_board_status, base_status, notion_status)
        AND NOT (notion_status IS NULL AND 'Status' = ANY (initially_empty)) THEN 1 ELSE 0 END
+ CASE WHEN notion_priority IS DISTINCT FROM initcap(coalesce(task_priority, base_priority))
        AND NOT (notion_priority IS NULL AND 'Priority' = ANY (initially_empty)) THEN 2 ELSE 0 END
+ CASE WHEN notion_attention <> coalesce(
              nullif(violation_text || CASE
              WHEN rejection = '' OR rejected_at_status_change <> task_status_changed_at THEN ''
              WHEN violation_text = '' THEN rejection
              ELSE ' ' || rejection END, ''),
              CASE WHEN 'Attention' = ANY (initially_empty) THEN notion_attention ELSE '' END)
        THEN 4 ELSE 0 END
+ CASE WHEN notion_created AT TIME ZONE 'UTC'
              <> date_trunc('minute', coalesce(task_created_at, base_created) AT TIME ZONE 'UTC')
          OR notion_created IS NULL AND coalesce(task_created_at, base_created) IS NOT NULL
              AND NOT 'Created' = ANY (initially_empty)
        THEN 8 ELSE 0 END
+ CASE WHEN notion_updated AT TIME ZONE 'UTC'
              <> date_trunc('minute', coalesce(task_status_changed_at, base_updated) AT TIME ZONE 'UTC')
          OR notion_updated IS NULL AND coalesce(task_status_changed_at, base_updated) IS NOT NULL
              AND NOT 'Updated' = ANY (initially_empty)
        THEN 16 ELSE 0 END
END"""

CARD_DRIFT: Final = """
CREATE VIEW card_drift AS
SELECT
  c.notion_page_id,
  c.task_id,
  c.base_title AS title,
  d.property,
  d.notion_value,
  d.expected_value,
  format(
    '%s is %s on the board, and should be %s.',
    d.property,
    coalesce('"' || d.notion_value || '"', 'empty'),
    coalesce('"' || d.expected_value || '"', 'empty')
  ) AS difference,
  CASE
    WHEN c.unreadable THEN 'The page cannot be read, and is read again before it is written.'
    WHEN c.missing_at IS NOT NULL THEN 'Notion does not find the page; the operator must confirm.'
    WHEN c.held_at IS NOT NULL AND c.drift_mask & 1 = 1
      THEN 'No webhook announced the move on the board; the operator must confirm.'
    WHEN c.next_attempt_at > now()
      THEN format('The last write failed; the next try is at %s UTC.',
        to_char(c.next_attempt_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'))
  END AS delayed_because
FROM cards AS c
CROSS JOIN LATERAL (
  VALUES
    (1, 'Status', c.notion_status, coalesce(c.task_board_status, c.base_status)::text),
    (2, 'Priority', c.notion_priority, initcap(coalesce(c.task_priority, c.base_priority))),
    (4, 'Attention', nullif(c.notion_attention, ''), nullif(c.violation_text || CASE
      WHEN c.rejection = '' OR c.rejected_at_status_change <> c.task_status_changed_at THEN ''
      WHEN c.violation_text = '' THEN c.rejection
      ELSE ' ' || c.rejection END || CASE
      WHEN c.production_text = '' THEN ''
      WHEN c.violation_text = '' AND (c.rejection = ''
        OR coalesce(c.rejected_at_status_change <> c.task_status_changed_at, false))
        THEN c.production_text
      ELSE ' ' || c.production_text END, '')),
    (8, 'Created',
      to_char(c.notion_created AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
      to_char(coalesce(c.task_created_at, c.base_created) AT TIME ZONE 'UTC',
        'YYYY-MM-DD HH24:MI')),
    (16, 'Updated',
      to_char(c.notion_updated AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
      to_char(coalesce(c.task_status_changed_at, c.base_updated) AT TIME ZONE 'UTC',
        'YYYY-MM-DD HH24:MI')),
    (32, 'Progress', c.notion_progress::text, c.task_progress::text),
    (64, 'Cost', c.notion_cost::text, c.task_cost::text),
    (128, 'Video', c.notion_video, c.task_video)
) AS d (bit, property, notion_value, expected_value)
WHERE c.drift_mask <> 0 AND c.drift_mask & d.bit <> 0
"""
FORMER_CARD_DRIFT: Final = """
CREATE VIEW card_drift AS
SELECT
  c.notion_page_id,
  c.task_id,
  c.base_title AS title,
  d.property,
  d.notion_value,
  d.expected_value,
  format(
    '%s is %s on the board, and should be %s.',
    d.property,
    coalesce('"' || d.notion_value || '"', 'empty'),
    coalesce('"' || d.expected_value || '"', 'empty')
  ) AS difference,
  CASE
    WHEN c.unreadable THEN 'The page cannot be read, and is read again before it is written.'
    WHEN c.missing_at IS NOT NULL THEN 'Notion does not find the page; the operator must confirm.'
    WHEN c.held_at IS NOT NULL AND c.drift_mask & 1 = 1
      THEN 'No webhook announced the move on the board; the operator must confirm.'
    WHEN c.next_attempt_at > now()
      THEN format('The last write failed; the next try is at %s UTC.',
        to_char(c.next_attempt_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'))
  END AS delayed_because
FROM cards AS c
CROSS JOIN LATERAL (
  VALUES
    (1, 'Status', c.notion_status, coalesce(c.task_board_status, c.base_status)::text),
    (2, 'Priority', c.notion_priority, initcap(coalesce(c.task_priority, c.base_priority))),
    (4, 'Attention', nullif(c.notion_attention, ''), nullif(c.violation_text || CASE
      WHEN c.rejection = '' OR c.rejected_at_status_change <> c.task_status_changed_at THEN ''
      WHEN c.violation_text = '' THEN c.rejection
      ELSE ' ' || c.rejection END, '')),
    (8, 'Created',
      to_char(c.notion_created AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
      to_char(coalesce(c.task_created_at, c.base_created) AT TIME ZONE 'UTC',
        'YYYY-MM-DD HH24:MI')),
    (16, 'Updated',
      to_char(c.notion_updated AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
      to_char(coalesce(c.task_status_changed_at, c.base_updated) AT TIME ZONE 'UTC',
        'YYYY-MM-DD HH24:MI'))
) AS d (bit, property, notion_value, expected_value)
WHERE c.drift_mask <> 0 AND c.drift_mask & d.bit <> 0
"""

VIEW_COMMENTS: Final = {
    "notion_page_id": "The card's page.",
    "task_id": "The card's task; none for a card that is not valid.",
    "title": "The card's title.",
    "property": "The property of the board that differs.",
    "notion_value": "What the board shows. Dates are in UTC.",
    "expected_value": "What it should show. Dates are in UTC.",
    "difference": "Both in one sentence.",
    "delayed_because": "Why the next cycle does not write it; none when it does.",
}

GOING_ON_COSTS: Final = """
CREATE FUNCTION showrunner.going_on_costs(task tasks, gate production_steps) RETURNS numeric
LANGUAGE plpgsql STABLE AS $$
DECLARE
  known numeric := (SELECT l.estimate FROM leases AS l WHERE l.task_id = task.id);
BEGIN
  -- Without an estimate: what the steps up to the next gate cost the channel's last videos.
  RETURN coalesce(known, (
    SELECT avg(earlier.usd) FROM (
      SELECT sum(s.counted) AS usd
      FROM spends AS s
      JOIN production_steps AS made ON s.what LIKE made.piece || ' %'
      WHERE s.channel_id = task.channel_id AND s.task_id <> task.id
        AND made.position > gate.position
        AND made.position <= coalesce((
          SELECT min(later.position) FROM production_steps AS later
          JOIN channels AS c ON later.name = ANY (c.gates)
          WHERE c.id = task.channel_id AND later.position > gate.position
        ), 32767)
      GROUP BY s.task_id
      ORDER BY max(s.id) DESC LIMIT 20
    ) AS earlier
  ));
END $$
"""

AT_GATE: Final = """
CREATE FUNCTION showrunner.gate_text(task tasks) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  gate production_steps;
  following text;
  gate_round integer;
  usd numeric;
BEGIN
  SELECT s.* INTO gate FROM production_steps AS s JOIN channels AS c ON s.name = ANY (c.gates)
  WHERE c.id = task.channel_id AND (
    s.done_column = task.board_status
    OR s.name = 'assembly' AND task.board_status = 'Under Review'
  );
  IF NOT FOUND THEN
    RETURN '';
  END IF;
  SELECT s.round INTO gate_round FROM steps AS s WHERE s.task_id = task.id AND s.step = gate.name;
  SELECT s.working_column INTO following FROM production_steps AS s
  WHERE s.position = gate.position + 1;
  usd := showrunner.going_on_costs(task, gate);
  RETURN concat(
    CASE gate.name
      WHEN 'assets' THEN 'Look at the images'
      WHEN 'composites' THEN 'Look at the composites'
      WHEN 'videos' THEN 'Look at the clips'
      WHEN 'audio' THEN 'Listen to the narrations'
      WHEN 'sfx' THEN 'Listen to the sounds'
      ELSE 'Watch the film'
    END,
    CASE WHEN gate_round > 1 THEN format(' (round %s)', gate_round) END,
    CASE
      WHEN gate.name = 'assembly'
        THEN ', then move the card: “Review Approved” approves it, “Review Rejected” rejects it.'
      ELSE format(
        ', then move the card: “%s” goes on, “Queued” has them made anew, “Archived” stops.',
        following
      )
    END,
    CASE WHEN usd > 0
      THEN format(' Going on costs about %s USD.', to_char(usd, 'FM999,990.00'))
    END,
    ' To reject some scenes only, write a comment first, for example “2, 5: hands”.'
  );
END $$
"""

FAILED: Final = """
CREATE FUNCTION showrunner.failure_text(lease leases) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  said text := rtrim(lease.failure);
BEGIN
  RETURN concat(
    'Failed: ', said,
    CASE WHEN said !~ '[.!?]$' THEN '.' END,
    CASE
      WHEN lease.next_attempt_at IS NOT NULL THEN format(
        ' It is tried again at %s UTC (attempt %s of 5); drag the card to Queued to try at once.',
        to_char(lease.next_attempt_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), lease.attempts + 1
      )
      WHEN position('Queued' IN said) > 0 THEN NULL
      WHEN lease.failed_as = 'invalid_input' THEN ' Correct the card, then drag it to Queued.'
      WHEN lease.failed_as = 'manual_review'
        THEN ' Look into it, then drag the card to Queued to go on, or to Archived to give it up.'
      ELSE ' Drag the card to Queued to try again.'
    END
  );
END $$
"""

ATTENTION: Final = """
CREATE FUNCTION showrunner.attention_text(of_task uuid) RETURNS text
LANGUAGE plpgsql STABLE AS $$
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
      ELSE nullif(showrunner.gate_text(task), '')
    END,
    CASE
      WHEN lease.late_edits <> '{}' THEN format(
        'Edited while the video is in work: %s. The next round has it.',
        array_to_string(lease.late_edits, ', ')
      )
    END
  );
END $$
"""

PROGRESS: Final = """
CREATE FUNCTION showrunner.progress_of(of_task uuid) RETURNS double precision
LANGUAGE plpgsql STABLE AS $$
DECLARE
  steps_made numeric;
BEGIN
  -- A step that is done counts with all before it; the upload is no part of the film.
  SELECT max(
    s.position - 1 + CASE
      WHEN begun.state = 'done' THEN 1
      ELSE least(1, coalesce((
        SELECT count(*) FROM pieces AS p
        WHERE p.task_id = of_task AND p.kind = s.piece AND p.round = begun.round
          AND p.state = 'done'
      )::numeric / CASE WHEN s.name = 'assembly' THEN 1 ELSE nullif(greatest(
        (SELECT count(*) FROM scenes AS c WHERE c.task_id = of_task),
        (SELECT max(p.position) FROM pieces AS p WHERE p.task_id = of_task AND p.kind <> s.piece)
      ), 0) END, 0))
    END
  ) INTO steps_made
  FROM steps AS begun JOIN production_steps AS s ON s.name = begun.step
  WHERE begun.task_id = of_task AND begun.round = showrunner.round_of(of_task, s.name)
    AND s.name <> 'upload';
  IF steps_made IS NULL AND EXISTS (SELECT FROM steps AS s WHERE s.task_id = of_task) THEN
    steps_made := 0;  -- all of it was rejected
  END IF;
  RETURN round(steps_made / (SELECT count(*) FROM production_steps AS s WHERE s.name <> 'upload'), 2);
END $$
"""

SHOWN: Final = """
CREATE FUNCTION showrunner.shown_on_card(
  of_task uuid, OUT attention text, OUT progress double precision, OUT cost double precision,
  OUT video text
)
LANGUAGE plpgsql STABLE AS $$
BEGIN
  attention := showrunner.attention_text(of_task);
  progress := showrunner.progress_of(of_task);
  SELECT round(sum(s.counted), 2) INTO cost FROM spends AS s WHERE s.task_id = of_task;
  SELECT p.url INTO video FROM pieces AS p
  WHERE p.task_id = of_task AND p.kind IN ('film', 'published') AND p.state = 'done'
    AND p.url IS NOT NULL
  ORDER BY p.kind = 'published' DESC, p.round DESC LIMIT 1;
END $$
"""

REFRESH: Final = """
CREATE FUNCTION showrunner_refresh_production() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  shown record;
BEGIN
  -- The task first, then its card: the order of all writers.
  PERFORM FROM tasks AS t WHERE t.id = NEW.task_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  shown := showrunner.shown_on_card(NEW.task_id);
  UPDATE cards AS c SET
    production_text = shown.attention, task_progress = shown.progress, task_cost = shown.cost,
    task_video = shown.video
  WHERE c.task_id = NEW.task_id
    AND (c.production_text, c.task_progress, c.task_cost, c.task_video)
      IS DISTINCT FROM (shown.attention, shown.progress, shown.cost, shown.video);
  RETURN NULL;
END $$
"""

COPY: Final = """
CREATE FUNCTION showrunner_cards_copy_production() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF NEW.task_id IS NULL THEN
    NEW.production_text := '';
    NEW.task_progress := NULL;
    NEW.task_cost := NULL;
    NEW.task_video := NULL;
  ELSE
    SELECT attention, progress, cost, video
    INTO NEW.production_text, NEW.task_progress, NEW.task_cost, NEW.task_video
    FROM showrunner.shown_on_card(NEW.task_id);
  END IF;
  RETURN NEW;
END $$
"""

NOTE_EDITS: Final = """
CREATE FUNCTION showrunner_tasks_note_late_edits() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF NEW.status IN ('pending', 'draft', 'completed') THEN
    UPDATE leases SET late_edits = '{}' WHERE task_id = NEW.id AND late_edits <> '{}';
  ELSIF NEW.status IN ('processing', 'awaiting_review', 'approved') THEN
    UPDATE leases SET late_edits = (
      SELECT array_agg(name ORDER BY place) FROM (
        VALUES
          (1, 'Title', NEW.title IS DISTINCT FROM OLD.title),
          (2, 'Channel', NEW.channel_id IS DISTINCT FROM OLD.channel_id),
          (3, 'Topic', NEW.topic IS DISTINCT FROM OLD.topic),
          (4, 'Story Direction', NEW.story_direction IS DISTINCT FROM OLD.story_direction)
      ) AS edited (place, name, is_new)
      WHERE is_new OR name = ANY (late_edits)
    )
    WHERE task_id = NEW.id
      AND (NEW.title, NEW.channel_id, NEW.topic, NEW.story_direction)
        IS DISTINCT FROM (OLD.title, OLD.channel_id, OLD.topic, OLD.story_direction);
  END IF;
  RETURN NULL;
END $$
"""

TRIGGERS: Final = (
    (
        "CREATE TRIGGER cards_copy_production BEFORE INSERT OR UPDATE OF task_id ON cards "
        "FOR EACH ROW EXECUTE FUNCTION showrunner_cards_copy_production()"
    ),
    (
        "CREATE TRIGGER tasks_note_late_edits AFTER UPDATE ON tasks FOR EACH ROW "
        "WHEN ((OLD.title, OLD.channel_id, OLD.topic, OLD.story_direction, OLD.board_status) "
        "IS DISTINCT FROM "
        "(NEW.title, NEW.channel_id, NEW.topic, NEW.story_direction, NEW.board_status)) "
        "EXECUTE FUNCTION showrunner_tasks_note_late_edits()"
    ),
    # A heartbeat writes other columns only.
    (
        "CREATE TRIGGER leases_refresh_card AFTER INSERT OR UPDATE OF worker, attempts, "
        "next_attempt_at, stop_requested_at, failed_as, failure, late_edits, estimate ON leases "
        "FOR EACH ROW EXECUTE FUNCTION showrunner_refresh_production()"
    ),
    (
        "CREATE TRIGGER steps_refresh_card AFTER INSERT OR UPDATE OF round, state ON steps "
        "FOR EACH ROW EXECUTE FUNCTION showrunner_refresh_production()"
    ),
    (
        "CREATE TRIGGER pieces_refresh_card AFTER INSERT OR UPDATE OF state, url ON pieces "
        "FOR EACH ROW EXECUTE FUNCTION showrunner_refresh_production()"
    ),
    (
        "CREATE TRIGGER spends_refresh_card AFTER INSERT ON spends "
        "FOR EACH ROW EXECUTE FUNCTION showrunner_refresh_production()"
    ),
)
DROPPED: Final = {
    "spends": "spends_refresh_card",
    "pieces": "pieces_refresh_card",
    "steps": "steps_refresh_card",
    "leases": "leases_refresh_card",
    "tasks": "tasks_note_late_edits",
    "cards": "cards_copy_production",
}

COMMENTS: Final = {
    "showrunner_tasks_note_late_edits()": "Notes what people edited while a task was in work.",
    "showrunner_cards_copy_production()": "Puts what production shows into a card that gets a task.",
    "showrunner_refresh_production()": "Puts what production shows into the card of its task.",
    "showrunner.shown_on_card(uuid)": "What production shows on the card of a task.",
    "showrunner.progress_of(uuid)": "The part of a film that is made, 0 to 1; NULL before anything is.",
    "showrunner.attention_text(uuid)": "What people should know or decide about a task, in sentences.",
    "showrunner.failure_text(leases)": "What failed, and what to do.",
    "showrunner.gate_text(tasks)": "What to look at and decide at a gate; empty elsewhere.",
    "showrunner.going_on_costs(tasks, production_steps)": "USD that going on after a gate will cost; NULL when nothing is known.",
}
"""What each function does, by its signature."""

SHOWN_COLUMNS: Final[dict[str, sa.types.TypeEngine[Any]]] = {
    "notion_progress": sa.Double(),
    "notion_cost": sa.Double(),
    "notion_video": sa.Text(),
    "task_progress": sa.Double(),
    "task_cost": sa.Double(),
    "task_video": sa.Text(),
    "facts_written_at": sa.DateTime(timezone=True),
}


def upgrade() -> None:
    """Add the columns, compute what differs anew, and let triggers keep them."""
    op.add_column(
        "leases",
        sa.Column(
            "late_edits",
            sa.ARRAY(sa.Text()),
            nullable=False,
            server_default="{}",
            comment="Properties that people edited while the task was in work; they count from the next round on.",
        ),
    )
    op.add_column(
        "leases",
        sa.Column(
            "estimate",
            sa.Numeric(12, 6),
            comment="USD that going on after a gate will cost, as its maker estimates.",
        ),
    )
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.execute("DROP VIEW card_drift")
    op.drop_column("cards", "drift_mask")  # and its index
    op.add_column(
        "cards", sa.Column("production_text", sa.Text(), server_default="", nullable=False)
    )
    for name, kind in SHOWN_COLUMNS.items():
        op.add_column("cards", sa.Column(name, kind))
    _compute(DRIFT_MASK)
    _make_view(CARD_DRIFT)
    for function in (
        GOING_ON_COSTS,
        AT_GATE,
        FAILED,
        ATTENTION,
        PROGRESS,
        SHOWN,
        REFRESH,
        COPY,
        NOTE_EDITS,
    ):
        op.execute(function)
    _finish_functions()
    for trigger in TRIGGERS:
        op.execute(trigger)
    op.execute("UPDATE cards SET task_id = task_id WHERE task_id IN (SELECT task_id FROM leases)")


def downgrade() -> None:
    """Drop all of it; only the notes about late edits and the estimates are lost."""
    for table, trigger in DROPPED.items():
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for function in COMMENTS:
        op.execute(f"DROP FUNCTION {function}")
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.execute("DROP VIEW card_drift")
    op.drop_column("cards", "drift_mask")
    for name in (*SHOWN_COLUMNS, "production_text"):
        op.drop_column("cards", name)
    op.drop_column("leases", "estimate")
    op.drop_column("leases", "late_edits")
    _compute(FORMER_DRIFT_MASK)
    _make_view(FORMER_CARD_DRIFT)


def _compute(mask: str) -> None:
    computed = sa.Computed(mask, persisted=True)
    op.add_column("cards", sa.Column("drift_mask", sa.SmallInteger(), computed, nullable=False))
    op.create_index(
        "ix_cards_drift_mask", "cards", ["drift_mask"], postgresql_where=sa.text("drift_mask <> 0")
    )


def _make_view(view: str) -> None:
    op.execute(view)
    op.execute(
        "COMMENT ON VIEW card_drift IS "
        "'What differs between board and database: one row per card and property.'"
    )
    for column, comment in VIEW_COMMENTS.items():
        quoted = comment.replace("'", "''")
        op.execute(f"COMMENT ON COLUMN card_drift.{column} IS '{quoted}'")


def _finish_functions() -> None:
    # pg_catalog comes first by itself; pg_temp last, so that no temporary table shadows one of ours.
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for function, comment in COMMENTS.items():
        op.execute(f"ALTER FUNCTION {function} SET search_path = {schema}, pg_temp")
        quoted = comment.replace("'", "''").replace(":", r"\:")
        op.execute(f"COMMENT ON FUNCTION {function} IS '{quoted}'")
    op.execute("SELECT showrunner.grant_workers()")
