"""Validate, plan and store readings, in one commit with the events that they complete."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models.rules.board_schema import Board
from models.rules.validation import validate_notion_entry
from models.sync.card_changes import mark_deleted
from models.sync.observations import Observation, changed_pages, pages_on_board
from models.sync.reconcile import ReconcileResult, reconcile
from models.sync.row_locks import lock_rows
from models.sync.safety_stop import is_watched, pages_to_hold
from models.sync.trashed_cards import known_unreadable, mark_unreadable
from models.tables import webhook_events as inbox
from models.tables.card_queries import live_cards
from models.tables.sync_state import WATERMARK, get_moment
from tasks.runtime.context import Context
from tasks.runtime.prefect_task import step
from tasks.runtime.report import Report
from tasks.runtime.unexpected_errors import concerns_one, cost_of_one
from tasks.sync.comments import comments_on_rejected
from tasks.sync.fetch import answers_to_sample, read_by_id, read_sample
from tasks.sync.outcomes import Stored, report_result, report_unreadable
from tasks.sync.readings import Events, Readings, combined


@dataclass(frozen=True, kw_only=True)
class SyncContext:
    """What storing cards needs besides the readings.

    Attributes:
        bot_ids: the Notion users that our own writes are attributed to.
        importing: whether a whole board is being imported.
        confirmed: whether the operator confirmed that pages which look deleted are.
    """

    board: Board
    bot_ids: Collection[str]
    correlation_id: str | None
    importing: bool = False
    confirmed: bool = False


async def process_readings(
    ctx: Context,
    sync: SyncContext,
    readings: Readings,
    report: Report,
    events: Events | None = None,
) -> None:
    """Validate, store and report readings; read stale ones again by id."""
    events = events or Events()
    first = await _process_once(ctx, sync, readings, report, events)
    reread = set(first.reread)
    for rows in answers_to_sample(readings, first.unconfirmed):
        try:
            sample = await read_sample(ctx, sync.board, rows, first.unconfirmed)
        except Exception as error:  # noqa: BLE001 - a boundary: these pages are read by id
            cost_of_one(error, pages=len(rows))
            continue
        pages = set(sample.pages)
        result = await _process_once(ctx, sync, sample, report, events.of(pages))
        reread = (reread - pages) | set(result.reread)
    if reread:
        # If one of these is stale again, a still newer reading stored everything there was.
        second = await read_by_id(ctx, sync.board, sorted(reread))
        await _process_once(ctx, sync, second, report, events.of(reread), final=True)


async def process_changed(
    ctx: Context, sync: SyncContext, readings: Readings, report: Report
) -> None:
    """Process those of a query's rows that differ from what is stored."""
    channels = await ctx.channels()
    async with ctx.sessions() as session:
        unreadable = readings.unreadable - await known_unreadable(session, readings.unreadable)
        try:
            changed = await changed_pages(
                session, [read.card.in_channels(channels) for read in readings.cards]
            )
        except Exception as error:  # noqa: BLE001 - a boundary: storing them shows which it was
            cost_of_one(error, pages=len(readings.cards))
            changed = {read.card.page_id for read in readings.cards}
    cards = [read for read in readings.cards if read.card.page_id in changed]
    if cards or unreadable:
        failed = {page_id: readings.failed[page_id] for page_id in unreadable}
        news = Readings(cards=cards, unreadable=unreadable, failed=failed)
        await process_readings(ctx, sync, news, report)


async def _process_once(
    ctx: Context,
    sync: SyncContext,
    readings: Readings,
    report: Report,
    events: Events,
    *,
    final: bool = False,
) -> ReconcileResult:
    """Validate, store and report readings, without reading anything again.

    After an unexpected error each half of the pages is processed by itself, down to single pages.
    """
    try:
        validated = readings
        if readings.cards:
            validated = await validate_cards(ctx, readings)
        stored = await store_cards(ctx, sync, validated, events, final=final)
    except Exception as error:
        pages = readings.pages
        if not pages or not concerns_one(error):
            raise
        if len(pages) > 1:
            return await _process_halves(ctx, sync, readings, report, events, final=final)
        readings = readings.as_failed(cost_of_one(error, notion_page_id=pages[0]))
        stored = await store_cards(ctx, sync, readings, events, final=final)
    report_result(stored, report, quiet=sync.importing)
    await report_unreadable(ctx, stored, readings.failed, report)
    return stored.result


async def _process_halves(
    ctx: Context,
    sync: SyncContext,
    readings: Readings,
    report: Report,
    events: Events,
    *,
    final: bool,
) -> ReconcileResult:
    middle = len(readings.pages) // 2
    half, others = readings.pages[:middle], readings.pages[middle:]
    with_finished = replace(events.of(half), finished=events.finished)
    first = await _process_once(ctx, sync, readings.part(half), report, with_finished, final=final)
    second = await _process_once(
        ctx, sync, readings.part(others), report, events.of(others), final=final
    )
    return combined(first, second)


@step("validate_cards", holds="validate {readings}")
async def validate_cards(ctx: Context, readings: Readings) -> Readings:
    """The same readings with the rules that each card breaks (spec 2.1 and 2.2)."""
    channels = await ctx.channels()
    return replace(readings, cards=[validated(read, channels) for read in readings.cards])


def validated(read: Observation, channels: Mapping[str, object]) -> Observation:
    """The observation with its channel spelled as configured, and with its violations."""
    card = read.card.in_channels(channels)
    return replace(read, card=card, violations=validate_notion_entry(card, channels))


@step("store_cards", holds="store {readings}")
async def store_cards(
    ctx: Context,
    sync: SyncContext,
    readings: Readings,
    events: Events,
    *,
    final: bool = False,
) -> Stored:
    """Plan and store validated cards, and complete their events, in one commit.

    Args:
        final: whether events are completed even if their reading was stale once more.
    """
    comments = await comments_on_rejected(ctx, readings.cards, sync.bot_ids)
    now = ctx.clock()
    async with ctx.sessions.begin() as session:
        watched = await is_watched(session, ctx.connection(sync.board), now)
        held: Collection[str] = ()
        trashed = [read.card.page_id for read in readings.cards if read.card.in_trash]
        if not sync.confirmed and (readings.not_found or trashed):
            held = await pages_to_hold(
                session, readings.not_found, trashed, watched=watched, now=now
            )
        unread = readings.unreadable | await _cards_that_failed(session, readings)
        if readings.not_found or unread:
            # All rows at once: two writers that lock them one by one could deadlock.
            read = [observation.card.page_id for observation in readings.cards]
            making = pages_on_board(readings.cards) | readings.unreadable
            await lock_rows(session, [*readings.not_found, *unread, *read], making=making)
        result = await reconcile(
            session,
            readings.cards,
            now=now,
            correlation_id=sync.correlation_id,
            bot_ids=sync.bot_ids,
            importing=sync.importing,
            # An event may show a card before the first import does, and a later import may show
            # one that was created since.
            first_import=await get_moment(session, WATERMARK) is None,
            reported=events.reported,
            watched=watched,
            held=held,
            comments=comments,
        )
        deleted = await mark_deleted(
            session, readings.not_found, now=now, correlation_id=sync.correlation_id, held=held
        )
        unreadable = await mark_unreadable(
            session, {page: readings.failed[page] for page in unread}, now=now
        )
        # A page that lacks what the board has is read again later without its events.
        failing = readings.failed.keys() - readings.unreadable
        unfinished = set(failing)
        if not final:
            unfinished |= set(result.reread)
        await _complete(session, events, unfinished, now=now)
        for page in failing:
            rows = events.pages.get(page, ())
            await inbox.postpone(session, rows, now=now, error=readings.failed[page])
    # A page that failed with its event is alerted with the event, should that go on failing.
    without_event = {
        page: attempts for page, attempts in unreadable.items() if page in readings.unreadable
    }
    return Stored(result=result, deleted=deleted, unreadable=without_event)


async def _cards_that_failed(session: AsyncSession, readings: Readings) -> set[str]:
    """The pages that could not be read and are known cards."""
    if not readings.failed:
        return set()
    return await live_cards(session, readings.failed)


async def _complete(
    session: AsyncSession, events: Events, except_of: Collection[str], *, now: datetime
) -> None:
    """Complete the events, except those about some pages."""
    read = [row for page, rows in events.pages.items() if page not in except_of for row in rows]
    for outcome, rows in {**events.finished, "looked_at": read}.items():
        await inbox.finish(session, rows, now=now, outcome=outcome)
