"""Reading cards from the board: by id, by what was edited since, or all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
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
from models.rules.codec import BoardCard, is_on_board, parse_time, read_card, to_minute
from models.sync.stale_queries import EarlierReading
from tasks.board.followed import board_lost, board_since, refreshed_board
from tasks.notion.errors import BEGINNINGS, cursor_refused
from tasks.runtime.concurrency import run_all
from tasks.runtime.context import Context
from tasks.runtime.unexpected_errors import cost_of_one

AT_ONCE = 4
"""Requests in flight: enough that latency does not cost throughput at 3 a second, few enough to
queue fairly."""

Filter = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Read:
    """One page as read.

    Attributes:
        began, ended: when the request was sent and answered, by the steps' clock.
        by_id: False for a query's row, which may lag behind the page.
        remembered: whether nothing was read: a card as it was last seen, to be judged by other
            rules.
        vouched: as `models.sync.observations.Look` has it.
    """

    card: BoardCard
    began: datetime
    ended: datetime
    by_id: bool
    from_memory: bool = False
    confirmed_against: EarlierReading | None = None


@dataclass
class Readings:
    """What came of reading a set of pages.

    Attributes:
        gone: pages that Notion does not find.
        failed: why each of the other pages could not be read, by page id.
        odd: those of them that lie on the board and show less than it has: their cards are to be
            read again.
        more: of a query's answer, whether there is more than it shows.
    """

    cards: list[Read] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    odd: set[str] = field(default_factory=set)
    more: bool = False

    def __str__(self) -> str:
        """How many, for a task's name in the Prefect UI."""
        return f"{len(self.cards)} cards"

    def add(self, other: Readings) -> None:
        """Take over what another reading found."""
        self.cards += other.cards
        self.gone += other.gone
        self.failed |= other.failed
        self.odd |= other.odd


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """A page as Notion gave it, and when."""

    page_id: str
    page: Mapping[str, Any]
    began: datetime
    ended: datetime
    by_id: bool


async def read_by_id(ctx: Context, board: Board, page_ids: Sequence[str]) -> Readings:
    """Each page by a request of its own, a few at a time; what is wrong with one page stops no other.

    Notion answers 404 for what is deleted and for what is not shared any more alike, so a page it does not find counts
    as gone only while it finds the board; and one that it refuses (403) fails alone only while it shows the board.

    Raises:
        NotionAuthError, NotionUnavailable, BoardError: what concerns all pages alike.
    """
    answers: list[_Answer] = []
    gone: list[str] = []
    failed: dict[str, str] = {}
    ailing: dict[str, NotionUnavailable] = {}
    refused: dict[str, str] = {}

    async def read(page_id: str) -> None:
        began = ctx.clock()
        try:
            page = await ctx.notion.get_page(page_id)
            answers.append(
                _Answer(page_id=page_id, page=page, began=began, ended=ctx.clock(), by_id=True)
            )
        except NotionPageNotFound:
            gone.append(page_id)
        except NotionForbidden as error:
            refused[page_id] = str(error)
        except NotionRejected as error:
            failed[page_id] = str(error)
        except NotionUnavailable as error:
            if not error.concerns_one_request:
                raise
            ailing[page_id] = error
        except Exception as error:  # noqa: BLE001 - a boundary: it costs this page
            failed[page_id] = cost_of_one(error, notion_page_id=page_id)

    await run_all((read(page_id) for page_id in page_ids), at_once=AT_ONCE)
    if len(ailing) == len(page_ids) > 1:
        raise next(iter(ailing.values()))
    readings = await _understood(ctx, board, answers)
    readings.gone = gone
    readings.failed |= failed | {page_id: str(error) for page_id, error in ailing.items()} | refused
    if gone or refused:
        await refreshed_board(ctx)
    return readings


async def _understood(ctx: Context, board: Board, answers: Sequence[_Answer]) -> Readings:
    """The cards in answers of Notion's.

    A page that shows less than the board fails alone, unless the board changed.

    Raises:
        BoardError: when it is the board itself that lacks what the page lacks.
    """
    readings = _decoded(answers, board)
    if readings.failed:
        now = await board_since(ctx, max(answer.ended for answer in answers))
        readings = _decoded(answers, now) if now != board else readings
    return readings


def _decoded(answers: Iterable[_Answer], board: Board) -> Readings:
    readings = Readings()
    for answer in answers:
        try:
            card = read_card(answer.page, board)
        except ValueError as error:
            readings.failed[answer.page_id] = str(error)
        except Exception as error:  # noqa: BLE001 - a boundary: it costs this page
            readings.failed[answer.page_id] = cost_of_one(error, notion_page_id=answer.page_id)
        if answer.page_id in readings.failed:
            if is_on_board(answer.page, board):
                readings.odd.add(answer.page_id)
            continue
        if answer.by_id or not card.away:
            read = Read(card=card, began=answer.began, ended=answer.ended, by_id=answer.by_id)
            readings.cards.append(read)
    return readings


async def query_recent(
    ctx: Context, board: Board, page_ids: Sequence[str], *, since: datetime
) -> Readings:
    """Many recently edited pages, as far as queries show them: each returns a hundred with their values."""
    missing = set(page_ids)
    readings = Readings()
    cursor: str | None = None
    newest_first: list[dict[str, Any]] = [
        {"timestamp": "last_edited_time", "direction": "descending"}
    ]
    # A query is worth its request while it may still save one.
    for _ in range(max(1, len(missing) // 2)):
        began = ctx.clock()
        try:
            answer = await _query(ctx, board, edited_since(since), newest_first, cursor)
        except NotionCursorExpired:
            cursor = None
            continue
        shown = [row for row in _rows(ctx, answer, began) if row.page_id in missing]
        missing -= {row.page_id for row in shown}
        readings.add(await _understood(ctx, board, shown))
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


def edited_since(moment: datetime) -> Filter:
    """A query filter: pages edited at that moment or later."""
    return {
        "timestamp": "last_edited_time",
        "last_edited_time": {"on_or_after": moment.isoformat()},
    }


@dataclass(frozen=True, kw_only=True)
class Window:
    """Which pages of the board a scan shows: all that were made in a stretch of time, or some of them.

    Attributes:
        created, before: made at that minute or later, and earlier than that.
        edited: edited at that minute or later.
        also: another condition, a query filter.
        newest_first: in which order; by creation, which never changes, so that no page slips between two requests.
    """

    created: datetime | None = None
    before: datetime | None = None
    edited: datetime | None = None
    also: Filter | None = None
    newest_first: bool = False

    def filter(self) -> Filter | None:
        """The query filter; None for the whole board."""
        parts = [edited_since(self.edited)] if self.edited is not None else []
        for bound, moment in (("on_or_after", self.created), ("before", self.before)):
            if moment is not None:
                parts.append(
                    {"timestamp": "created_time", "created_time": {bound: moment.isoformat()}}
                )
        parts += [self.also] if self.also is not None else []
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else {"and": parts}

    def sorts(self) -> list[dict[str, Any]]:
        """The query's order."""
        return [
            {
                "timestamp": "created_time",
                "direction": "descending" if self.newest_first else "ascending",
            }
        ]

    def after(self, last: datetime) -> Window:
        """What is left after a page made then was shown; of that minute there may be more."""
        if self.newest_first:
            return replace(self, before=to_minute(last) + timedelta(minutes=1))
        return replace(self, created=to_minute(last))


async def scan(ctx: Context, board: Board, window: Window) -> AsyncIterator[Readings]:
    """Every page of a window, a hundred at a time, in the order they were made.

    Notion ends a query after 10,000 rows; then the next window begins where it ended (Notion: query
    a data source). The same when it forgets where a query was.

    Raises:
        BoardError: when Notion does not find the board, or more than 10,000 pages were created in
            one minute, which no window can divide.
        NotionUnavailable: when Notion refuses its own cursors and nothing comes of beginning anew.
    """
    cursor: str | None = None
    last: datetime | None = None
    beginnings = 1
    while True:
        began = ctx.clock()
        try:
            answer = await _query(ctx, board, window.filter(), window.sorts(), cursor)
        except NotionCursorExpired as error:
            rest = window.after(last) if last is not None else window
            beginnings = beginnings + 1 if rest == window else 1
            if beginnings > BEGINNINGS:
                raise cursor_refused(error) from error
            window, cursor = rest, None
            continue
        readings = await _understood(ctx, board, _rows(ctx, answer, began))
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
    rest = window.after(last) if last is not None else window
    if rest == window:
        raise BoardError(
            f"More than 10,000 cards were created at {last:%Y-%m-%d %H:%M}: Notion shows no more."
        )
    return rest


def _last_made(answer: Mapping[str, Any]) -> datetime | None:
    """When the last page that an answer shows was made; None when it shows none."""
    made = (row.get("created_time") for row in reversed(answer["results"]))
    return next((parse_time(moment) for moment in made if isinstance(moment, str)), None)


def _rows(ctx: Context, answer: Mapping[str, Any], began: datetime) -> list[_Answer]:
    """The pages of a query's answer; a row that is no page (a wiki's data source) is passed over."""
    rows = (row for row in answer["results"] if row.get("object") == "page" and "properties" in row)
    pages = [row for row in rows if isinstance(row.get("id"), str)]
    ended = ctx.clock()
    return [
        _Answer(page_id=page["id"], page=page, began=began, ended=ended, by_id=False)
        for page in pages
    ]
