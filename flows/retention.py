"""retention: deletes what is old, so that the inbox and the history do not grow for ever.

Daily. Needs DATABASE_URL. Safe to run twice. How long things are kept: RETENTION_EVENTS_DAYS, RETENTION_HISTORY_DAYS.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from prefect import flow
from sqlalchemy.ext.asyncio import AsyncSession

from flows.recording import recorded
from flows.runs import rename_run
from models.retention import BATCH, delete_events, delete_history
from tasks.connections import Connections


class Batch(Protocol):
    """Deletes a batch of what is older than a moment; how many."""

    async def __call__(self, session: AsyncSession, *, before: datetime) -> int:
        """Delete a batch."""


@flow(name="retention", flow_run_name="retention", persist_result=False)
async def retention() -> None:
    """Delete processed events and history past their time."""
    async with recorded("retention") as run:
        settings, now = run.on.settings, run.on.clock()
        events = await _delete(run.on, delete_events, now - timedelta(days=settings.retention_events_days))
        history = await _delete(run.on, delete_history, now - timedelta(days=settings.retention_history_days))
    await rename_run(f"deleted {events} events, {history} history rows")


async def _delete(on: Connections, batch: Batch, before: datetime) -> int:
    total = 0
    while True:
        async with on.sessions.begin() as session:
            gone = await batch(session, before=before)
        total += gone
        if gone < BATCH:
            return total
