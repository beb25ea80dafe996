"""Notion -> PostgreSQL: claim what the inbox holds, look at the cards as they are now, validate, store.

An event is a hint, never data: order and duplicates do not matter, because the page itself is read. The result and
the events' end are stored in one commit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars, get_contextvars

from models.rules.board_schema import Board
from models.rules.notion_ids import page_id_of
from models.sync.lost_updates import ReportedEdit, reported_edit
from models.tables import webhook_events as inbox
from models.tables.card import live_cards
from models.tables.webhook_events import WebhookEvent
from tasks.alerts import AWAY, Level, end_recovered, send_alerts
from tasks.board.followed import bot_ids, followed_board, refreshed_board
from tasks.runtime.context import Context
from tasks.runtime.debounce import gathered
from tasks.runtime.leases import claiming
from tasks.runtime.prefect_task import step
from tasks.runtime.report import Report
from tasks.runtime.unexpected_errors import concerns_one, cost_of_one
from tasks.sync.fetch import Readings, read_by_id, read_many
from tasks.sync.push import put_back
from tasks.sync.store import Events, SyncContext, take_in

log = structlog.get_logger("showrunner.ingest")

BATCH = 2000
"""Events claimed at once: twenty queries' worth of cards, which are read well inside the lease."""
CLAIM_FOR = timedelta(seconds=20)
"""How long a claim goes on asking for pages one by one: what is left is given back, and comes after
what is new."""
PORTION = 12
"""Pages asked for one by one before what came of it is stored: four seconds' worth at 3 a second.
"""
FEW = 3
"""Up to this many pages are read one by one; a query would cost as much and may lag behind."""
_NO_DATABASE = (
    "page",
    "block",
    "space",
    "team",
    "agent",
    "page_id",
    "block_id",
    "workspace",
    "agent_id",
)
"""What lies in one of these is no row of a database. A webhook's words for it, then a page
object's, which automations send. Of `database` alone nobody can tell which of its data sources is
meant. No set: what a payload holds in that place may be of any type, and some cannot be looked up
in one."""
_EDITED_BEFORE = timedelta(minutes=6)
"""How long before an event's arrival its edit may lie: Notion delivers within five minutes, edit
times are floored."""


@dataclass
class Batch:
    """A claim, sorted by what there is to do.

    Attributes:
        pages: ids of our event rows by page to look at.
        trashed: pages said to have left the board, which no query shows.
        settled: ids of our event rows that need no look, by the outcome to store.
        claims: what the events say that people edited, by page.
        looked_at: pages that were looked at, and what came of it stored.
    """

    events: Sequence[WebhookEvent]
    pages: dict[str, list[int]] = field(default_factory=dict)
    trashed: set[str] = field(default_factory=set)
    settled: dict[str, list[int]] = field(default_factory=dict)
    claims: dict[str, list[ReportedEdit]] = field(default_factory=dict)
    looked_at: set[str] = field(default_factory=set)
    schema_changed: bool = False

    def __str__(self) -> str:
        """How much, for a task's name in the Prefect UI."""
        return f"{len(self.pages)} cards"

    @property
    def left(self) -> list[int]:
        """Ids of our event rows whose pages were not looked at."""
        return [
            row for page, rows in self.pages.items() if page not in self.looked_at for row in rows
        ]

    @property
    def undone(self) -> list[WebhookEvent]:
        """Events of which nothing is stored yet."""
        rows = {*self.left, *(row for settled in self.settled.values() for row in settled)}
        return [event for event in self.events if event.row in rows]


@dataclass(frozen=True)
class Portion:
    """Pages to be read one by one."""

    pages: Sequence[str]

    def __str__(self) -> str:
        """How many, for a task's name in the Prefect UI."""
        return f"{len(self.pages)} by id"


async def drain_inbox(
    ctx: Context, report: Report, *, gathering: bool = False, until: datetime | None = None
) -> bool:
    """Work through everything that is due; what fails stays due, with backoff.

    Args:
        gathering: whether this is a run of its own and no part of a cycle: in a burst it waits for
            more of it before each claim, and leaves it to whoever does so already; and it writes
            back at once what it does not grant.
        until: when to stop asking for pages one by one, once some were asked for; None when the
            inbox is empty.

    Returns:
        Whether something is left for want of time.

    Raises:
        GiveUp, NotionUnavailable: what concerns everything; the events are given back untried.
    """
    async with ctx.sessions() as session:
        if not await inbox.waiting(session):
            return False
    async with claiming(ctx):
        return await _drain(ctx, report, gathering=gathering, until=until)


async def _drain(ctx: Context, report: Report, *, gathering: bool, until: datetime | None) -> bool:
    if not await _any_due(ctx):
        return False
    left = False
    board, me, began = await followed_board(ctx), await bot_ids(ctx), ctx.clock()
    try:
        # Asked first, because a claim is a task run, and the last one would find nothing.
        while (
            await _any_due(ctx)
            and (not gathering or await gathered(ctx, me))
            and (events := await claim_events(ctx))
        ):
            board, left = await _work_through(
                ctx, events, board, me, report, until=until, answering=gathering
            )
            if until is not None and ctx.clock() >= until:
                left = left or await _any_due(ctx)
                break
    except Exception:
        # What stopped a later batch must not keep the deaths of an earlier one from being told.
        with suppress(*AWAY):
            await _report_dead(ctx, began)
        raise
    await _report_dead(ctx, began)
    return left


async def _any_due(ctx: Context) -> bool:
    async with ctx.sessions() as session:
        return await inbox.any_due(session, now=ctx.clock())


async def _work_through(
    ctx: Context,
    events: Sequence[WebhookEvent],
    board: Board,
    me: Collection[str],
    report: Report,
    *,
    until: datetime | None,
    answering: bool,
) -> tuple[Board, bool]:
    """Take in one claim, and write back what was not granted if asked to.

    Where an error that nobody foresaw stops it, each half of what is not done yet is tried by
    itself, down to single events.

    Returns:
        The board as it is then known, and whether pages are left for want of time.
    """
    batch: Batch | None = None
    ends = ctx.clock() + CLAIM_FOR
    with _joined(events) as correlation_id:
        try:
            known = await _cards_among(ctx, events)
            batch = sort_events(events, board, me, known)
            if batch.schema_changed:
                board = await refreshed_board(ctx)
            sync = SyncContext(board=board, bot_ids=me, correlation_id=correlation_id)
            await _look(ctx, sync, batch, known, report, until=min(until or ends, ends))
            if answering:
                await put_back(ctx, sync, report)
            return board, await _leave_to_the_next_claim(ctx, batch)
        except Exception as error:
            undone = events if batch is None else batch.undone
            if not concerns_one(error):
                with suppress(*AWAY):
                    await _give_back(ctx, undone, error)
                raise
            if len(undone) <= 1:
                await _postpone(ctx, undone, error, report)
                return board, False
        left, middle = False, len(undone) // 2
        for half in (undone[:middle], undone[middle:]):
            board, more = await _work_through(
                ctx, half, board, me, report, until=until, answering=answering
            )
            left = left or more
        return board, left


async def _postpone(
    ctx: Context, events: Sequence[WebhookEvent], error: Exception, report: Report
) -> None:
    """An event that fails alone is tried again later, and dies in the end.

    Without one, the error is only logged.
    """
    about = {"event_id": events[0].event_id, "notion_page_id": events[0].page_id} if events else {}
    text = cost_of_one(error, **about)
    async with ctx.sessions.begin() as session:
        await inbox.postpone(session, [event.row for event in events], now=ctx.clock(), error=text)
    report.failed += 1


async def _leave_to_the_next_claim(ctx: Context, batch: Batch) -> bool:
    """Give back what there was no time for; whether there was any."""
    if not batch.left:
        return False
    async with ctx.sessions.begin() as session:
        await inbox.release(session, batch.left, now=ctx.clock(), wait=timedelta(0))
    return True


async def _look(
    ctx: Context,
    sync: SyncContext,
    batch: Batch,
    known: Collection[str],
    report: Report,
    *,
    until: datetime,
) -> None:
    """Take in what queries show, then the others by id: cards before pages that are none as far as is known.

    Args:
        until: when to stop asking for pages by id, once some were asked for.
    """
    ended = Events(pages=batch.pages, claims=batch.claims)
    shown = Readings()
    if len(batch.pages.keys() - batch.trashed) > FEW:
        shown.cards = (
            await query_cards(ctx, sync.board, batch)
        ).cards  # what failed is read once more by id
    found = {read.card.page_id for read in shown.cards}
    if found or batch.settled:
        await take_in(ctx, sync, shown, report, replace(ended.of(found), settled=batch.settled))
    batch.settled, batch.looked_at = {}, found
    others = sorted(batch.pages.keys() - found, key=lambda page: (page not in known, page))
    for first in range(0, len(others), PORTION):
        if first and ctx.clock() >= until:
            return
        portion = Portion(others[first : first + PORTION])
        await take_in(
            ctx,
            sync,
            await fetch_cards(ctx, sync.board, portion),
            report,
            ended.of(portion.pages),
        )
        batch.looked_at |= {*portion.pages}


async def _report_dead(ctx: Context, since: datetime) -> None:
    async with ctx.sessions() as session:
        dead = await inbox.dead_since(session, since)
    title = "A webhook event could not be processed"
    lot = {
        inbox.incident_of(event_id): {
            "event_id": event_id,
            "what_to_do": f"showrunner events show {event_id}",
        }
        for event_id in dead
    }
    await send_alerts(ctx, Level.ERROR, title, lot)
    await end_recovered(ctx)


@step("claim_events", holds="claim what is due")
async def claim_events(ctx: Context) -> list[WebhookEvent]:
    """Take a batch of due events for this run alone."""
    async with ctx.sessions.begin() as session:
        return await inbox.claim(session, now=ctx.clock(), limit=BATCH)


async def _cards_among(ctx: Context, events: Sequence[WebhookEvent]) -> set[str]:
    async with ctx.sessions() as session:
        return await live_cards(
            session, {event.page_id for event in events if event.page_id is not None}
        )


def sort_events(
    events: Sequence[WebhookEvent], board: Board, me: Collection[str], cards: Collection[str]
) -> Batch:
    """What a claim asks us to do: our own writes and pages elsewhere are none of our business.

    Args:
        cards: those of the pages that are cards, as far as is known: one of them that lies
            elsewhere was moved away.
    """
    batch = Batch(events=events)
    for event in events:
        outcome = _no_look_needed(event, board, me, cards)
        batch.schema_changed |= event.event_type == inbox.SCHEMA_UPDATED and outcome == "not_a_page"
        if outcome is not None or event.page_id is None:
            batch.settled.setdefault(outcome or "not_a_page", []).append(event.row)
            continue
        batch.pages.setdefault(event.page_id, []).append(event.row)
        if (claim := reported_edit(event.payload, event.received_at, board, me)) is not None:
            batch.claims.setdefault(event.page_id, []).append(claim)
        if event.event_type in {"page.deleted", "page.moved"}:
            batch.trashed.add(event.page_id)
    return batch


def _no_look_needed(
    event: WebhookEvent, board: Board, me: Collection[str], cards: Collection[str]
) -> str | None:
    if inbox.is_own_echo(event.event_type, event.payload, me):
        return "own_write"
    entity = event.payload.get("entity")
    if event.event_type == inbox.SCHEMA_UPDATED and isinstance(entity, dict):
        return (
            "not_a_page" if entity.get("id") in (None, board.data_source_id) else "other_database"
        )
    if event.page_id is None or page_id_of(event.page_id) is None:
        return "not_a_page"
    return _said_elsewhere(event.payload, board) if event.page_id not in cards else None


def _said_elsewhere(payload: Mapping[str, Any], board: Board) -> str | None:
    """The outcome for a page that is no card, where its event says so; else the page itself must be asked."""
    data = payload.get("data")
    parent = data.get("parent") if isinstance(data, dict) else None
    if not isinstance(parent, dict):
        return None
    source = parent.get("data_source_id")
    if source is not None:
        return "other_database" if source != board.data_source_id else None
    return "not_a_card" if parent.get("type") in _NO_DATABASE else None


@step("query_cards", holds="query {batch}")
async def query_cards(ctx: Context, board: Board, batch: Batch) -> Readings:
    """The batch's pages as they are now, as far as queries show them."""
    since = min(event.received_at for event in batch.events) - _EDITED_BEFORE
    return await read_many(
        ctx, board, [page for page in batch.pages if page not in batch.trashed], since=since
    )


@step("fetch_cards", holds="fetch {portion}")
async def fetch_cards(ctx: Context, board: Board, portion: Portion) -> Readings:
    """These pages as they are now, each by a request of its own."""
    return await read_by_id(ctx, board, portion.pages)


async def _give_back(ctx: Context, events: Sequence[WebhookEvent], error: Exception) -> None:
    """What stopped the run was not these events' fault: they are due again soon, and it costs them no attempt."""
    wait = timedelta(seconds=getattr(error, "retry_after", None) or 5)
    async with ctx.sessions.begin() as session:
        await inbox.release(session, [event.row for event in events], now=ctx.clock(), wait=wait)
    log.warning("events_given_back", count=len(events), error=str(error))


@contextmanager
def _joined(events: Sequence[WebhookEvent]) -> Iterator[str | None]:
    """The correlation id of a batch, bound for its log lines: one event alone keeps the id it got at the door.

    Several events go under the run's; one line joins theirs to it.
    """
    run = get_contextvars().get("correlation_id")
    log.info(
        "events_claimed", events=[event.correlation_id for event in events[:100]], count=len(events)
    )
    own = events[0].correlation_id if len(events) == 1 else run
    with bound_contextvars(**({"correlation_id": own} if own is not None else {})):
        yield own
