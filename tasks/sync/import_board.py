"""Import a whole board: read in ranges side by side, and stored one page of a query at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.rules.board_schema import Board
from models.sync.import_ranges import ImportProgress, RangeReader
from models.sync.safety_stop import hold_as_missing
from models.tables.card import Card
from models.tables.sync_state import IMPORT, WATERMARK, forget, get_value, remember
from tasks.board.followed import bot_ids, followed_board
from tasks.notion.priority import RequestPriority, with_priority
from tasks.runtime.concurrency import task_group
from tasks.runtime.context import Context
from tasks.runtime.report import Report
from tasks.sync.fetch import read_by_id, scan
from tasks.sync.readings import Readings, Window
from tasks.sync.store import SyncContext, process_changed, process_readings

log = structlog.get_logger("showrunner.sweep")

READ_AHEAD = 2
"""Pages that may wait to be stored: enough that reading does not wait for a commit, few enough to
keep in memory."""


@dataclass(frozen=True)
class _Page:
    """A query's answer, or None when its reader has finished."""

    by: RangeReader
    readings: Readings | None


async def import_cards(
    ctx: Context, report: Report, *, progress: Callable[[int], None] = lambda _: None
) -> None:
    """Read the whole board, a hundred cards a request; continues an interrupted import.

    A card that is read for the first time is stored as it is, and nothing is written to it (design:
    section 6). All other requests have priority. A card that is created or edited meanwhile is left
    to the next sweep.

    Args:
        progress: called after each request with the number of cards read so far.
    """
    async with task_group() as asking:
        board, me = asking.create_task(followed_board(ctx)), asking.create_task(bot_ids(ctx))
    sync = SyncContext(
        board=board.result(), bot_ids=me.result(), correlation_id=_correlation(), importing=True
    )
    async with ctx.sessions() as session:
        course = ImportProgress.from_json(await get_value(session, IMPORT), ctx.clock())
    with with_priority(RequestPriority.BACKGROUND):
        await _read_and_store(ctx, sync, course, report, progress)
        await _find_missing(
            ctx, replace(sync, importing=False), course.here_since, report, seen=course.cards
        )
    async with ctx.sessions.begin() as session:
        await remember(session, WATERMARK, moment=course.began)
        await forget(session, IMPORT)


async def _read_and_store(
    ctx: Context,
    sync: SyncContext,
    course: ImportProgress,
    report: Report,
    progress: Callable[[int], None],
) -> None:
    pages: asyncio.Queue[_Page] = asyncio.Queue(READ_AHEAD)
    known: set[str] = set()
    async with task_group() as readers:

        def begin(ends: Iterable[RangeReader]) -> None:
            for end in ends:
                readers.create_task(_read(ctx, sync.board, course, end, pages, begin))

        begin(course.readers())
        while course.stretches:
            page = await pages.get()
            if page.readings is None:
                course.ended(page.by)
            else:
                # Where two readers meet, both read some cards, which may be edited in between.
                reads = page.readings.cards
                again = [read for read in reads if read.card.page_id in known]
                fresh = [read for read in reads if read.card.page_id not in known]
                unreadable = page.readings.failed.keys() - known
                failed = {page_id: page.readings.failed[page_id] for page_id in unreadable}
                known.update(unreadable, (read.card.page_id for read in fresh))
                await process_readings(
                    ctx, sync, Readings(cards=fresh, unreadable=unreadable, failed=failed), report
                )
                if again:
                    await process_changed(
                        ctx, replace(sync, importing=False), Readings(cards=again), report
                    )
                if reads:
                    page.by.stored(reads[-1].card.created_time)
                course.cards += len(fresh)
                report.imported += len(fresh)
            async with ctx.sessions.begin() as session:
                await remember(session, IMPORT, value=course.as_json())
            progress(course.cards)
    log.info("cards_imported", cards=course.cards)


async def _read(
    ctx: Context,
    board: Board,
    course: ImportProgress,
    end: RangeReader,
    pages: asyncio.Queue[_Page],
    begin: Callable[[Iterable[RangeReader]], None],
) -> None:
    """Read a range from one end until the two readers meet; start more if that helps."""
    window = Window(created=end.of.since, before=end.of.before, newest_first=end.newest_first)
    async for readings in scan(ctx, board, window):
        course.began = course.began or readings.answered
        if not readings.cards and not readings.failed:
            continue
        if readings.cards:
            end.read(readings.cards[0].card.created_time, readings.cards[-1].card.created_time)
        begin(course.more_readers())
        await pages.put(_Page(end, readings))
        if end.over:
            break
    else:
        end.exhausted = True
    end.done = True
    begin(course.more_readers())
    await pages.put(_Page(end, None))


async def _find_missing(
    ctx: Context, sync: SyncContext, since: datetime, report: Report, *, seen: int
) -> None:
    """Read cards by id that the import did not show, before they are marked as deleted.

    If it showed no card at all, all of them are held for the operator, however few they are.
    """
    async with ctx.sessions.begin() as session:
        missing = await _not_seen_since(session, since)
        if not seen:
            await hold_as_missing(session, missing, ctx.clock())
    if missing and seen:
        await process_readings(ctx, sync, await read_by_id(ctx, sync.board, missing), report)


async def _not_seen_since(session: AsyncSession, since: datetime) -> list[str]:
    known = (col(Card.trashed_at).is_(None), col(Card.first_seen_at).is_not(None))
    rows = await session.scalars(
        select(Card.notion_page_id).where(*known, col(Card.last_read_at) < since)
    )
    return list(rows)


def _correlation() -> str | None:
    bound = structlog.contextvars.get_contextvars().get("correlation_id")
    if bound is None:
        return None
    return str(bound)
