"""PostgreSQL -> Notion: find the cards that do not show what they should, and write the difference.

For each card: load what is needed in a short transaction, write only the changed properties, and
store the answer as the new merge base in another short transaction. No transaction is open during a
request to Notion (spec 7.1).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from models.errors import (
    NotionForbidden,
    NotionPageNotFound,
    NotionRejected,
    NotionUnavailable,
    NotionWriteUncertain,
)
from models.rules.board_schema import Board
from models.rules.codec import read_card, write_properties
from models.sync.card_changes import CardChange
from models.sync.observations import Observation
from models.sync.pending_write import PendingWrite, begin_write, pending_write_of
from models.tables.card_queries import card_and_task, cards_of
from models.tables.incidents import IncidentKind
from models.tables.push_queue import any_out_of_reach, pending
from tasks.alerts import resolve_alert
from tasks.board.followed import board_after_refusal, board_if_long_known, board_to_write
from tasks.board.refusals import RefusalJudge
from tasks.failed_cards import FAILING, alert_failing
from tasks.notion.priority import RequestPriority, with_priority
from tasks.notion.throttle import at_once
from tasks.runtime.card_locks import card_locks
from tasks.runtime.concurrency import run_all
from tasks.runtime.context import Context
from tasks.runtime.prefect_task import step
from tasks.runtime.report import Report
from tasks.runtime.unexpected_errors import cost_of_one
from tasks.sync.fetch import read_by_id
from tasks.sync.outcomes import report_result, report_unreadable
from tasks.sync.push_order import AHEAD, PushOrder
from tasks.sync.readings import Events, Readings
from tasks.sync.store import SyncContext, store_cards, validated

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
    """Read the board again if it takes nothing of what cards should show and was read long ago.

    A property that users deleted may be back, and the webhook that reports it may be lost.
    """
    if among is not None:
        return None
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
    channels, refusals = await ctx.channels(), RefusalJudge(ctx)
    async with card_locks(ctx) as locks:
        order = PushOrder(ctx, sync.board, locks, among, first)

        async def push_one_by_one() -> None:
            while ctx.clock() < until and (page_id := await order.next()) is not None:
                try:
                    await push_card(ctx, sync, page_id, report, channels, refusals)
                except Exception as error:  # noqa: BLE001 - a boundary: only this card fails
                    await _failed(ctx, page_id, cost_of_one(error, notion_page_id=page_id), report)
                await order.done(page_id)

        workers = at_once(ctx.settings.notion_requests_per_second)
        with with_priority(RequestPriority.PUSH if among is None else RequestPriority.PEOPLE):
            await run_all(push_one_by_one() for _ in range(workers))
    if order.elsewhere:
        await ctx.sleep(ELSEWHERE_SECONDS)


async def push_card(
    ctx: Context,
    sync: SyncContext,
    page_id: str,
    report: Report,
    channels: Mapping[str, object],
    refusals: RefusalJudge,
) -> None:
    """Write to one card what it should show.

    An error that concerns this card alone is stored with it, and its next try is delayed.

    Raises:
        NotionAuthError, NotionUnavailable: what concerns all cards alike.
    """
    change = await _begin(ctx, sync, page_id)
    if change is not None and change.is_unread:
        await _read(ctx, sync, page_id, report, channels)
        change = await _begin(ctx, sync, page_id, was_read=True)
    if change is None:
        return
    known = log.bind(notion_page_id=page_id, properties=sorted(change.values))
    began = ctx.clock()
    try:
        page = await ctx.notion.update_page(page_id, write_properties(change.values, sync.board))
        card = read_card(page, sync.board)
    except NotionWriteUncertain as error:
        known.warning("push_uncertain", error=str(error))
        await _read_back(ctx, sync, change, str(error), report, channels)
        return
    except NotionForbidden as error:
        await refusals.judge(page_id, error)
        await _failed(ctx, change.page_id, str(error), report)
        return
    except NotionPageNotFound:
        await _read_back(ctx, sync, change, "Notion does not find the page", report, channels)
        return
    except NotionUnavailable as error:
        if not error.concerns_one_request:
            raise
        await _failed(ctx, change.page_id, str(error), report)
        return
    except (NotionRejected, ValueError) as error:
        board = await board_after_refusal(ctx)
        if board != sync.board:
            await push_card(ctx, replace(sync, board=board), page_id, report, channels, refusals)
            return
        # A page in the trash is refused like a malformed request; reading it shows which it was.
        await _read_back(ctx, sync, change, str(error), report, channels)
        return
    refusals.written()
    read = Observation(card=card, began=began, ended=ctx.clock(), by_id=True)
    observation = replace(validated(read, channels), written=change.values)
    await _store(ctx, sync, Readings(cards=[observation]), report)
    report.pushed += 1
    report.add_row(page_id, "pushed", ", ".join(sorted(change.values)))
    known.info("card_pushed")
    if change.attempts >= FAILING:
        await resolve_alert(ctx, IncidentKind.CARD_FAILING.about(page_id))


async def load_pending_write(ctx: Context, board: Board, page_id: str) -> PendingWrite | None:
    """What must be written to a card now; None if nothing, in the trash, or unknown."""
    async with ctx.sessions() as session:
        found = await card_and_task(session, page_id)
    if found is None:
        return None
    return pending_write_of(*found, board)


async def _begin(
    ctx: Context, sync: SyncContext, page_id: str, *, was_read: bool = False
) -> PendingWrite | None:
    """Load what must be written, and store it as in flight in case the answer is lost.

    A write to a property that is back since the last reading is not begun until `was_read`.
    """
    async with ctx.sessions.begin() as session:
        found = await card_and_task(session, page_id)
        if found is None:
            return None
        card, task = found
        change = pending_write_of(card, task, sync.board)
        if change is None or change.waits:
            return None
        if change.is_unread and not was_read:
            return change
        begin_write(
            CardChange(
                session=session,
                card=card,
                actor="push",
                now=ctx.clock(),
                correlation_id=sync.correlation_id,
            ),
            change,
        )
    return change


async def _read_back(
    ctx: Context,
    sync: SyncContext,
    change: PendingWrite,
    error: str,
    report: Report,
    channels: Mapping[str, object],
) -> None:
    """Read the page after a write that failed: it may be saved, in the trash, or really refused."""
    readings = await _read(ctx, sync, change.page_id, report, channels)
    there = readings.cards and not readings.cards[0].card.in_trash
    if there and await load_pending_write(ctx, sync.board, change.page_id):
        await _failed(ctx, change.page_id, error, report)


async def _read(
    ctx: Context, sync: SyncContext, page_id: str, report: Report, channels: Mapping[str, object]
) -> Readings:
    """Read a page and store what it shows."""
    readings = await read_by_id(ctx, sync.board, [page_id])
    readings.cards = [validated(read, channels) for read in readings.cards]
    await _store(ctx, sync, readings, report)
    return readings


async def _store(ctx: Context, sync: SyncContext, readings: Readings, report: Report) -> None:
    # Not as a Prefect task: one task run per card would cost more than the card.
    stored = await store_cards.plain(ctx, sync, readings, Events())
    report_result(stored, report)
    await report_unreadable(ctx, stored, readings.failed, report)


async def _failed(ctx: Context, page_id: str, error: str, report: Report) -> None:
    async with ctx.sessions.begin() as session:
        card = (await cards_of(session, [page_id])).get(page_id)
        if card is None:
            return  # the board was forgotten meanwhile
        card.failed(error, ctx.clock())
        attempts, due = card.attempts, card.next_attempt_at
    report.failed += 1
    report.add_row(page_id, "failed", error)
    log.error(
        "card_push_failed",
        notion_page_id=page_id,
        error=error,
        attempts=attempts,
        next_attempt_at=str(due),
    )
    await alert_failing(ctx, page_id, attempts, "A card cannot be written to the board", error)


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
