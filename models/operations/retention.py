"""What is deleted when it is old: processed events and history.

Cards, tasks and dead events are never deleted.

Rows are looked at in the order in which they came, and not further than the first that came too
late: at a million rows that takes milliseconds where looking at all of them takes half a second,
and it needs no index that every write keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

BATCH = 5_000
"""Rows per transaction: short ones, so that nobody waits for a lock or a vacuum."""

# An event that was replayed is processed long after it came: it stays, and those behind it are
# looked at all the same.
_EVENTS = text("""
WITH looked AS (SELECT id, received_at AS came FROM webhook_events WHERE id > :after ORDER BY id LIMIT :batch),
gone AS (
  DELETE FROM webhook_events AS e USING looked
  WHERE e.id = looked.id AND e.processed AND e.processed_at < :before RETURNING 1
)
SELECT (SELECT count(*) FROM gone), count(*), max(id), max(came) FROM looked
""")
_HISTORY = text("""
WITH looked AS (SELECT id, at AS came FROM task_history WHERE id > :after ORDER BY id LIMIT :batch),
gone AS (DELETE FROM task_history AS h USING looked WHERE h.id = looked.id AND h.at < :before RETURNING 1)
SELECT (SELECT count(*) FROM gone), count(*), max(id), max(came) FROM looked
""")


@dataclass(frozen=True, kw_only=True)
class Deleted:
    """What one batch did.

    Attributes:
        count: rows that are gone.
        after: where the next batch begins; None when none is needed.
    """

    count: int
    after: int | None


async def delete_events(session: AsyncSession, *, before: datetime, after: int = 0) -> Deleted:
    """Delete, of the next batch of rows, the events processed before that moment.

    The caller commits and goes on.
    """
    return await _delete(session, _EVENTS, before, after)


async def delete_history(session: AsyncSession, *, before: datetime, after: int = 0) -> Deleted:
    """Delete, of the next batch of rows, the history older than that.

    The one exception to its being append-only.
    """
    await session.execute(text("SELECT set_config('showrunner.retention', 'on', true)"))
    return await _delete(session, _HISTORY, before, after)


async def _delete(
    session: AsyncSession, statement: TextClause, before: datetime, after: int
) -> Deleted:
    values = {"before": before, "after": after, "batch": BATCH}
    count, looked, last, came = (await session.execute(statement, values)).one()
    goes_on = looked == BATCH and came < before
    return Deleted(count=count, after=last if goes_on else None)
