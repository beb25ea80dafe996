"""`card_drift` says in words what differs between board and database; tables for workers get comments.

Revision: 0016, after: 0015
"""

from __future__ import annotations

from typing import Final

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

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

COMMENTS: Final = {
    "tasks": (
        "The videos to be made: one row per valid card of the board.",
        {
            "id": "Ours; stable.",
            "notion_page_id": "The Notion page of the card. Leave it out: a task without a page becomes a card at the next cycle.",
            "title": "The card's title. Once there is a card, people change it on the board.",
            "channel_id": "A configured row of channels; changed on the board.",
            "topic": "What the video is about; changed on the board.",
            "story_direction": "How to tell it; changed on the board.",
            "status": "The pipeline status. Write this or board_status; the other one follows.",
            "board_status": "The column of the board. Write this or status; the other one follows.",
            "priority": "low, normal or high.",
            "created_at": "When the task was made.",
            "updated_at": "When any column changed last; stamped by a trigger.",
            "status_changed_at": "When board_status changed last; stamped by a trigger.",
        },
    ),
    "task_history": (
        "Who changed what, and every value that was lost. Append only.",
        {
            "id": "In order of writing.",
            "at": "When it happened.",
            "notion_page_id": "The card's page.",
            "task_id": "The task, which may be deleted.",
            "actor": "person:<Notion user id>, import, operator, push; pipeline for plain SQL.",
            "action": "created, changed, deleted, refused, overruled, trashed, restored, card_made.",
            "property": "The board's name of what changed; none for all.",
            "old_value": "Before.",
            "new_value": "After.",
            "lost_value": "What a user wrote and did not get.",
            "reason": "Why it was lost, as one word.",
            "correlation_id": "The run, as in the logs.",
        },
    ),
    "channels": (
        "The channels that a task may name. Read only.",
        {
            "id": "The name of the channel's file, without .yaml.",
            "configured": "Whether new tasks may name it.",
            "changed_at": "When configured changed last.",
        },
    ),
    "board_statuses": (
        "The statuses that a task may have, as pairs. Read only.",
        {
            "name": "A column of the Notion board.",
            "status": "The pipeline status that the column belongs to.",
            "is_canonical": "Whether a task gets this column when only its status is written.",
            "position": "The place of the column on the board, from 1.",
        },
    ),
}
"""By table: what it holds, and what each of its columns does."""

VIEW_COMMENTS: Final = (
    "What differs between board and database: one row per card and property.",
    {
        "notion_page_id": "The card's page.",
        "task_id": "The card's task; none for a card that is not valid.",
        "title": "The card's title.",
        "property": "The property of the board that differs.",
        "notion_value": "What the board shows. Dates are in UTC.",
        "expected_value": "What it should show. Dates are in UTC.",
        "difference": "Both in one sentence.",
        "delayed_because": "Why the next cycle does not write it; none when it does.",
    },
)


def upgrade() -> None:
    """Make the view, and say what the columns are for."""
    op.execute(CARD_DRIFT)
    for table, (comment, columns) in COMMENTS.items():
        _comment("TABLE", table, comment, columns)
    _comment("VIEW", "card_drift", *VIEW_COMMENTS)


def downgrade() -> None:
    """Drop the view and the comments."""
    op.execute("DROP VIEW card_drift")
    for table, (_, columns) in COMMENTS.items():
        _comment("TABLE", table, None, dict.fromkeys(columns))


def _comment(
    kind: str, name: str, comment: str | None, columns: dict[str, str] | dict[str, None]
) -> None:
    op.execute(f"COMMENT ON {kind} {name} IS {_quoted(comment)}")
    for column, text in columns.items():
        op.execute(f"COMMENT ON COLUMN {name}.{column} IS {_quoted(text)}")


def _quoted(text: str | None) -> str:
    return "NULL" if text is None else "'{}'".format(text.replace("'", "''").replace(":", r"\:"))
