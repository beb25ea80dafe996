"""Find cards that left the board without a webhook, and read unreadable cards again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from models.errors import NotionRejected
from models.rules.board_schema import Board
from models.rules.codec.read import to_minute
from models.sync.trashed_cards import (
    GOING_ON,
    RoundKind,
    Rounds,
    expected_pages,
    first_created_at,
    unreadable_due,
)
from models.tables.card_queries import count_cards
from models.tables.sync_state import PRESENCE, get_value, remember
from tasks.board.followed import refreshed_board
from tasks.notion.priority import RequestPriority, with_priority
from tasks.runtime.context import Context
from tasks.runtime.report import Report
from tasks.sync.fetch import read_by_id, scan
from tasks.sync.readings import Filter, Readings, Window
from tasks.sync.store import SyncContext, process_changed, process_readings

log = structlog.get_logger("showrunner.presence")

BY_ID_MOST = 50
"""Missing cards that one step reads by id; the next step continues with the others."""
STOPPED_MOST = 10
"""Cycles without a step after one whose result could not be stored."""
REREAD_MOST = 10
"""Unreadable cards that one cycle reads again."""


async def reread_unreadable(ctx: Context, sync: SyncContext, report: Report) -> None:
    """Read cards by id that could not be read before, if that is due."""
    async with ctx.sessions() as session:
        due = await unreadable_due(session, now=ctx.clock(), limit=REREAD_MOST)
    if due:
        readings = await read_by_id(ctx, sync.board, due)
        readings.unreadable |= (
            readings.failed.keys()
        )  # whatever the error is, they are read again later
        await process_readings(ctx, sync, readings, report)


async def check_presence(ctx: Context, sync: SyncContext, report: Report) -> None:
    """Take the next step of a round, if one is due: a query shows which cards are there.

    What a query does not show is no proof: it may lag behind, or the token may see less. So a card
    that it lacks is read by id, and a page that Notion does not find counts as deleted only while
    Notion finds the board.

    Raises:
        BoardError, NotionAuthError, NotionUnavailable: what concerns all cards alike.
    """
    now = ctx.clock()
    async with ctx.sessions() as session:
        known = await get_value(session, PRESENCE)
        rounds = Rounds.from_json(known) if known else Rounds.first(now, await count_cards(session))
    if known is None:
        await _store_rounds(ctx, rounds)
    which = rounds.next(now)
    if which is not None:
        with with_priority(RequestPriority.PUSH):
            await _step(ctx, sync, report, rounds, which, now)


async def _step(
    ctx: Context, sync: SyncContext, report: Report, rounds: Rounds, which: RoundKind, now: datetime
) -> None:
    columns = None
    if which is RoundKind.GOING_ON:
        columns = _columns(sync.board)
    async with ctx.sessions() as session:
        first = await first_created_at(session, columns, rounds.rounds[which].at)
        if which is RoundKind.ALL and rounds.rounds[which].at is None:
            rounds = replace(rounds, cards=await count_cards(session))
    if first is None:
        await _store_rounds(ctx, rounds.stepped(which, now, None))
        return
    try:
        shown = await _query_stretch(ctx, sync.board, columns, first)
    except NotionRejected as error:
        # The filter names an option that was deleted; the next round uses the present board.
        log.warning("presence_query_refused", error=str(error))
        await refreshed_board(ctx)
        await _store_rounds(ctx, rounds.stepped(which, now, None).paid(now, 1))
        return
    await process_changed(ctx, sync, shown.readings, report)
    async with ctx.sessions() as session:
        there = await expected_pages(session, columns, first, shown.before, since=shown.began)
    missing = sorted(there - shown.pages)
    found = Readings()
    if missing:
        found = await read_by_id(ctx, sync.board, missing[:BY_ID_MOST])
    # Stored first: if processing fails, the following cycles must not repeat the requests.
    await _store_rounds(ctx, rounds.paid(now, shown.requests + min(len(missing), STOPPED_MOST)))
    in_vain = [read for read in found.cards if not read.card.in_trash]
    if missing:
        await process_readings(ctx, sync, found, report)
        shows = len(shown.pages)
        log.info(
            "cards_looked_for",
            which=which.value,
            shown=shows,
            missing=len(missing),
            there=len(in_vain),
        )
    # If more are missing than one step reads, the next step reads the rest. If all of those that
    # were read are there, the query is wrong, and the round goes on.
    stays = len(missing) > BY_ID_MOST and len(in_vain) < len(found.cards) + len(found.not_found)
    if stays:
        rounds = rounds.stepped(which, now, first).paid(now, 1)
    else:
        rounds = rounds.stepped(which, now, shown.before).paid(now, shown.requests + len(in_vain))
    await _store_rounds(ctx, rounds)


@dataclass(frozen=True, kw_only=True)
class _Stretch:
    """The cards on the board that were created in a stretch of time.

    Attributes:
        before: the end of the stretch; None if nothing was created later.
        began: when the request was sent.
    """

    readings: Readings
    before: datetime | None
    began: datetime
    requests: int

    @property
    def pages(self) -> set[str]:
        """Ids of all pages, readable or not."""
        return {read.card.page_id for read in self.readings.cards} | self.readings.failed.keys()


async def _query_stretch(
    ctx: Context, board: Board, columns: Sequence[str] | None, first: datetime
) -> _Stretch:
    """Query a stretch of time, in as many requests as it takes to cover more than one minute."""
    began, shown, requests = ctx.clock(), Readings(), 0
    async for readings in scan(
        ctx, board, Window(created=first, also=_standing_in(board, columns))
    ):
        requests += 1
        shown.add(readings)
        last = first
        if shown.cards:
            last = to_minute(shown.cards[-1].card.created_time)
        if readings.more and last > first:
            return _Stretch(readings=shown, before=last, began=began, requests=requests)
    return _Stretch(readings=shown, before=None, began=began, requests=requests)


def _columns(board: Board) -> list[str]:
    """Those columns of active cards that the board has: Notion refuses a filter by others."""
    return [
        column.value for column in GOING_ON if column.value in board.properties["Status"].options
    ]


def _standing_in(board: Board, columns: Sequence[str] | None) -> Filter | None:
    if columns is None:
        return None
    status = board.properties["Status"]
    return {"or": [{"property": status.id, status.type: {"equals": column}} for column in columns]}


async def _store_rounds(ctx: Context, rounds: Rounds) -> None:
    async with ctx.sessions.begin() as session:
        await remember(session, PRESENCE, value=rounds.as_json())
