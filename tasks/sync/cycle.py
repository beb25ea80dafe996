"""One push cycle: store what users did, then write what the database holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from models.errors import BoardError
from models.sync.safety_stop import record_good_cycle
from tasks.board.followed import bot_ids, followed_board, refreshed_board
from tasks.runtime.channels import store_channels
from tasks.runtime.context import Context
from tasks.runtime.locks import Lock, one_at_a_time
from tasks.runtime.report import Report
from tasks.sync.import_board import import_cards
from tasks.sync.ingest import drain_inbox
from tasks.sync.push.all_cards import push_pending
from tasks.sync.push.new_cards import create_cards
from tasks.sync.safety_stop import process_held_cards
from tasks.sync.store import SyncContext
from tasks.sync.sweep import end_waiting_moves, sweep
from tasks.sync.trashed_cards import check_presence, reread_unreadable

INTERVAL = timedelta(seconds=60)
"""How often a cycle is due (spec 3.1), as in `prefect.yaml`; and how often a long one interrupts
its backlog to read the board."""
BEFORE, BETWEEN = timedelta(seconds=2), timedelta(seconds=20)
"""How long a cycle reads pages one by one before it pushes, and between two pushes; see
`drain_inbox`."""


async def cycle(ctx: Context, report: Report, correlation_id: str | None) -> None:
    """Make board and database equal: store what users did, then write what the database holds.

    Raises:
        GiveUp: when only a human can repair what stops it.
        NotionUnavailable: when Notion does not work; the next cycle finds the same differences.
    """
    backlog, swept = True, None
    while backlog:
        await store_channels(
            ctx.sessions, await ctx.channels(), ctx.settings.production_daily_budget
        )
        sync = SyncContext(
            board=await followed_board(ctx),
            bot_ids=await bot_ids(ctx),
            correlation_id=correlation_id,
        )
        sync, swept = await _sweep(ctx, sync, report, since=swept)
        if swept is None:
            if not await first_import(ctx, report):
                return
            # Edits during the import must be stored before anything is written over them.
            sync, swept = await _sweep(ctx, sync, report)
        waiting = await drain_inbox(ctx, report, until=ctx.clock() + BEFORE)
        await process_held_cards(ctx, sync, report)
        await end_waiting_moves(ctx, sync, report)
        await reread_unreadable(ctx, sync, report)
        await check_presence(ctx, sync, report)
        until = ctx.clock() + INTERVAL
        # At most half of the minute, so that many new cards do not delay what users wait for.
        unmade = await create_cards(ctx, sync, report, until=until - INTERVAL / 2)
        backlog = await push_pending(ctx, sync, report, until=until) or unmade
        if waiting:
            waiting = await drain_inbox(ctx, report, until=ctx.clock() + BETWEEN)
        backlog = backlog or waiting
        async with ctx.sessions.begin() as session:
            # A backlog may take hours; each pass through it counts as a good cycle.
            await record_good_cycle(session, ctx.connection(sync.board), ctx.clock())


async def _sweep(
    ctx: Context, sync: SyncContext, report: Report, *, since: datetime | None = None
) -> tuple[SyncContext, datetime | None]:
    """Sweep; if the board changed and no webhook reported that, read the board again and repeat."""
    try:
        return sync, await sweep(ctx, sync, report, since=since)
    except BoardError:
        board = await refreshed_board(ctx)
        if board == sync.board:
            raise
    sync = replace(sync, board=board)
    return sync, await sweep(ctx, sync, report, since=since)


async def first_import(ctx: Context, report: Report) -> bool:
    """Import the board before the first cycle; False if another process is doing that."""
    async with one_at_a_time(ctx, Lock.IMPORT) as mine:
        if mine:
            await import_cards(ctx, report)
    return mine
