"""From readings to rows: validate, plan and store, in one commit with whatever the readings settle."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from models.rules.board_schema import Board
from models.rules.validation import validate_notion_entry
from models.sync.lost_updates import ReportedEdit
from models.sync.observations import Observation, cards_among, news
from models.sync.reconcile import Outcome, ReconcileResult, mark_gone, reconcile
from models.sync.row_locks import lock_rows
from models.sync.safety_stop import is_watched, not_to_believe
from models.sync.unreadable_cards import known_unreadable, mark_unreadable
from models.tables import webhook_events as inbox
from models.tables.card import live_cards
from models.tables.sync_state import WATERMARK, get_moment
from tasks.failed_cards import alert_failing
from tasks.runtime.context import Context
from tasks.runtime.prefect_task import step
from tasks.runtime.report import Report
from tasks.runtime.unexpected_errors import concerns_one, cost_of_one
from tasks.sync.fetch import Read, Readings, read_by_id
from tasks.sync.readings import not_understood, pages_in, part_of, together
from tasks.sync.stale_queries import answers, vouch

log = structlog.get_logger("showrunner.ingest")


@dataclass(frozen=True, kw_only=True)
class SyncContext:
    """In whose name cards are stored.

    Attributes:
        bot_ids: whose edits are our own.
        importing: whether this is the import of a whole board.
        confirmed: whether the operator said that pages are gone which look so.
    """

    board: Board
    bot_ids: Collection[str]
    correlation_id: str | None
    importing: bool = False
    confirmed: bool = False


@dataclass(frozen=True, kw_only=True)
class Events:
    """The inbox rows that a batch of readings settles.

    Attributes:
        pages: row ids by page; settled: those that needed no look, by outcome.
        claims: what they say that people edited, by page.
    """

    pages: Mapping[str, Sequence[int]] = field(default_factory=dict)
    settled: Mapping[str, Sequence[int]] = field(default_factory=dict)
    claims: Mapping[str, Sequence[ReportedEdit]] = field(default_factory=dict)

    def of(self, page_ids: Collection[str]) -> Events:
        """The part that concerns these pages."""
        pages = {page: rows for page, rows in self.pages.items() if page in page_ids}
        return Events(
            pages=pages, claims={page: of for page, of in self.claims.items() if page in page_ids}
        )


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What a commit did: the cards looked at, those found gone, and how often those that are odd could not be read."""

    settled: ReconcileResult
    gone: Sequence[Outcome]
    unreadable: Mapping[str, int]


async def take_in(
    ctx: Context,
    sync: SyncContext,
    readings: Readings,
    report: Report,
    events: Events | None = None,
) -> None:
    """Validate, store and report readings; read again by id what a newer look had overtaken."""
    events = events or Events()
    first = await _take_in(ctx, sync, readings, report, events)
    again = set(first.again)
    for rows in answers(readings, first.doubted):
        try:
            checked = await vouch(ctx, sync.board, rows, first.doubted)
        except Exception as error:  # noqa: BLE001 - a boundary: these pages are read by id
            cost_of_one(error, pages=len(rows))
            continue
        looked_at = {*checked.failed, *checked.gone, *(read.card.page_id for read in checked.cards)}
        again -= looked_at
        again |= set((await _take_in(ctx, sync, checked, report, events.of(looked_at))).again)
    if again:
        # What is overtaken a second time had a newer look than this one, which stored whatever
        # there was to say.
        second = await read_by_id(ctx, sync.board, sorted(again))
        await _take_in(ctx, sync, second, report, events.of(again), final=True)


async def take_in_news(ctx: Context, sync: SyncContext, readings: Readings, report: Report) -> None:
    """Take in what of a query's answer says anything new."""
    channels = await ctx.channels()
    async with ctx.sessions() as session:
        odd = readings.odd - await known_unreadable(session, readings.odd)
        try:
            fresh = await news(
                session, [read.card.in_channels(channels) for read in readings.cards]
            )
        except Exception as error:  # noqa: BLE001 - a boundary: which of them it was, storing them tells
            cost_of_one(error, pages=len(readings.cards))
            fresh = {read.card.page_id for read in readings.cards}
    cards = [read for read in readings.cards if read.card.page_id in fresh]
    if cards or odd:
        failed = {page_id: readings.failed[page_id] for page_id in odd}
        await take_in(ctx, sync, Readings(cards=cards, odd=odd, failed=failed), report)


async def _take_in(
    ctx: Context,
    sync: SyncContext,
    readings: Readings,
    report: Report,
    events: Events,
    *,
    final: bool = False,
) -> ReconcileResult:
    """One pass.

    Where an error that nobody foresaw stops it, each half of the pages by itself, down to single
    ones.
    """
    try:
        observations = await validate_cards(ctx, readings) if readings.cards else []
        stored = await store_cards(ctx, sync, observations, readings, events, final=final)
    except Exception as error:
        pages = pages_in(readings)
        if not pages or not concerns_one(error):
            raise
        if len(pages) == 1:
            readings = not_understood(readings, cost_of_one(error, notion_page_id=pages[0]))
            stored = await store_cards(ctx, sync, [], readings, events, final=final)
        else:
            return await _take_in_halves(ctx, sync, readings, report, events, final=final)
    tell(stored, report, quiet=sync.importing)
    await tell_failed(ctx, stored, readings.failed, report)
    return stored.settled


async def _take_in_halves(
    ctx: Context,
    sync: SyncContext,
    readings: Readings,
    report: Report,
    events: Events,
    *,
    final: bool,
) -> ReconcileResult:
    pages = pages_in(readings)
    half, others = pages[: len(pages) // 2], pages[len(pages) // 2 :]
    with_settled = replace(events.of(half), settled=events.settled)
    first = await _take_in(ctx, sync, part_of(readings, half), report, with_settled, final=final)
    second = await _take_in(
        ctx, sync, part_of(readings, others), report, events.of(others), final=final
    )
    return together(first, second)


@step("validate_cards", holds="validate {readings}")
async def validate_cards(ctx: Context, readings: Readings) -> list[Observation]:
    """What each card breaks of the rules (spec 2.1 and 2.2)."""
    channels = await ctx.channels()
    return [judged(read, channels) for read in readings.cards]


def judged(read: Read, channels: Mapping[str, object]) -> Observation:
    """A reading with its channel as it is configured, and with what is wrong with it."""
    card = read.card.in_channels(channels)
    violations = validate_notion_entry(card, channels)
    began, ended, by_id = read.began, read.ended, read.by_id
    return Observation(
        card=card,
        violations=violations,
        began=began,
        ended=ended,
        by_id=by_id,
        remembered=read.remembered,
        vouched=read.vouched,
    )


@step("store_cards", holds="store {readings}")
async def store_cards(
    ctx: Context,
    sync: SyncContext,
    observations: Sequence[Observation],
    readings: Readings,
    events: Events,
    *,
    final: bool = False,
) -> Stored:
    """Plan and store the cards, and end their events, in one commit.

    Args:
        final: whether events end even if their look was overtaken once more.
    """
    now = ctx.clock()
    async with ctx.sessions.begin() as session:
        watched = await is_watched(session, ctx.connection(sync.board), now)
        trashed = [
            observation.card.page_id for observation in observations if observation.card.in_trash
        ]
        unsure = not sync.confirmed and (readings.gone or trashed)
        waiting = (
            await not_to_believe(session, readings.gone, trashed, watched=watched, now=now)
            if unsure
            else ()
        )
        unread = readings.odd | (
            await live_cards(session, readings.failed) if readings.failed else set()
        )
        if readings.gone or unread:
            # All at once, or two of us may wait for each other: each for a page that the other
            # holds already.
            concerned = [
                *readings.gone,
                *unread,
                *(observation.card.page_id for observation in observations),
            ]
            await lock_rows(session, concerned, making=cards_among(observations) | readings.odd)
        settled = await reconcile(
            session,
            observations,
            now=now,
            correlation_id=sync.correlation_id,
            bot_ids=sync.bot_ids,
            importing=sync.importing,
            # An event may show a card before the first import does, and a later import one that was
            # made since.
            first_import=await get_moment(session, WATERMARK) is None,
            claims=events.claims,
            watched=watched,
            waiting=waiting,
        )
        correlation_id = sync.correlation_id
        gone = await mark_gone(
            session, readings.gone, now=now, correlation_id=correlation_id, waiting=waiting
        )
        unreadable = await mark_unreadable(
            session, {page: readings.failed[page] for page in unread}, now=now
        )
        # A page that shows less than the board is tried again by itself: its events have told what
        # they had to tell.
        trying = readings.failed.keys() - readings.odd
        unsettled = trying if final else {*trying, *settled.again}
        done = [row for page, rows in events.pages.items() if page not in unsettled for row in rows]
        for outcome, rows in {**events.settled, "looked_at": done}.items():
            await inbox.finish(session, rows, now=now, outcome=outcome)
        for page_id in trying:
            await inbox.postpone(
                session, events.pages.get(page_id, ()), now=now, error=readings.failed[page_id]
            )
    # What an event told of is alerted with the event, should it go on failing.
    by_itself = {page: attempts for page, attempts in unreadable.items() if page in readings.odd}
    return Stored(settled=settled, gone=gone, unreadable=by_itself)


async def tell_failed(
    ctx: Context, stored: Stored, failed: Mapping[str, str], report: Report
) -> None:
    """Log, count and, where it goes on for long, alert what could not be read."""
    for page_id, error in failed.items():
        attempts = stored.unreadable.get(page_id, 0)
        report.failed += 1
        report.note(page_id, "cannot be read", error)
        log.error("card_unreadable", notion_page_id=page_id, error=error)
        await alert_failing(ctx, page_id, attempts, "A card of the board cannot be read", error)


def tell(stored: Stored, report: Report, *, quiet: bool = False) -> None:
    """Log what became of each card, and count it; `quiet` leaves out of the log what is no news of an old board."""
    for outcome in (*stored.settled.outcomes, *stored.gone):
        _tell(outcome, report, logging.DEBUG if quiet else logging.INFO)
    report.not_granted.update(stored.settled.unseen)
    for page_id, found in stored.settled.unseen.items():
        for edit in found:
            report.refused += 1
            report.note(page_id, "overruled", f"{edit.name}: unseen")
            log.warning(
                "edit_overruled", notion_page_id=page_id, property=edit.name, reason="unseen"
            )


def _tell(outcome: Outcome, report: Report, level: int) -> None:
    known = log.bind(
        notion_page_id=outcome.page_id, task_id=str(outcome.task_id) if outcome.task_id else None
    )
    if outcome.trashed:
        report.gone += 1
        report.note(outcome.page_id, "gone")
        known.info("card_gone")
    if outcome.restored:
        report.note(outcome.page_id, "restored")
        known.info("card_restored")
    if outcome.created or outcome.taken or outcome.restored:
        report.created += outcome.created
        report.taken += not outcome.created
        report.note(outcome.page_id, "created" if outcome.created else "taken")
        known.log(level, "notion_entry_synced", created=outcome.created)
    if outcome.newly_invalid:
        report.invalid += 1
        fields = [violation.field for violation in outcome.newly_invalid]
        report.note(outcome.page_id, "invalid", ", ".join(fields))
        action = _what_becomes_of_invalid(outcome)
        reasons = [f"{violation.field}: {violation.reason}" for violation in outcome.newly_invalid]
        # Spec 2.2 asks for title and channel here; no other line holds what people wrote.
        seen = outcome.plan.base if outcome.plan is not None else None
        who = {"title": seen.title, "channel": seen.channel} if seen is not None else {}
        known.warning(
            "notion_entry_validation_failed", **who, fields=fields, reasons=reasons, action=action
        )
    for lost in outcome.plan.lost if outcome.plan else ():
        waits = lost.action == "waiting"
        report.refused += not waits
        if not waits:
            report.not_granted.add(outcome.page_id)
        report.note(outcome.page_id, lost.action, f"{lost.property}: {lost.reason}")
        action = "taken_when_valid" if waits else "put_back_at_next_push"
        known.warning(
            f"edit_{lost.action}", property=lost.property, reason=lost.reason, action=action
        )


def _what_becomes_of_invalid(outcome: Outcome) -> str:
    """What the log says is done about a card that is not valid (spec 2.2)."""
    if outcome.task_id is None:
        return "entry_remains_in_draft"
    goes_to_draft = outcome.plan is not None and outcome.plan.moved
    return "entry_goes_to_draft" if goes_to_draft else "task_keeps_last_valid_values"
