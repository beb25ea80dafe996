"""From readings to rows: validate, plan and store, in one commit with whatever the readings settle."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import inbox
from models.board import Board
from models.card import count_cards, count_cards_among, count_trashed
from models.errors import SafetyStop
from models.holding import hold
from models.looks import Look, cards_among, news
from models.settle import Outcome, Settled, mark_gone, settle
from models.sync_state import CONFIRMED, get_moment
from models.unreadable import known_unreadable, mark_unreadable
from models.unseen import Claim
from models.validation import validate_notion_entry
from tasks.connections import Connections
from tasks.failing import alert_failing
from tasks.reading import Read, Readings, read_by_id
from tasks.report import Report
from tasks.steps import step

log = structlog.get_logger("showrunner.ingest")

SAFE_TRASH_SHARE = 0.10
SAFE_TRASH_COUNT = 10
"""Marking more cards than both of these as trashed at once stops and asks (design: section 8)."""
AT_ONCE = timedelta(minutes=10)
"""What a page says of itself ("in the trash") counts by the batch. That Notion does not find it may mean that nobody
may see it any more, and such pages are met one by one: they count together for this long."""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """In whose name cards are stored.

    Attributes:
        bot_id: whose edits are our own.
        importing: whether this is the import of a whole board.
    """

    board: Board
    bot_id: str
    correlation_id: str | None
    importing: bool = False


@dataclass(frozen=True, kw_only=True)
class Events:
    """The inbox rows that a batch of readings settles.

    Attributes:
        pages: row ids by page; settled: those that needed no look, by outcome.
        claims: what they say that people edited, by page.
    """

    pages: Mapping[str, Sequence[int]] = field(default_factory=dict)
    settled: Mapping[str, Sequence[int]] = field(default_factory=dict)
    claims: Mapping[str, Sequence[Claim]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What a commit did: the cards looked at, those found gone, and how often those that are odd could not be read."""

    settled: Settled
    gone: Sequence[Outcome]
    unreadable: Mapping[str, int]


async def take_in(
    on: Connections, reader: Reader, readings: Readings, report: Report, events: Events | None = None
) -> None:
    """Validate, store and report readings; read again by id what a newer look had overtaken.

    Raises:
        SafetyStop: when much of the board would be marked as trashed; nothing is stored then.
    """
    events = events or Events()
    again = await _take_in(on, reader, readings, report, events)
    if again:
        # What is overtaken a second time had a newer look than this one, which stored whatever there was to say.
        second = await read_by_id(on, reader.board, again)
        waiting = {page: events.pages[page] for page in again if page in events.pages}
        claims = {page: events.claims[page] for page in again if page in events.claims}
        await _take_in(on, reader, second, report, Events(pages=waiting, claims=claims), final=True)


async def take_in_news(on: Connections, reader: Reader, readings: Readings, report: Report) -> None:
    """Take in what of a query's answer says anything new."""
    async with on.sessions() as session:
        fresh = await news(session, [read.card for read in readings.cards])
        odd = readings.odd - await known_unreadable(session, readings.odd)
    cards = [read for read in readings.cards if read.card.page_id in fresh]
    if cards or odd:
        failed = {page_id: readings.failed[page_id] for page_id in odd}
        await take_in(on, reader, Readings(cards=cards, odd=odd, failed=failed), report)


async def _take_in(
    on: Connections, reader: Reader, readings: Readings, report: Report, events: Events, *, final: bool = False
) -> Sequence[str]:
    """One pass; the pages to be read again."""
    looks = await validate_cards(on, readings) if readings.cards else []
    stored = await store_cards(on, reader, looks, readings, events, final=final)
    tell(stored, report, quiet=reader.importing)
    await tell_failed(on, stored, readings.failed, report)
    return stored.settled.again


@step("validate_cards", holds="validate {readings}")
async def validate_cards(on: Connections, readings: Readings) -> list[Look]:
    """What each card breaks of the rules (spec 2.1 and 2.2)."""
    channels = on.channels()
    return [judged(read, channels) for read in readings.cards]


def judged(read: Read, channels: Mapping[str, object]) -> Look:
    """A reading with what is wrong with it."""
    violations = validate_notion_entry(read.card, channels)
    return Look(card=read.card, violations=violations, began=read.began, ended=read.ended, by_id=read.by_id)


@step("store_cards", holds="store {readings}", tags=("inbox",))
async def store_cards(
    on: Connections, reader: Reader, looks: Sequence[Look], readings: Readings, events: Events, *, final: bool = False
) -> Stored:
    """Plan and store the cards, and end their events, in one commit.

    Args:
        final: whether events end even if their look was overtaken once more.
    """
    now = on.clock()
    async with on.sessions.begin() as session:
        await _guard_trash(session, looks, readings.gone, now)
        if readings.gone or readings.odd:
            # All at once, or two of us may wait for each other: each for a page that the other holds already.
            concerned = [*readings.gone, *readings.odd, *(look.card.page_id for look in looks)]
            await hold(session, concerned, making=cards_among(looks) | readings.odd)
        settled = await settle(
            session,
            looks,
            now=now,
            correlation_id=reader.correlation_id,
            bot_id=reader.bot_id,
            importing=reader.importing,
            claims=events.claims,
        )
        gone = await mark_gone(session, readings.gone, now=now, correlation_id=reader.correlation_id)
        odd = {page: readings.failed[page] for page in readings.odd}
        unreadable = await mark_unreadable(session, odd, now=now)
        # A card that cannot be read is tried again by itself: its events have told what they had to tell.
        trying = readings.failed.keys() - readings.odd
        unsettled = trying if final else {*trying, *settled.again}
        done = [row for page, rows in events.pages.items() if page not in unsettled for row in rows]
        for outcome, rows in {**events.settled, "looked_at": done}.items():
            await inbox.finish(session, rows, now=now, outcome=outcome)
        for page_id in trying:
            await inbox.postpone(session, events.pages.get(page_id, ()), now=now, error=readings.failed[page_id])
    return Stored(settled=settled, gone=gone, unreadable=unreadable)


async def _guard_trash(session: AsyncSession, looks: Sequence[Look], gone: Sequence[str], now: datetime) -> None:
    vanished = [*gone, *(look.card.page_id for look in looks if look.card.in_trash)]
    if not vanished:
        return
    count = await count_cards_among(session, vanished)
    lately = await count_trashed(session, since=now - AT_ONCE) if gone else 0
    if count + lately <= SAFE_TRASH_COUNT:
        return
    total = await count_cards(session) + lately
    if count + lately > SAFE_TRASH_SHARE * total and await get_moment(session, CONFIRMED) is None:
        raise SafetyStop(
            f"{count + lately} of {total} cards would be marked as trashed at once; {count} were not. Is the token "
            "right and the board shared? If the cards are really gone: showrunner push --confirm"
        )


async def tell_failed(on: Connections, stored: Stored, failed: Mapping[str, str], report: Report) -> None:
    """Log, count and, where it goes on for long, alert what could not be read."""
    for page_id, error in failed.items():
        attempts = stored.unreadable.get(page_id, 0)
        report.failed += 1
        report.note(page_id, "cannot be read", error)
        log.error("card_unreadable", notion_page_id=page_id, error=error)
        await alert_failing(on, page_id, attempts, "A card of the board cannot be read", error)


def tell(stored: Stored, report: Report, *, quiet: bool = False) -> None:
    """Log what became of each card, and count it; `quiet` leaves out of the log what is no news of an old board."""
    for outcome in (*stored.settled.outcomes, *stored.gone):
        _tell(outcome, report, logging.DEBUG if quiet else logging.INFO)
    for page_id, found in stored.settled.unseen.items():
        for edit in found:
            report.refused += 1
            report.note(page_id, "overruled", f"{edit.name}: unseen")
            log.warning("edit_overruled", notion_page_id=page_id, property=edit.name, reason="unseen")


def _tell(outcome: Outcome, report: Report, level: int) -> None:
    known = log.bind(notion_page_id=outcome.page_id, task_id=str(outcome.task_id) if outcome.task_id else None)
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
        action = "entry_remains_in_draft" if outcome.task_id is None else "task_keeps_last_valid_values"
        reasons = [f"{violation.field}: {violation.reason}" for violation in outcome.newly_invalid]
        known.warning("notion_entry_validation_failed", fields=fields, reasons=reasons, action=action)
    for lost in outcome.plan.lost if outcome.plan else ():
        report.refused += 1
        report.note(outcome.page_id, lost.action, f"{lost.property}: {lost.reason}")
        known.warning(f"edit_{lost.action}", property=lost.property, reason=lost.reason, action="put_back_at_next_push")
