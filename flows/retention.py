"""retention: deletes what is old, so that the inbox and the history do not grow for ever.

It also mends cards that were written past the triggers (a restore, a bulk load), so that none stays wrong for ever.
Daily. Needs DATABASE_URL. Safe to run twice. How long things are kept: RETENTION_EVENTS_DAYS, RETENTION_HISTORY_DAYS.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

import structlog
from prefect import flow
from sqlalchemy.ext.asyncio import AsyncSession

from flows.recording import recorded
from flows.runs import rename_run
from models.holding import BATCH as CARDS
from models.holding import mend_copies
from models.retention import BATCH, delete_events, delete_history
from tasks.connections import Connections

log = structlog.get_logger("showrunner.flows")


class Batch(Protocol):
    """Deletes a batch of what is older than a moment; how many."""

    async def __call__(self, session: AsyncSession, *, before: datetime) -> int:
        """Delete a batch."""


@flow(name="retention", flow_run_name="retention", persist_result=False)
async def retention() -> None:
    """Delete processed events and history past their time, and bring cards into step with their tasks."""
    async with recorded("retention") as run:
        settings, now = run.on.settings, run.on.clock()
        events = await _delete(run.on, delete_events, now - timedelta(days=settings.retention_events_days))
        history = await _delete(run.on, delete_history, now - timedelta(days=settings.retention_history_days))
        mended = await _mend(run.on)
    also = f", mended {mended} cards" if mended else ""
    await rename_run(f"deleted {events} events, {history} history rows{also}")


async def _delete(on: Connections, batch: Batch, before: datetime) -> int:
    total = 0
    while True:
        async with on.sessions.begin() as session:
            gone = await batch(session, before=before)
        total += gone
        if gone < BATCH:
            return total


async def _mend(on: Connections) -> int:
    total = 0
    while True:
        async with on.sessions.begin() as session:
            mended = await mend_copies(session)
        total += mended
        if mended < CARDS:
            break
    if total:
        log.warning("cards_were_out_of_step", count=total, why="tasks or cards were written while triggers were off")
    return total
