"""Delete old processed events and old history.

Cards, tasks and dead events are never deleted.

Rows are scanned in the order in which they were inserted, up to the first that is too young. With a
million rows that takes milliseconds, where a full scan takes half a second. It needs no index that
every write must update.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

BATCH = 5_000
"""Rows per transaction. Short transactions hold up no other lock and no vacuum."""

# A replayed event is processed long after it was received. It stays, and the scan goes on.
_EVENTS = text("""
WITH looked AS (
  SELECT id, received_at AS came FROM webhook_events WHERE id > :after ORDER BY id LIMIT :batch
),
gone AS (
  DELETE FROM webhook_events AS e USING looked
  WHERE e.id = looked.id AND e.processed AND e.processed_at < :before RETURNING 1
)
SELECT (SELECT count(*) FROM gone), count(*), max(id), max(came) FROM looked
""")
_HISTORY = text("""
WITH looked AS (SELECT id, at AS came FROM task_history WHERE id > :after ORDER BY id LIMIT :batch),
gone AS (
  DELETE FROM task_history AS h USING looked
  WHERE h.id = looked.id AND h.at < :before RETURNING 1
)
SELECT (SELECT count(*) FROM gone), count(*), max(id), max(came) FROM looked
""")


@dataclass(frozen=True, kw_only=True)
class Deleted:
    """The result of one batch.

    Attributes:
        count: deleted rows.
        after: the id after which the next batch begins; None when no other is needed.
    """

    count: int
    after: int | None


async def delete_events(session: AsyncSession, *, before: datetime, after: int = 0) -> Deleted:
    """Delete the events of the next batch of rows that were processed before that moment.

    The caller commits, and calls again with the returned `after`.
    """
    return await _delete(session, _EVENTS, before, after)


async def delete_history(session: AsyncSession, *, before: datetime, after: int = 0) -> Deleted:
    """Delete the history of the next batch of rows that is older than that moment.

    This is the one exception to the table being append-only.
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
