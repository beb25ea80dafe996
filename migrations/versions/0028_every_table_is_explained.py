"""Every table, column and function says in the database what it is for.

Revision: 0028, after: 0027
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_RETRIED: Final = {
    "attempts": "Failed attempts since the last good one.",
    "next_attempt_at": "When it is tried again; null for at once.",
    "last_error": "What failed last.",
}
COMMENTS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "cards": (
        "What is known of each page of the board. Showrunner writes it; others may read it.",
        {
            "notion_page_id": "Notion's id of the page.",
            "task_id": "The card's task; null before the card was valid in Queued for the first time.",
            "base_title": "Title, as both sides agreed on it last.",
            "base_channel": "Channel, as both sides agreed on it last.",
            "base_topic": "Topic, as both sides agreed on it last.",
            "base_story_direction": "Story Direction, as both sides agreed on it last.",
            "base_status": "Status, as both sides agreed on it last.",
            "base_priority": "Priority, as both sides agreed on it last.",
            "base_created": "Created, as both sides agreed on it last.",
            "base_updated": "Updated, as both sides agreed on it last.",
            "notion_status": "Status, as Notion showed it last.",
            "notion_priority": "Priority, as Notion showed it last.",
            "notion_created": "Created, as Notion showed it last.",
            "notion_updated": "Updated, as Notion showed it last.",
            "notion_attention": "Attention, as Notion showed it last.",
            "notion_progress": "Progress, as Notion showed it last.",
            "notion_cost": "Cost, as Notion showed it last.",
            "notion_video": "Video, as Notion showed it last.",
            "task_board_status": "Copy of tasks.board_status, kept by triggers.",
            "task_priority": "Copy of tasks.priority, kept by triggers.",
            "task_created_at": "Copy of tasks.created_at, kept by triggers.",
            "task_status_changed_at": "Copy of tasks.status_changed_at, kept by triggers.",
            "task_progress": "What Progress should be, kept by triggers.",
            "task_cost": "What Cost should be, in USD, kept by triggers.",
            "task_video": "What Video should be, kept by triggers.",
            "production_text": "What production says in Attention, kept by triggers.",
            "drift_mask": "Which properties differ between database and board, one bit each; the view "
            "card_drift has them in words.",
            "initially_empty": "Properties that were empty when the card was seen first.",
            "violations": "The rules that the card broke when it was read last.",
            "violation_text": "The same in sentences, as Attention shows them.",
            "rejection": "Why a move was put back, as Attention shows it.",
            "rejected_at_status_change": "tasks.status_changed_at when the move was put back.",
            "rejection_shown_since": "Since when the card shows the rejection; null for none.",
            "waits_for": "A move that is taken as soon as the card is valid.",
            "status_kept_until": "Until when that move waits, with its Status left as it is.",
            "edited_at": "Notion's time of the last edit, in whole minutes.",
            "attempts": "Writes to the page that failed since the last good one.",
            "next_attempt_at": "When the next write is tried; null for at once.",
            "last_error": "Why the last write, or the last read, failed.",
            "unreadable": "Whether the page holds something that cannot be read; nothing is written to it.",
            "trashed_at": "When the page was found in the trash, deleted or moved away.",
            "missing_at": "Since when Notion does not find the page, or it is in the trash unannounced.",
            "held_at": "Since when a move that no webhook announced waits to be put back.",
            "unqueued_at": "tasks.status_changed_at after the card left the board and its task the queue.",
            "made_at": "When Notion made the page, in whole minutes.",
            "first_seen_at": "When the page was read first.",
            "last_read_at": "When the last accepted read ended.",
            "facts_written_at": "When Progress, Cost or Video was written last.",
            "recent_activity": "Recent writes and edits, to recognise a value that was overwritten.",
            "write_in_flight": "The write whose answer is not stored yet.",
        },
    ),
    "card_creations": (
        "The attempts to make the card of a task that a worker inserted; no row once the card exists.",
        {
            "task_id": "The task.",
            "sent_at": "When the request was sent whose answer is not stored yet.",
            "sent_by": "The Notion user who sent it.",
            "sent": "The values that it wrote, by property.",
            **_RETRIED,
        },
    ),
    "webhook_events": (
        "The inbox: every webhook event that was accepted, once. Showrunner writes it.",
        {
            "id": "Counts up.",
            "event_id": "Notion's id of the event; a second delivery makes no second row.",
            "event_type": "Notion's type, e.g. page.properties_updated.",
            "page_id": "The page that it is about; null for none.",
            "payload": "The event as it came.",
            "correlation_id": "Finds the event's lines in the log.",
            "received_at": "When it was accepted.",
            "processed": "Whether it needs nothing more.",
            "processed_at": "When it was processed.",
            "outcome": "What came of it, e.g. looked_at, not_a_card.",
            "attempts": "How often processing it failed.",
            "next_attempt_at": "When it is tried again.",
            "claimed_until": "Until when a run holds it; null for nobody.",
            "error": "What failed last.",
            "dead_at": "When it was given up, after 8 attempts; `showrunner events replay` tries again.",
        },
    ),
    "incidents": (
        "Problems that need a human: one row each, for as long as it lasts and some time after.",
        {
            "name": "Its kind and, after a colon, what it is about.",
            "level": "How urgent it is.",
            "title": "One sentence.",
            "began_at": "When it was seen first.",
            "ended_at": "When it was over; null while it is not.",
            "facts": "Ids and facts by name.",
            "notified": "Whether a message said that it began.",
            "next_message_at": "When the next message about it is due; null for none.",
            "failed_messages": "Deliveries of that message that failed.",
        },
    ),
    "rate_limit": (
        "Paces the requests that all processes send to Notion.",
        {
            "name": "What is limited.",
            "next_slot_at": "The next moment that no process has reserved.",
            "blocked_until": "Until when nobody may send, because Notion said so; null for never.",
            "sent_at": "When the last requests were sent, the oldest first.",
        },
    ),
    "sync_state": (
        "What the sync remembers between its runs: one fact per row.",
        {
            "key": "The fact's name.",
            "value": "The fact, as JSON.",
            "moment": "When it happened, or when it holds from.",
            "updated_at": "When the row was written.",
        },
    ),
}
FUNCTIONS: Final[Mapping[str, str]] = {
    "showrunner_now()": "The current time; within a transaction that sets showrunner.now, that moment.",
    "showrunner_is_blank(text)": "Whether a text has no visible character.",
    "showrunner_append_only()": "Refuses to change or delete rows of a table that only grows.",
    "showrunner_task_history_append_only()": "Refuses to change rows of task_history.",
    "showrunner_tasks_audit()": "Writes every change of a task to task_history.",
    "showrunner_tasks_guard_columns()": "Refuses values of a task that the board cannot show.",
    "showrunner_tasks_normalize_status()": "Keeps tasks.status and tasks.board_status equal in meaning.",
    "showrunner_tasks_refresh_card()": "Copies a changed task to its card, and computes what differs.",
    "showrunner_cards_copy_task()": "Copies the task to a card that is new or belongs to another task.",
}


def upgrade() -> None:
    """Write the comments."""
    for table, (comment, columns) in COMMENTS.items():
        _comment(f"TABLE {table}", comment)
        for column, words in columns.items():
            _comment(f"COLUMN {table}.{column}", words)
    for function, words in FUNCTIONS.items():
        _comment(f"FUNCTION {function}", words)


def downgrade() -> None:
    """Remove them."""
    for table, (_, columns) in COMMENTS.items():
        _comment(f"TABLE {table}", None)
        for column in columns:
            _comment(f"COLUMN {table}.{column}", None)
    for function in FUNCTIONS:
        _comment(f"FUNCTION {function}", None)


def _comment(what: str, words: str | None) -> None:
    quoted = (
        "NULL" if words is None else "'{}'".format(words.replace("'", "''").replace(":", r"\:"))
    )
    op.execute(f"COMMENT ON {what} IS {quoted}")
