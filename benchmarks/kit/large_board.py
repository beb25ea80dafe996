"""A large board in the database, made in seconds: cards and tasks that agree."""

from __future__ import annotations

from datetime import datetime

import psycopg

_TASKS = """
INSERT INTO tasks (id, notion_page_id, title, channel_id, topic, status, board_status,
                   created_at, status_changed_at)
SELECT lpad(n::text, 32, '0')::uuid, 'page-' || n, 'Giant squid', 'deep_sea_stories',
       'Architeuthis', 'pending', 'Queued', %(at)s, %(at)s
FROM generate_series(1, %(cards)s) AS n
"""
_CARDS = """
INSERT INTO cards (notion_page_id, task_id, base_title, base_channel, base_topic, base_status,
                   notion_status, notion_priority, notion_created, notion_updated, first_seen_at,
                   last_read_at, edited_at, task_board_status, task_priority, task_created_at,
                   task_status_changed_at)
SELECT notion_page_id, id, title, channel_id, topic, board_status, board_status, 'Normal',
       created_at, status_changed_at, created_at, created_at, created_at, board_status, priority,
       created_at, status_changed_at
FROM tasks WHERE notion_page_id LIKE 'page-%%'
"""
_EVENTS = """
INSERT INTO webhook_events (event_id, event_type, page_id, payload, correlation_id, received_at,
                            next_attempt_at, processed, processed_at, outcome)
SELECT 'event-' || n, 'page.properties_updated', 'page-' || n, '{}', 'c', %(at)s, %(at)s, true,
       %(at)s, 'looked_at'
FROM generate_series(1, %(cards)s) AS n
"""


def fill(connection: psycopg.Connection, cards: int, *, at: datetime) -> None:
    """Make that many cards, `page-1` and so on, as an import at that whole minute would.

    The connection commits each statement, and may switch triggers off: they would only copy what is
    copied here.
    """
    connection.execute("SET session_replication_role = replica")
    for statement in (_TASKS, _CARDS, _EVENTS):
        connection.execute(statement, {"cards": cards, "at": at})
    connection.execute("VACUUM ANALYZE cards, tasks, webhook_events")
