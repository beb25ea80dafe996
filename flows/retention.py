"""retention: deletes old events, history and Prefect runs, which would otherwise grow without end.

It also repairs cards whose tasks were written while triggers were off (a restore, a bulk load).
Every hour, so that a machine which is off at night does it too. It needs DATABASE_URL. It is safe
to run twice. The RETENTION_ settings say how long things are kept.

Tasks of a run: `delete_old_events`, `delete_old_history`, `repair_stale_cards`,
`delete_old_prefect_runs`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

import structlog
from prefect import flow
from prefect.client.orchestration import PrefectClient
from prefect.context import FlowRunContext
from sqlalchemy.ext.asyncio import AsyncSession

from flows.runs.api import rename_run
from flows.runs.context import recorded
from flows.runtime.old_runs import DeletedRuns, delete_old_runs
from models.operations.retention import Deleted, delete_events, delete_history
from models.sync.row_locks import BATCH as CARDS
from models.sync.row_locks import repair_task_copies
from tasks.runtime.context import Context
from tasks.runtime.prefect_task import step
from tasks.runtime.report import NOTHING

log = structlog.get_logger("showrunner.flows")


class DeleteBatch(Protocol):
    """Deletes, of a batch of rows, those older than a moment."""

    async def __call__(self, session: AsyncSession, *, before: datetime, after: int) -> Deleted:
        """Delete a batch."""


@flow(name="retention", flow_run_name="retention", persist_result=False)
async def retention(dry_run: bool = False) -> None:  # noqa: FBT001, FBT002 - a parameter
    """Delete processed events, history and runs past their time, and repair stale cards.

    Args:
        dry_run: delete and repair nothing; the run's name says what is due.
    """
    async with recorded("retention") as run:
        name = await delete_what_is_old(run.ctx, dry_run=dry_run)
    await rename_run(name)


async def delete_what_is_old(ctx: Context, *, dry_run: bool) -> str:
    """Do the work of the flow, in a run or without one; return a summary: the run's name."""
    settings, now = ctx.settings, ctx.clock()
    events = await delete_old_events(
        ctx, before=now - timedelta(days=settings.retention_events_days), dry_run=dry_run
    )
    history = await delete_old_history(
        ctx, before=now - timedelta(days=settings.retention_history_days), dry_run=dry_run
    )
    cards = await repair_stale_cards(ctx, dry_run=dry_run)
    runs = await delete_old_prefect_runs(
        idle_before=now - timedelta(hours=settings.retention_idle_runs_hours),
        before=now - timedelta(days=settings.retention_runs_days),
        dry_run=dry_run,
    )
    return _summary(events, history, runs, cards, dry_run=dry_run)


@step("delete_old_events", holds="delete events processed before {before:%Y-%m-%d %H:%M}")
async def delete_old_events(ctx: Context, *, before: datetime, dry_run: bool) -> int:
    """Delete events processed before that moment; return how many."""
    return await _delete(ctx, delete_events, before, dry_run=dry_run)


@step("delete_old_history", holds="delete history before {before:%Y-%m-%d %H:%M}")
async def delete_old_history(ctx: Context, *, before: datetime, dry_run: bool) -> int:
    """Delete history before that moment; return how many rows."""
    return await _delete(ctx, delete_history, before, dry_run=dry_run)


async def _delete(ctx: Context, batch: DeleteBatch, before: datetime, *, dry_run: bool) -> int:
    total, after = 0, 0
    while True:
        async with ctx.sessions() as session:
            deleted = await batch(session, before=before, after=after)
            await (session.rollback() if dry_run else session.commit())
        total += deleted.count
        if deleted.after is None:
            return total
        after = deleted.after


@step("repair_stale_cards", holds="repair cards that differ from their tasks")
async def repair_stale_cards(ctx: Context, *, dry_run: bool) -> int:
    """Copy to cards what their tasks hold; return how many differed (a dry run: one batch's)."""
    total = 0
    while True:
        async with ctx.sessions() as session:
            repaired = await repair_task_copies(session)
            await (session.rollback() if dry_run else session.commit())
        total += repaired
        if dry_run or repaired < CARDS:
            break
    if total and not dry_run:
        why = "tasks or cards were written while triggers were off"
        log.warning("cards_were_out_of_step", count=total, why=why)
    return total


@step("delete_old_prefect_runs", holds="delete runs that ended before {before:%Y-%m-%d %H:%M}")
async def delete_old_prefect_runs(
    *, idle_before: datetime, before: datetime, dry_run: bool
) -> DeletedRuns:
    """Delete our old runs, through the client of this run; outside of a run there is no server."""
    context = FlowRunContext.get()
    if context is None or not isinstance(context.client, PrefectClient):
        return DeletedRuns()
    return await delete_old_runs(
        context.client, idle_before=idle_before, before=before, dry_run=dry_run
    )


def _summary(events: int, history: int, runs: DeletedRuns, cards: int, *, dry_run: bool) -> str:
    counts = {
        "events": events,
        "history rows": history,
        "idle runs": runs.idle,
        "old runs": runs.old,
    }
    deleted = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    verbs = ("would delete", "would mend") if dry_run else ("deleted", "mended")
    parts = []
    if deleted:
        parts.append(f"{verbs[0]} {deleted}")
    if cards:
        parts.append(f"{verbs[1]} {cards} cards")
    return ", ".join(parts) or NOTHING
