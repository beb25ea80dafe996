"""PostgreSQL -> Notion: find the cards that show something else than they should, and write the difference.

Each card: read what is needed (a short transaction, closed), write only the changed properties, store the answer as
the new memory of the card (another short transaction). No transaction is open while Notion is asked (spec 7.1).
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
from models.sync.observations import Observation
from models.sync.pending_write import Change, change_to
from models.sync.recent_writes import sending
from models.tables.card import card_and_task, cards_of
from models.tables.push_queue import any_out_of_reach, pending
from tasks.alerts import resolve_alert
from tasks.board.followed import board_after_refusal, board_if_long_known, board_to_write
from tasks.board.refusals import Refusals
from tasks.failed_cards import FAILING, alert_failing
from tasks.notion.priority import RequestPriority, with_priority
from tasks.notion.throttle import at_once
from tasks.runtime.card_locks import card_locks
from tasks.runtime.concurrency import run_all
from tasks.runtime.context import Context
from tasks.runtime.prefect_task import step
from tasks.runtime.report import Report
from tasks.runtime.unexpected_errors import cost_of_one
from tasks.sync.fetch import Read, Readings, read_by_id
from tasks.sync.push_order import PushOrder
from tasks.sync.store import Events, SyncContext, judged, store_cards, tell, tell_failed

log = structlog.get_logger("showrunner.push")

PUT_BACK_FOR = timedelta(seconds=5)
"""How long an ingest run writes cards back: some fifteen of them, after which others wait for it
again."""
ELSEWHERE_SECONDS = 0.2
"""What another process needs to write a card that we wait for."""


async def put_back(ctx: Context, sync: SyncContext, report: Report) -> None:
    """Answer people whose wishes this run did not grant: write their cards now instead of at the next cycle.

    What takes longer than `PUT_BACK_FOR` is left to that.

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
    """Write cards, the most urgent first, until none differs or `until` has come; whether some are left.

    Cards that wait for the operator (`models.sync.safety_stop`) are left out.

    Args:
        among: of these alone, for the people who wait for them; None for all that differ.

    Raises:
        BoardError: when the board changed so that it cannot be followed.
        NotionAuthError, NotionUnavailable: what concerns all cards alike.
    """
    board = await _board_with_something_due(ctx, sync.board, among)
    if board is None:
        return False
    sync = replace(sync, board=board)
    while left := await _any_pending(ctx, sync.board, among):
        if ctx.clock() >= until:
            break
        await push_cards(ctx, sync, report, until=until, among=among)
    return left


async def _board_with_something_due(
    ctx: Context, known: Board, among: Collection[str] | None = None
) -> Board | None:
    """The board to write to; None when it takes nothing of what cards should show."""
    if await _any_pending(ctx, known, among):
        return await board_to_write(ctx)
    async with ctx.sessions() as session:
        if among is not None or not await any_out_of_reach(session, known):
            return None
    # A column that people deleted may be back, and perhaps no webhook told us.
    return await board_if_long_known(ctx)


async def _any_pending(ctx: Context, board: Board, among: Collection[str] | None = None) -> bool:
    async with ctx.sessions() as session:
        return bool(await pending(session, board, now=ctx.clock(), limit=1, among=among))


@step("push_cards", holds="push what differs")
async def push_cards(
    ctx: Context,
    sync: SyncContext,
    report: Report,
    *,
    until: datetime,
    among: Collection[str] | None = None,
) -> None:
    """Write what differs, several requests in flight, until nothing does or `until`; one bad card stops no other."""
    channels, refusals = await ctx.channels(), Refusals(ctx)
    async with card_locks(ctx) as taken:
        line = PushOrder(ctx, sync.board, taken, among)

        async def one_by_one() -> None:
            while ctx.clock() < until and (page_id := await line.next()) is not None:
                try:
                    await push_card(ctx, sync, page_id, report, channels, refusals)
                except Exception as error:  # noqa: BLE001 - a boundary: it costs this card
                    await _failed(ctx, page_id, cost_of_one(error, notion_page_id=page_id), report)
                await line.done(page_id)

        with with_priority(RequestPriority.PUSH if among is None else RequestPriority.PEOPLE):
            await run_all(
                one_by_one() for _ in range(at_once(ctx.settings.notion_requests_per_second))
            )
    if line.elsewhere:
        await ctx.sleep(ELSEWHERE_SECONDS)


async def push_card(
    ctx: Context,
    sync: SyncContext,
    page_id: str,
    report: Report,
    channels: Mapping[str, object],
    refusals: Refusals,
) -> None:
    """Bring one card to what it should show.

    What is wrong with this card alone is stored with it, and it backs off.

    Raises:
        NotionAuthError, NotionUnavailable: what concerns all cards alike.
    """
    change = await _begin(ctx, sync.board, page_id)
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
        # A page in the trash is refused like a malformed request; reading it tells which it was.
        await _read_back(ctx, sync, change, str(error), report, channels)
        return
    refusals.written()
    read = Read(card=card, began=began, ended=ctx.clock(), by_id=True)
    observation = replace(judged(read, channels), written=change.values)
    await _keep(ctx, sync, [observation], Readings(), report)
    report.pushed += 1
    report.note(page_id, "pushed", ", ".join(sorted(change.values)))
    known.info("card_pushed")
    if change.attempts >= FAILING:
        await resolve_alert(ctx, f"card_failing:{page_id}")


async def change_of(ctx: Context, board: Board, page_id: str) -> Change | None:
    """What is to be written to a card now; None when it is right, in the trash, or unknown."""
    async with ctx.sessions() as session:
        found = await card_and_task(session, page_id)
    return change_to(*found, board) if found is not None else None


async def _begin(ctx: Context, board: Board, page_id: str) -> Change | None:
    """What is to be written to a card now, noted with it: should we die before the answer is stored, it is known."""
    async with ctx.sessions.begin() as session:
        found = await card_and_task(session, page_id)
        change = change_to(*found, board) if found is not None else None
        if change is not None and change.waits:
            return None
        if found is not None and change is not None:
            found[0].sending = sending(change.values, ctx.clock())
    return change


async def _read_back(
    ctx: Context,
    sync: SyncContext,
    change: Change,
    error: str,
    report: Report,
    channels: Mapping[str, object],
) -> None:
    """See what the page is like after a write that failed: saved all the same, in the trash, or really refused."""
    readings = await read_by_id(ctx, sync.board, [change.page_id])
    observations = [judged(read, channels) for read in readings.cards]
    await _keep(ctx, sync, observations, readings, report)
    if (
        readings.cards
        and not readings.cards[0].card.in_trash
        and await change_of(ctx, sync.board, change.page_id)
    ):
        await _failed(ctx, change.page_id, error, report)


async def _keep(
    ctx: Context,
    sync: SyncContext,
    observations: Sequence[Observation],
    readings: Readings,
    report: Report,
) -> None:
    # Not through the Prefect task: one task run per card would cost more than the card.
    stored = await store_cards.plain(ctx, sync, observations, readings, Events())
    tell(stored, report)
    await tell_failed(ctx, stored, readings.failed, report)


async def _failed(ctx: Context, page_id: str, error: str, report: Report) -> None:
    async with ctx.sessions.begin() as session:
        card = (await cards_of(session, [page_id])).get(page_id)
        if card is None:
            return  # it was forgotten meanwhile
        card.failed(error, ctx.clock())
        attempts, due = card.attempts, card.next_attempt_at
    report.failed += 1
    report.note(page_id, "failed", error)
    log.error(
        "card_push_failed",
        notion_page_id=page_id,
        error=error,
        attempts=attempts,
        next_attempt_at=str(due),
    )
    await alert_failing(ctx, page_id, attempts, "A card cannot be written to the board", error)


async def dry_run(ctx: Context, board: Board) -> list[Change]:
    """What a push would write now, card by card, as far as the database knows the board.

    Writes nothing anywhere.

    With it what would be written once the operator confirmed, marked as waiting.
    """
    async with ctx.sessions() as session:
        page_ids = await pending(
            session, board, now=ctx.clock() + timedelta(days=1), limit=100_000, waiting=True
        )
    found = [await change_of(ctx, board, page_id) for page_id in page_ids]
    return [change for change in found if change is not None]
