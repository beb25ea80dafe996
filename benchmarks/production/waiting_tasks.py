"""A database with thousands of tasks that wait for workers, made in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import psycopg

CHANNELS = 5
AT_ONCE = 10
LEASED, RETRIED, TRASHED = 4, 10, 10
"""Of each channel: tasks in other workers' hands; at the head of the queue those that are due
later, and those whose card lies in the trash."""
FINISHED, SPENDS = 500, 20
"""Tasks that were finished, and how often money was charged for each in the month until `NOW`."""
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
"""The moment of every claim: the spends of a month and of a day are the same on every day."""

_CHANNELS = """
INSERT INTO channels (id, at_once, budget_video, budget_month)
SELECT unnest(%(channels)s::text[]), %(at_once)s, 10, 100000
"""
_DAILY_BUDGET = """
INSERT INTO sync_state (key, value)
VALUES ('production_daily_budget', '{"usd": "100000"}'::jsonb)
"""
_TASKS = """
INSERT INTO tasks (id, notion_page_id, title, channel_id, topic, priority, status, board_status,
                   created_at, status_changed_at)
SELECT gen_random_uuid(), %(group)s || '-' || n, %(group)s, channels[1 + n %% %(many)s], 'eyes',
       (ARRAY['high', 'normal', 'normal', 'normal', 'normal',
              'normal', 'normal', 'normal', 'normal', 'low'])[1 + n / %(many)s %% 10],
       %(status)s, %(column)s, %(at)s, %(at)s + n * interval '1 second'
FROM generate_series(1, %(tasks)s) AS n, (SELECT %(channels)s::text[] AS channels) AS c
"""
_CARDS = """
INSERT INTO cards (notion_page_id, task_id, trashed_at)
SELECT notion_page_id, id, CASE WHEN title = 'trashed' THEN created_at END FROM tasks
"""
_HELD = """
INSERT INTO leases (task_id, worker, taken_at, until, heartbeat_at, returns_to)
SELECT id, 'other-' || id, %(now)s, %(now)s + interval '1 hour', %(now)s, 'Queued'
FROM tasks WHERE title = 'leased'
"""
_DUE_LATER = """
INSERT INTO leases (task_id, attempts, next_attempt_at)
SELECT id, 1, %(now)s + interval '1 hour' FROM tasks WHERE title = 'retried'
"""
_SPENDS = """
INSERT INTO spends (at, task_id, task_title, channel_id, what, kind, usd)
SELECT %(now)s - (number + n) %% 27 * interval '1 day', id, title, channel_id, 'clip ' || n,
       'charged', 0.4
FROM (SELECT *, row_number() OVER () AS number FROM tasks WHERE title = 'finished') AS finished,
     generate_series(1, %(spends)s) AS n
"""


def channel_names(prefix: str = "channel") -> list[str]:
    """The ids of the channels."""
    return [f"{prefix}_{number}" for number in range(CHANNELS)]


def add_channels(connection: psycopg.Connection, channels: Sequence[str]) -> None:
    """Configure channels that outside workers serve, with budgets that are not used up."""
    connection.execute(_CHANNELS, {"channels": list(channels), "at_once": AT_ONCE})


def fill(connection: psycopg.Connection, waiting: int) -> None:
    """Make the channels and their tasks, and let the connection act at `NOW`.

    It commits each statement. Triggers are switched off meanwhile: they would take
    minutes, and leave the same rows.
    """
    connection.execute("SELECT set_config('showrunner.now', %s, false)", [NOW.isoformat()])
    channels = channel_names()
    add_channels(connection, channels)
    connection.execute(_DAILY_BUDGET)
    connection.execute("SET session_replication_role = replica")
    groups = (
        ("leased", LEASED * CHANNELS, "processing", "Processing"),
        ("retried", RETRIED * CHANNELS, "pending", "Queued"),
        ("trashed", TRASHED * CHANNELS, "pending", "Queued"),
        ("waiting", waiting, "pending", "Queued"),
        ("finished", FINISHED, "completed", "Upload Complete"),
    )
    for age, (group, tasks, status, column) in enumerate(groups):
        values = {
            "group": group,
            "tasks": tasks,
            "status": status,
            "column": column,
            "channels": channels,
            "many": len(channels),
            "at": NOW - timedelta(days=5 - age),
        }
        connection.execute(_TASKS, values)
    for statement in (_CARDS, _HELD, _DUE_LATER, _SPENDS):
        connection.execute(statement, {"now": NOW, "spends": SPENDS})
    connection.execute("SET session_replication_role = DEFAULT")
    connection.execute("VACUUM ANALYZE")
