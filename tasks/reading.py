"""Reading cards from the board: by id, by what was edited since, or all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from models.board import Board
from models.errors import BoardError, NotionForbidden, NotionPageNotFound, NotionRejected, NotionUnavailable
from models.properties import BoardCard, parse_time, read_card, to_minute
from models.vouching import Known
from tasks.board import board_lost, refreshed_board
from tasks.connections import Connections
from tasks.side_by_side import side_by_side

AT_ONCE = 4
"""Requests in flight: enough that latency does not cost throughput at 3 a second, few enough to queue fairly."""

Filter = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Read:
    """One page as read.

    Attributes:
        began, ended: when the request was sent and answered, by the steps' clock.
        by_id: False for a query's row, which may lag behind the page.
        remembered: whether nothing was read: a card as it was last seen, to be judged by other rules.
        vouched: as `models.looks.Look` has it.
    """

    card: BoardCard
    began: datetime
    ended: datetime
    by_id: bool
    remembered: bool = False
    vouched: Known | None = None


@dataclass
class Readings:
    """What came of reading a set of pages.

    Attributes:
        gone: pages that Notion does not find, or that lie in another database now.
        failed: why each of the other pages could not be read, by page id.
    """

    cards: list[Read] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """How many, for a task's name in the Prefect UI."""
        return f"{len(self.cards)} cards"

    def add(self, other: Readings) -> None:
        """Take over what another reading found."""
        self.cards += other.cards
        self.gone += other.gone
        self.failed |= other.failed


async def read_by_id(on: Connections, board: Board, page_ids: Sequence[str]) -> Readings:
    """Each page by a request of its own, a few at a time; what is wrong with one page stops no other.

    Notion answers 404 for what is deleted and for what is not shared any more alike, so a page it does not find counts
    as gone only while it finds the board; and one that it refuses (403) fails alone only while it shows the board.

    Raises:
        NotionAuthError, NotionUnavailable, BoardError: what concerns all pages alike.
    """
    readings = Readings()
    ailing: dict[str, NotionUnavailable] = {}
    refused: dict[str, str] = {}

    async def read(page_id: str) -> None:
        try:
            await _read_one(on, board, page_id, readings)
        except NotionForbidden as error:
            refused[page_id] = str(error)
        except NotionUnavailable as error:
            if not error.concerns_one_request:
                raise
            ailing[page_id] = error

    await side_by_side((read(page_id) for page_id in page_ids), at_once=AT_ONCE)
    if len(ailing) == len(page_ids) > 1:
        raise next(iter(ailing.values()))
    readings.failed |= {page_id: str(error) for page_id, error in ailing.items()} | refused
    if readings.gone or refused:
        await refreshed_board(on)
    return readings


async def _read_one(on: Connections, board: Board, page_id: str, readings: Readings) -> None:
    began = on.clock()
    try:
        page = await on.notion.get_page(page_id)
        if _elsewhere(page, board):
            readings.gone.append(page_id)
            return
        card = read_card(page, board)
    except NotionPageNotFound:
        readings.gone.append(page_id)
    except (NotionRejected, ValueError) as error:
        readings.failed[page_id] = str(error)
    else:
        readings.cards.append(Read(card=card, began=began, ended=on.clock(), by_id=True))


def _elsewhere(page: Mapping[str, Any], board: Board) -> bool:
    parent = page.get("parent") or {}
    return "data_source_id" in parent and parent["data_source_id"] != board.data_source_id


async def read_many(on: Connections, board: Board, page_ids: Sequence[str], *, since: datetime) -> Readings:
    """Many recently edited pages, as far as queries show them: each returns a hundred with their values."""
    missing = set(page_ids)
    readings = Readings()
    cursor: str | None = None
    newest_first: list[dict[str, Any]] = [{"timestamp": "last_edited_time", "direction": "descending"}]
    # A query is worth its request while it may still save one.
    for _ in range(max(1, len(missing) // 2)):
        began = on.clock()
        answer = await _query(on, board, edited_since(since), newest_first, cursor)
        ended = on.clock()
        for card in _cards(answer, board):
            if card.page_id in missing:
                missing.discard(card.page_id)
                readings.cards.append(Read(card=card, began=began, ended=ended, by_id=False))
        cursor = answer.get("next_cursor")
        if not missing or not answer.get("has_more"):
            break
    return readings


async def _query(
    on: Connections, board: Board, filter_: Filter | None, sorts: list[dict[str, Any]], cursor: str | None
) -> dict[str, Any]:
    try:
        return await on.notion.query_database(board.data_source_id, filter_=filter_, sorts=sorts, start_cursor=cursor)
    except NotionPageNotFound as error:
        raise board_lost(board.data_source_id) from error


def edited_since(moment: datetime) -> Filter:
    """A query filter: pages edited at that moment or later."""
    return {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": moment.isoformat()}}


async def scan(
    on: Connections,
    board: Board,
    *,
    edited: datetime | None = None,
    created: datetime | None = None,
    before: datetime | None = None,
    newest_first: bool = False,
) -> AsyncIterator[list[Read]]:
    """Every page of the board, or those edited or created since a moment, a hundred at a time, oldest first.

    Sorted by creation, which never changes, so that no page slips between two requests. Notion ends a query after
    10,000 rows; then the next window begins where it ended (Notion: query a data source).

    Args:
        before: pages created earlier than that.
        newest_first: the other way round.

    Raises:
        BoardError: when Notion does not find the board, or more than 10,000 pages were created in one minute, which no
            window can divide.
    """
    direction = "descending" if newest_first else "ascending"
    by_creation: list[dict[str, Any]] = [{"timestamp": "created_time", "direction": direction}]
    cursor: str | None = None
    while True:
        began = on.clock()
        answer = await _query(on, board, _window(edited, created, before), by_creation, cursor)
        ended = on.clock()
        yield [Read(card=card, began=began, ended=ended, by_id=False) for card in _cards(answer, board)]
        cursor = answer.get("next_cursor") if answer.get("has_more") else None
        if cursor is not None:
            continue
        if (answer.get("request_status") or {}).get("type") != "incomplete":
            return
        last = parse_time(answer["results"][-1]["created_time"])
        window, created, before = (created, before), *_rest(created, before, last, newest_first=newest_first)
        if window == (created, before):
            raise BoardError(f"More than 10,000 cards were created at {last:%Y-%m-%d %H:%M}: Notion shows no more.")


def _rest(
    created: datetime | None, before: datetime | None, last: datetime, *, newest_first: bool
) -> tuple[datetime | None, datetime | None]:
    """What a window still holds after its last page; of that one's minute there may be more."""
    return (created, to_minute(last) + timedelta(minutes=1)) if newest_first else (to_minute(last), before)


def _window(edited: datetime | None, created: datetime | None, before: datetime | None) -> Filter | None:
    parts = [edited_since(edited)] if edited is not None else []
    for bound, moment in (("on_or_after", created), ("before", before)):
        if moment is not None:
            parts.append({"timestamp": "created_time", "created_time": {bound: moment.isoformat()}})
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else {"and": parts}


def _cards(answer: Mapping[str, Any], board: Board) -> list[BoardCard]:
    """The pages of a query's answer; a row that is no page (a wiki's data source) is passed over."""
    pages = [row for row in answer["results"] if row.get("object") == "page" and "properties" in row]
    try:
        return [read_card(page, board) for page in pages]
    except ValueError as error:
        raise BoardError(
            f"The board cannot be read: {error}. Put the property back, or restart to see it anew."
        ) from error
