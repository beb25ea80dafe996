"""PostgreSQL -> Notion: find the cards that do not show what they should, and write the difference.

For each card: load what is needed in a short transaction, write only the changed properties, and
store the answer as the new merge base in another short transaction. No transaction is open during a
request to Notion (spec 7.1).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from models.rules.board_schema import Board
from models.sync.writes.pending import PendingWrite
from models.tables.push_queue import any_out_of_reach, pending
from tasks.board.followed import board_if_long_known, board_to_write
from tasks.board.refusals import RefusalJudge
from tasks.notion.priority import RequestPriority, with_priority
from tasks.notion.rate_limit import at_once
from tasks.runtime.card_locks import card_locks
from tasks.runtime.concurrency import run_all
from tasks.runtime.context import Context
from tasks.runtime.prefect_task import step
from tasks.runtime.report import Report
from tasks.runtime.unexpected_errors import cost_of_one
from tasks.sync.push.one_card import CardWriter, load_pending_write, record_failure
from tasks.sync.push.order import AHEAD, PushOrder
from tasks.sync.store import SyncContext

log = structlog.get_logger("showrunner.push")

PUT_BACK_FOR = timedelta(seconds=5)
"""How long an ingest run writes cards back: about fifteen of them; then other requests go on."""
ELSEWHERE_SECONDS = 0.2
"""What another process needs to write a card that it has locked."""


async def push_rejections(ctx: Context, sync: SyncContext, report: Report) -> None:
    """Write the cards now whose edits this run rejected, instead of at the next cycle.

    What takes longer than `PUT_BACK_FOR` is left to that cycle.

    Raises:
        BoardError, NotionAuthError, NotionUnavailable: as of `push_pending`.
    """
    pages, report.not_granted = report.not_granted, set()
    if pages:
        await push_pending(ctx, sync, report, until=ctx.clock() + PUT_BACK_FOR, among=pages)


async def push_pending(
    ctx: Context,
    sync: SyncContext,
    report: Report,
    *,
    until: datetime,
    among: Collection[str] | None = None,
) -> bool:
    """Write cards, the most urgent first, until none differs or `until` has come.

    Cards that are held for the operator (`models.sync.safety_stop`) are left out.

    Args:
        among: only these pages, because users wait for them; None for all that differ.

    Returns:
        Whether some are left.

    Raises:
        BoardError: when the board changed so that it cannot be followed.
        NotionAuthError, NotionUnavailable: what concerns all cards alike.
    """
    due = await _most_urgent(ctx, sync.board, among)
    board: Board | None
    if due:
        board = await board_to_write(ctx)
    else:
        board = await _board_after_a_while(ctx, sync, among)
    if board is None:
        return False
    if board != sync.board:
        sync = replace(sync, board=board)
        due = await _most_urgent(ctx, board, among)
    while due and ctx.clock() < until:
        await push_cards(ctx, sync, report, until=until, first=due, among=among)
        due = await _most_urgent(ctx, sync.board, among)
    return bool(due)


async def _most_urgent(ctx: Context, board: Board, among: Collection[str] | None) -> list[str]:
    async with ctx.sessions() as session:
        return await pending(session, board, now=ctx.clock(), limit=AHEAD, among=among)


async def _board_after_a_while(
    ctx: Context, sync: SyncContext, among: Collection[str] | None
) -> Board | None:
    """Read the board again if it hides something of its cards and was read long ago.

    A property that users deleted may be back, and the webhook that reports it may be lost.
    """
    if among is not None:
        return None
    if not sync.board.hides_edits:
        async with ctx.sessions() as session:
            if not await any_out_of_reach(session, sync.board):
                return None
    return await board_if_long_known(ctx)


@step("push_cards", holds="push what differs")
async def push_cards(
    ctx: Context,
    sync: SyncContext,
    report: Report,
    *,
    until: datetime,
    first: Sequence[str],
    among: Collection[str] | None = None,
) -> None:
    """Write what differs, several requests at a time, until nothing does or `until` has come.

    An error of one card does not stop the others.

    Args:
        first: the most urgent cards, as they were found before.
    """
    writer = CardWriter(ctx, sync, report, await ctx.channels(), RefusalJudge(ctx))
    async with card_locks(ctx) as locks:
        order = PushOrder(ctx, sync.board, locks, among, first)

        async def push_one_by_one() -> None:
            while ctx.clock() < until and (page_id := await order.next()) is not None:
                try:
                    await writer.write(page_id)
                except Exception as error:  # noqa: BLE001 - a boundary: only this card fails
                    cost = cost_of_one(error, notion_page_id=page_id)
                    await record_failure(ctx, page_id, cost, report)
                await order.done(page_id)

        workers = at_once(ctx.settings.notion_requests_per_second)
        with with_priority(RequestPriority.PUSH if among is None else RequestPriority.PEOPLE):
            await run_all(push_one_by_one() for _ in range(workers))
    if order.elsewhere:
        await ctx.sleep(ELSEWHERE_SECONDS)


async def dry_run(ctx: Context, board: Board) -> list[PendingWrite]:
    """What a push would write now, card by card, as far as the database knows the board.

    Writes nothing. What would be written only after the operator confirms is included, and marked.
    """
    async with ctx.sessions() as session:
        page_ids = await pending(
            session, board, now=ctx.clock() + timedelta(days=1), limit=100_000, waiting=True
        )
    found = [await load_pending_write(ctx, board, page_id) for page_id in page_ids]
    return [change for change in found if change is not None]
