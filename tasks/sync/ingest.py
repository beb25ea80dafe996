"""Notion -> PostgreSQL: claim events, read their cards as they are now, and store them.

An event is a hint, never data. Its page is read, so the order of events and duplicates do not
matter. The result and the end of the events are stored in one commit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from structlog.contextvars import bound_contextvars, get_contextvars

from models.rules.board_schema import Board
from models.sync.event_batch import EventBatch, sort_events
from models.tables import webhook_event_queries as inbox_queries
from models.tables import webhook_events as inbox
from models.tables.card_queries import live_cards
from models.tables.webhook_events import WebhookEvent
from tasks.alerts import AWAY, Level, end_recovered, send_alerts
from tasks.board.followed import bot_ids, followed_board, refreshed_board
from tasks.runtime.context import Context
from tasks.runtime.debounce import wait_out_burst
from tasks.runtime.event_leases import leasing_events
from tasks.runtime.prefect_task import step
from tasks.runtime.report import Report
from tasks.runtime.unexpected_errors import concerns_one, cost_of_one
from tasks.sync.fetch import query_recent, read_by_id
from tasks.sync.push.all_cards import push_rejections
from tasks.sync.readings import Events, Readings
from tasks.sync.store import SyncContext, process_readings

log = structlog.get_logger("showrunner.ingest")

BATCH = 2000
"""Events claimed at once: twenty queries' worth of cards, which are read well inside the lease."""
CLAIM_FOR = timedelta(seconds=20)
"""How long one claim reads pages one by one. The rest is released, and comes after what is new."""
PORTION = 12
"""Pages read one by one before the result is stored: four seconds' worth at 3 a second."""
FEW = 3
"""Up to this many pages are read one by one; a query would cost as much and may lag behind."""
_EDITED_BEFORE = timedelta(minutes=6)
"""How long before an event's arrival its edit may lie: Notion delivers within five minutes, and
edit times are whole minutes."""


@dataclass(frozen=True)
class PageChunk:
    """Pages to be read one by one."""

    pages: Sequence[str]

    def __str__(self) -> str:
        """How many, for a task's name in the Prefect UI."""
        return f"{len(self.pages)} by id"


async def drain_inbox(
    ctx: Context, report: Report, *, gathering: bool = False, until: datetime | None = None
) -> bool:
    """Process all due events; those that fail stay due, with backoff.

    Args:
        gathering: whether this is an ingest run and no part of a cycle. In a burst of events it
            waits for the rest before each claim, unless another run does so already; and it writes
            rejected edits back at once.
        until: when to stop reading pages one by one, after the first few; None to stop only when
            the inbox is empty.

    Returns:
        Whether something is left for lack of time.

    Raises:
        GiveUp, NotionUnavailable: what concerns all events; they are released without an attempt.
    """
    async with ctx.sessions() as session:
        if not await inbox_queries.waiting(session):
            return False
    async with leasing_events(ctx):
        return await _drain(ctx, report, gathering=gathering, until=until)


async def _drain(ctx: Context, report: Report, *, gathering: bool, until: datetime | None) -> bool:
    if not await _any_due(ctx):
        return False
    left = False
    board, me, began = await followed_board(ctx), await bot_ids(ctx), ctx.clock()
    try:
        due = True
        while due:
            if gathering and not await wait_out_burst(ctx, me):
                break
            events = await claim_events(ctx)
            if not events:
                break
            board, left = await _process_events(
                ctx, events, board, me, report, until=until, push_back=gathering
            )
            # Before each further claim, because a claim is a Prefect task run.
            due = await _any_due(ctx)
            if until is not None and ctx.clock() >= until:
                left = left or due
                break
    except Exception:
        # Dead events of an earlier batch are reported although a later batch failed.
        with suppress(*AWAY):
            await _report_dead(ctx, began)
        raise
    await _report_dead(ctx, began)
    return left


async def _any_due(ctx: Context) -> bool:
    async with ctx.sessions() as session:
        return await inbox_queries.any_due(session, now=ctx.clock())


async def _process_events(
    ctx: Context,
    events: Sequence[WebhookEvent],
    board: Board,
    me: Collection[str],
    report: Report,
    *,
    until: datetime | None,
    push_back: bool,
) -> tuple[Board, bool]:
    """Process one claim, and write rejected edits back if `push_back`.

    After an unexpected error each half of the remaining events is processed by itself, down to
    single events.

    Returns:
        The board as it is known then, and whether pages are left for lack of time.
    """
    batch: EventBatch | None = None
    ends = ctx.clock() + CLAIM_FOR
    with _bound_correlation(events) as correlation_id:
        try:
            known = await _known_cards(ctx, events)
            batch = sort_events(events, board, me, known)
            if batch.schema_changed:
                board = await refreshed_board(ctx)
            sync = SyncContext(board=board, bot_ids=me, correlation_id=correlation_id)
            await _read_pages(ctx, sync, batch, known, report, until=min(until or ends, ends))
            if push_back:
                await push_rejections(ctx, sync, report)
            return board, await _release_unread(ctx, batch)
        except Exception as error:
            undone = events if batch is None else batch.undone
            if not concerns_one(error):
                with suppress(*AWAY):
                    await _release(ctx, undone, error)
                raise
            if len(undone) <= 1:
                await _postpone(ctx, undone, error, report)
                return board, False
        left, middle = False, len(undone) // 2
        for half in (undone[:middle], undone[middle:]):
            board, more = await _process_events(
                ctx, half, board, me, report, until=until, push_back=push_back
            )
            left = left or more
        return board, left


async def _postpone(
    ctx: Context, events: Sequence[WebhookEvent], error: Exception, report: Report
) -> None:
    """Postpone an event that fails alone; after too many attempts it is dead.

    Without an event, the error is only logged.
    """
    about = {}
    if events:
        about = {"event_id": events[0].event_id, "notion_page_id": events[0].page_id}
    text = cost_of_one(error, **about)
    async with ctx.sessions.begin() as session:
        await inbox.postpone(session, [event.row for event in events], now=ctx.clock(), error=text)
    report.failed += 1


async def _release_unread(ctx: Context, batch: EventBatch) -> bool:
    """Release the events that there was no time for; whether there were any."""
    if not batch.left:
        return False
    async with ctx.sessions.begin() as session:
        await inbox.release(session, batch.left, now=ctx.clock(), wait=timedelta(0))
    return True


async def _read_pages(
    ctx: Context,
    sync: SyncContext,
    batch: EventBatch,
    known: Collection[str],
    report: Report,
    *,
    until: datetime,
) -> None:
    """Process what queries show, then the other pages by id: known cards first.

    Args:
        until: when to stop reading pages by id, after the first few.
    """
    ended = Events(pages=batch.pages, reported=batch.reported)
    shown = Readings()
    if len(batch.pages.keys() - batch.trashed) > FEW:
        queried = await query_cards(ctx, sync.board, batch)
        shown.cards = queried.cards  # pages that failed are read by id below
    found = {read.card.page_id for read in shown.cards}
    if found or batch.finished:
        await process_readings(
            ctx, sync, shown, report, replace(ended.of(found), finished=batch.finished)
        )
    batch.finished, batch.read = {}, found
    others = sorted(batch.pages.keys() - found, key=lambda page: (page not in known, page))
    for first in range(0, len(others), PORTION):
        if first and ctx.clock() >= until:
            return
        portion = PageChunk(others[first : first + PORTION])
        fetched = await fetch_cards(ctx, sync.board, portion)
        await process_readings(ctx, sync, fetched, report, ended.of(portion.pages))
        batch.read |= {*portion.pages}


async def _report_dead(ctx: Context, since: datetime) -> None:
    async with ctx.sessions() as session:
        dead = await inbox_queries.dead_since(session, since)
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
    """Claim a batch of due events for this run."""
    async with ctx.sessions.begin() as session:
        return await inbox.claim(session, now=ctx.clock(), limit=BATCH)


async def _known_cards(ctx: Context, events: Sequence[WebhookEvent]) -> set[str]:
    async with ctx.sessions() as session:
        return await live_cards(
            session, {event.page_id for event in events if event.page_id is not None}
        )


@step("query_cards", holds="query {batch}")
async def query_cards(ctx: Context, board: Board, batch: EventBatch) -> Readings:
    """Read the batch's pages by queries, as far as these show them."""
    since = min(event.received_at for event in batch.events) - _EDITED_BEFORE
    return await query_recent(
        ctx, board, [page for page in batch.pages if page not in batch.trashed], since=since
    )


@step("fetch_cards", holds="fetch {portion}")
async def fetch_cards(ctx: Context, board: Board, portion: PageChunk) -> Readings:
    """Read these pages, each by a request of its own."""
    return await read_by_id(ctx, board, portion.pages)


async def _release(ctx: Context, events: Sequence[WebhookEvent], error: Exception) -> None:
    """Release events: what stopped the run was not their fault, so it costs them no attempt."""
    wait = timedelta(seconds=getattr(error, "retry_after", None) or 5)
    async with ctx.sessions.begin() as session:
        await inbox.release(session, [event.row for event in events], now=ctx.clock(), wait=wait)
    log.warning("events_given_back", count=len(events), error=str(error))


@contextmanager
def _bound_correlation(events: Sequence[WebhookEvent]) -> Iterator[str | None]:
    """Bind the correlation id of a batch for its log lines.

    A single event keeps the id it got at the webhook. Several events use the run's id, and one line
    lists theirs.
    """
    run = get_contextvars().get("correlation_id")
    log.info(
        "events_claimed", events=[event.correlation_id for event in events[:100]], count=len(events)
    )
    if len(events) == 1:
        run = events[0].correlation_id
    if run is None:
        yield None
        return
    with bound_contextvars(correlation_id=run):
        yield run
