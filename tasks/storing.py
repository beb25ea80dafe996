"""From readings to rows: validate, plan and store, in one commit with whatever the readings settle."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from models import inbox
from models.board import Board
from models.holding import hold
from models.looks import Look, news
from models.safety import is_watched, not_to_believe
from models.settle import Outcome, Settled, mark_gone, settle
from models.unseen import Claim
from models.validation import validate_notion_entry
from tasks.connections import Connections
from tasks.reading import Read, Readings, read_by_id
from tasks.report import Report
from tasks.steps import step
from tasks.vouching import answers, vouch

log = structlog.get_logger("showrunner.ingest")


@dataclass(frozen=True, kw_only=True)
class Reader:
    """In whose name cards are stored.

    Attributes:
        bot_id: whose edits are our own.
        importing: whether this is the import of a whole board.
        confirmed: whether the operator said that pages are gone which look so.
    """

    board: Board
    bot_id: str
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
    claims: Mapping[str, Sequence[Claim]] = field(default_factory=dict)

    def of(self, page_ids: Collection[str]) -> Events:
        """The part that concerns these pages."""
        pages = {page: rows for page, rows in self.pages.items() if page in page_ids}
        return Events(pages=pages, claims={page: of for page, of in self.claims.items() if page in page_ids})


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What a commit did: the cards looked at, and those found gone."""

    settled: Settled
    gone: Sequence[Outcome]


async def take_in(
    on: Connections, reader: Reader, readings: Readings, report: Report, events: Events | None = None
) -> None:
    """Validate, store and report readings; read again by id what a newer look had overtaken."""
    events = events or Events()
    first = await _take_in(on, reader, readings, report, events)
    again = set(first.again)
    for rows in answers(readings, first.doubted):
        checked = await vouch(on, reader.board, rows, first.doubted)
        looked_at = {*checked.failed, *checked.gone, *(read.card.page_id for read in checked.cards)}
        again -= looked_at
        again |= set((await _take_in(on, reader, checked, report, events.of(looked_at))).again)
    if again:
        # What is overtaken a second time had a newer look than this one, which stored whatever there was to say.
        second = await read_by_id(on, reader.board, sorted(again))
        await _take_in(on, reader, second, report, events.of(again), final=True)


async def take_in_news(on: Connections, reader: Reader, reads: Sequence[Read], report: Report) -> None:
    """Take in those readings of known cards that say anything new."""
    async with on.sessions() as session:
        fresh = await news(session, [read.card for read in reads])
    cards = [read for read in reads if read.card.page_id in fresh]
    if cards:
        await take_in(on, reader, Readings(cards=cards), report)


async def _take_in(
    on: Connections, reader: Reader, readings: Readings, report: Report, events: Events, *, final: bool = False
) -> Settled:
    """One pass."""
    looks = await validate_cards(on, readings) if readings.cards else []
    stored = await store_cards(on, reader, looks, readings, events, final=final)
    tell(stored, report, quiet=reader.importing)
    for page_id, error in readings.failed.items():
        report.failed += 1
        report.note(page_id, "cannot be read", error)
        log.error("card_unreadable", notion_page_id=page_id, error=error)
    return stored.settled


@step("validate_cards", holds="validate {readings}")
async def validate_cards(on: Connections, readings: Readings) -> list[Look]:
    """What each card breaks of the rules (spec 2.1 and 2.2)."""
    channels = on.channels()
    return [judged(read, channels) for read in readings.cards]


def judged(read: Read, channels: Mapping[str, object]) -> Look:
    """A reading with what is wrong with it."""
    violations = validate_notion_entry(read.card, channels)
    began, ended = read.began, read.ended
    return Look(card=read.card, violations=violations, began=began, ended=ended, by_id=read.by_id, vouched=read.vouched)


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
        watched = await is_watched(session, on.connection(reader.board), now)
        trashed = [look.card.page_id for look in looks if look.card.in_trash]
        unsure = not reader.confirmed and (readings.gone or trashed)
        waiting = await not_to_believe(session, readings.gone, trashed, watched=watched, now=now) if unsure else ()
        if readings.gone:
            # All at once, or two of us may wait for each other: each for a page that the other holds already.
            await hold(session, [*readings.gone, *(look.card.page_id for look in looks)])
        settled = await settle(
            session,
            looks,
            now=now,
            correlation_id=reader.correlation_id,
            bot_id=reader.bot_id,
            importing=reader.importing,
            claims=events.claims,
            watched=watched,
            waiting=waiting,
        )
        correlation_id = reader.correlation_id
        gone = await mark_gone(session, readings.gone, now=now, correlation_id=correlation_id, waiting=waiting)
        unsettled = set(readings.failed) if final else {*readings.failed, *settled.again}
        done = [row for page, rows in events.pages.items() if page not in unsettled for row in rows]
        for outcome, rows in {**events.settled, "looked_at": done}.items():
            await inbox.finish(session, rows, now=now, outcome=outcome)
        for page_id, error in readings.failed.items():
            await inbox.postpone(session, events.pages.get(page_id, ()), now=now, error=error)
    return Stored(settled=settled, gone=gone)


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
