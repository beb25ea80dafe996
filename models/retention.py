"""What is deleted when it is old: processed events and history. Cards, tasks and dead events are never deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

BATCH = 5_000
"""Rows per transaction: short ones, so that nobody waits for a lock or a vacuum."""

_EVENTS = text(
    "DELETE FROM webhook_events WHERE id IN "
    "(SELECT id FROM webhook_events WHERE processed AND processed_at < :before LIMIT :limit)"
)
_HISTORY = text("DELETE FROM task_history WHERE id IN (SELECT id FROM task_history WHERE at < :before LIMIT :limit)")


async def delete_events(session: AsyncSession, *, before: datetime) -> int:
    """Delete a batch of events processed before that moment; how many. The caller commits and repeats."""
    gone = await session.execute(_EVENTS, {"before": before, "limit": BATCH})
    return int(getattr(gone, "rowcount", 0))


async def delete_history(session: AsyncSession, *, before: datetime) -> int:
    """Delete a batch of history older than that; how many. The one exception to its being append-only."""
    await session.execute(text("SELECT set_config('showrunner.retention', 'on', true)"))
    gone = await session.execute(_HISTORY, {"before": before, "limit": BATCH})
    return int(getattr(gone, "rowcount", 0))
