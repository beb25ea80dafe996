"""retention: deletes what is old, so that the inbox, the history and Prefect's runs do not grow for ever.

It also mends cards that were written past the triggers (a restore, a bulk load), so that none stays wrong for ever.
Every hour, so that a machine which is off at night does it too. Needs DATABASE_URL. Safe to run twice. How long things
are kept: the RETENTION_ settings; the README has the table.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

import structlog
from prefect import flow
from prefect.client.orchestration import PrefectClient
from prefect.context import FlowRunContext
from sqlalchemy.ext.asyncio import AsyncSession

from flows.runtime.old_runs import DeletedRuns, delete_old_runs
from flows.runtime.run_api import rename_run
from flows.runtime.run_context import recorded
from models.operations.retention import Deleted, delete_events, delete_history
from models.settings import Settings
from models.sync.row_locks import BATCH as CARDS
from models.sync.row_locks import repair_task_copies
from tasks.runtime.context import Context
from tasks.runtime.report import NOTHING

log = structlog.get_logger("showrunner.flows")


class Batch(Protocol):
    """Deletes, of a batch of rows, what is older than a moment."""

    async def __call__(self, session: AsyncSession, *, before: datetime, after: int) -> Deleted:
        """Delete a batch."""


@flow(name="retention", flow_run_name="retention", persist_result=False)
async def retention() -> None:
    """Delete processed events, history and runs past their time, and bring cards into step with their tasks."""
    async with recorded("retention") as run:
        settings, now = run.ctx.settings, run.ctx.clock()
        events = await _delete(
            run.ctx, delete_events, now - timedelta(days=settings.retention_events_days)
        )
        history = await _delete(
            run.ctx, delete_history, now - timedelta(days=settings.retention_history_days)
        )
        mended = await _mend(run.ctx)
        runs = await _delete_runs(settings, now)
    await rename_run(_name(events, history, runs, mended))


async def _delete(ctx: Context, batch: Batch, before: datetime) -> int:
    total, after = 0, 0
    while True:
        async with ctx.sessions.begin() as session:
            deleted = await batch(session, before=before, after=after)
        total += deleted.count
        if deleted.after is None:
            return total
        after = deleted.after


async def _mend(ctx: Context) -> int:
    total = 0
    while True:
        async with ctx.sessions.begin() as session:
            mended = await repair_task_copies(session)
        total += mended
        if mended < CARDS:
            break
    if total:
        log.warning(
            "cards_were_out_of_step",
            count=total,
            why="tasks or cards were written while triggers were off",
        )
    return total


async def _delete_runs(settings: Settings, now: datetime) -> DeletedRuns:
    """Through the client of the run that this is in; outside of one there is no server."""
    context = FlowRunContext.get()
    if context is None or not isinstance(context.client, PrefectClient):
        return DeletedRuns()
    return await delete_old_runs(
        context.client,
        idle_before=now - timedelta(hours=settings.retention_idle_runs_hours),
        before=now - timedelta(days=settings.retention_runs_days),
    )


def _name(events: int, history: int, runs: DeletedRuns, mended: int) -> str:
    counts = {
        "events": events,
        "history rows": history,
        "idle runs": runs.idle,
        "old runs": runs.old,
    }
    gone = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    said = [*([f"deleted {gone}"] if gone else []), *([f"mended {mended} cards"] if mended else [])]
    return ", ".join(said) or NOTHING
