"""Reading cards from the board: by id, by what was edited recently, or all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from models.errors import (
    BoardError,
    NotionCursorExpired,
    NotionForbidden,
    NotionPageNotFound,
    NotionRejected,
    NotionUnavailable,
)
from models.rules.board_schema import Board
from models.rules.codec.read import is_on_board, parse_time, read_card
from models.sync.observations import (
    SAMPLE_SIZE,
    EarlierReading,
    Observation,
    confirmed_pages,
    pages_to_sample,
    same_state,
)
from tasks.board.followed import board_lost, board_since, refreshed_board
from tasks.notion.errors import BEGINNINGS, cursor_refused
from tasks.runtime.concurrency import run_all
from tasks.runtime.context import Context
from tasks.runtime.unexpected_errors import cost_of_one
from tasks.sync.readings import Filter, Readings, Window, edited_since

AT_ONCE = 4
"""Requests in flight: enough that latency costs no throughput at 3 a second, few enough to share
the queue fairly."""


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """A page object of Notion's, and when it was requested and received."""

    page_id: str
    page: Mapping[str, Any]
    began: datetime
    ended: datetime
    by_id: bool


@dataclass
class _ById:
    """What requests for single pages returned."""

    answers: list[_Answer] = field(default_factory=list)
    not_found: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    unavailable: dict[str, NotionUnavailable] = field(default_factory=dict)
    forbidden: dict[str, str] = field(default_factory=dict)

    async def read(self, ctx: Context, page_id: str) -> None:
        """Read one page.

        Raises:
            NotionAuthError, NotionUnavailable: what concerns all pages alike.
        """
        began = ctx.clock()
        try:
            page = await ctx.notion.get_page(page_id)
            self.answers.append(
                _Answer(page_id=page_id, page=page, began=began, ended=ctx.clock(), by_id=True)
            )
        except NotionPageNotFound:
            self.not_found.append(page_id)
        except NotionForbidden as error:
            self.forbidden[page_id] = str(error)
        except NotionRejected as error:
            self.failed[page_id] = str(error)
        except NotionUnavailable as error:
            if not error.concerns_one_request:
                raise
            self.unavailable[page_id] = error
        except Exception as error:  # noqa: BLE001 - a boundary: only this page fails
            self.failed[page_id] = cost_of_one(error, notion_page_id=page_id)


async def read_by_id(ctx: Context, board: Board, page_ids: Sequence[str]) -> Readings:
    """Read each page by a request of its own; an error of one page does not stop the others.

    Notion answers 404 both for a deleted page and for one that is not shared any more. So a page
    that it does not find counts as deleted only while it finds the board, and a page that it
    refuses (403) fails alone only while it shows the board.

    Raises:
        NotionAuthError, NotionUnavailable, BoardError: what concerns all pages alike.
    """
    found = _ById()
    await run_all((found.read(ctx, page_id) for page_id in page_ids), at_once=AT_ONCE)
    if len(found.unavailable) == len(page_ids) > 1:
        raise next(iter(found.unavailable.values()))
    readings = await _decode(ctx, board, found.answers)
    readings.not_found = found.not_found
    unavailable = {page_id: str(error) for page_id, error in found.unavailable.items()}
    readings.failed |= found.failed | unavailable | found.forbidden
    if found.not_found or found.forbidden:
        await refreshed_board(ctx)
    return readings


async def _decode(ctx: Context, board: Board, answers: Sequence[_Answer]) -> Readings:
    """Decode the cards in Notion's answers.

    A page that lacks what the board has fails alone, unless the board changed meanwhile.

    Raises:
        BoardError: when the board itself lacks it, too.
    """
    readings = _decode_for(board, answers)
    if readings.failed:
        now = await board_since(ctx, max(answer.ended for answer in answers))
        if now != board:
            return _decode_for(now, answers)
    return readings


def _decode_for(board: Board, answers: Iterable[_Answer]) -> Readings:
    readings = Readings()
    for answer in answers:
        try:
            card = read_card(answer.page, board)
        except Exception as error:  # noqa: BLE001 - a boundary: only this page fails
            readings.failed[answer.page_id] = _reason(error, answer.page_id)
            if is_on_board(answer.page, board):
                readings.unreadable.add(answer.page_id)
            continue
        if answer.by_id or not card.away:
            read = Observation(
                card=card, began=answer.began, ended=answer.ended, by_id=answer.by_id
            )
            readings.cards.append(read)
    return readings


def _reason(error: Exception, page_id: str) -> str:
    """Why a page cannot be decoded: a `ValueError` says it, anything else is logged as a fault."""
    if isinstance(error, ValueError):
        return str(error)
    return cost_of_one(error, notion_page_id=page_id)


async def query_recent(
    ctx: Context, board: Board, page_ids: Sequence[str], *, since: datetime
) -> Readings:
    """Read many recently edited pages by queries, as far as they show them: 100 a request."""
    missing = set(page_ids)
    readings = Readings()
    cursor: str | None = None
    newest_first: list[dict[str, Any]] = [
        {"timestamp": "last_edited_time", "direction": "descending"}
    ]
    # Go on while a query may still save more than one request.
    for _ in range(max(1, len(missing) // 2)):
        began = ctx.clock()
        try:
            answer = await _query(ctx, board, edited_since(since), newest_first, cursor)
        except NotionCursorExpired:
            cursor = None
            continue
        shown = [row for row in _rows(ctx, answer, began) if row.page_id in missing]
        missing -= {row.page_id for row in shown}
        readings.add(await _decode(ctx, board, shown))
        cursor = answer.get("next_cursor")
        if not missing or not answer.get("has_more"):
            break
    return readings


async def _query(
    ctx: Context,
    board: Board,
    filter_: Filter | None,
    sorts: list[dict[str, Any]],
    cursor: str | None,
) -> dict[str, Any]:
    try:
        return await ctx.notion.query_database(
            board.data_source_id, filter_=filter_, sorts=sorts, start_cursor=cursor
        )
    except NotionPageNotFound as error:
        raise board_lost(board.data_source_id) from error


async def scan(ctx: Context, board: Board, window: Window) -> AsyncIterator[Readings]:
    """Read every page of a window, a hundred at a time, in the order of creation.

    Notion ends a query after 10,000 rows; the next window begins where it ended (Notion: query a
    data source). The same happens if a cursor expires.

    Raises:
        BoardError: when Notion does not find the board, or more than 10,000 pages were created in
            one minute, which no window can divide.
        NotionUnavailable: when Notion refuses its own cursors, and starting again does not help.
    """
    cursor: str | None = None
    last: datetime | None = None
    beginnings = 1
    while True:
        began = ctx.clock()
        try:
            answer = await _query(ctx, board, window.filter(), window.sorts(), cursor)
        except NotionCursorExpired as error:
            rest = window.after(last)
            if rest != window:
                beginnings = 0
            beginnings += 1
            if beginnings > BEGINNINGS:
                raise cursor_refused(error) from error
            window, cursor = rest, None
            continue
        answered = ctx.notion.server_time or ctx.clock()  # before a row takes requests of its own
        readings = await _decode(ctx, board, _rows(ctx, answer, began))
        readings.answered = answered
        last = _last_made(answer) or last
        cursor = answer.get("next_cursor") if answer.get("has_more") else None
        cut = (answer.get("request_status") or {}).get("type") == "incomplete"
        readings.more = cursor is not None or cut
        yield readings
        if not readings.more:
            return
        if cursor is None:
            window = _next(window, last)


def _next(window: Window, last: datetime | None) -> Window:
    rest = window.after(last)
    if rest == window:
        raise BoardError(
            f"More than 10,000 cards were created at {last:%Y-%m-%d %H:%M}: Notion shows no more."
        )
    return rest


def _last_made(answer: Mapping[str, Any]) -> datetime | None:
    """The creation time of the last page in an answer; None if it has none."""
    made = (row.get("created_time") for row in reversed(answer["results"]))
    return next((parse_time(moment) for moment in made if isinstance(moment, str)), None)


def _rows(ctx: Context, answer: Mapping[str, Any], began: datetime) -> list[_Answer]:
    """The pages of a query's answer; rows that are no pages (a wiki's data source) are skipped."""
    rows = (row for row in answer["results"] if row.get("object") == "page" and "properties" in row)
    pages = [row for row in rows if isinstance(row.get("id"), str)]
    ended = ctx.clock()
    return [
        _Answer(page_id=page["id"], page=page, began=began, ended=ended, by_id=False)
        for page in pages
    ]


def answers_to_sample(
    readings: Readings, unconfirmed: Mapping[str, EarlierReading]
) -> list[list[Observation]]:
    """The unconfirmed rows of each query's answer that has enough of them to be worth a sample."""
    rows = [read for read in readings.cards if read.card.page_id in unconfirmed and not read.by_id]
    by_answer = [list(rows) for _, rows in groupby(sorted(rows, key=_answer), key=_answer)]
    return [rows for rows in by_answer if len(rows) > SAMPLE_SIZE + 1]


def _answer(read: Observation) -> tuple[datetime, datetime]:
    return read.began, read.ended


async def read_sample(
    ctx: Context,
    board: Board,
    rows: Sequence[Observation],
    unconfirmed: Mapping[str, EarlierReading],
) -> Readings:
    """Read some pages of one query's answer by id.

    Returns:
        These pages, and the rows that they confirm (`models.sync.observations`).
    """
    by_page = {read.card.page_id: read for read in rows}
    known = {page_id: unconfirmed[page_id] for page_id in by_page}
    sample = pages_to_sample(known)
    found = await read_by_id(ctx, board, sample)
    now = {read.card.page_id: read.card for read in found.cards}
    if all(page in now and same_state(now[page], by_page[page].card) for page in sample):
        found.cards += [
            replace(by_page[page], confirmed_against=known[page])
            for page in confirmed_pages(known, sample)
        ]
    return found
