"""Queries of a data source: which pages, in which order, in pieces of at most 100.

Source: Notion's "Query a data source" and "Query large data sources" pages. One query gives at most
10,000 results over all its pieces; every piece of a query that is cut off says so in
`request_status`.
"""

import base64
import binascii
import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice
from math import inf
from typing import Any

from notion_sandbox.errors import bad_cursor, body_error, shape_error, unsupported, validation_error
from notion_sandbox.query.filters import Bounds, Filter
from notion_sandbox.schema.property_values import find_property
from notion_sandbox.schema.readers import READERS, TIMES, Reader
from notion_sandbox.store.objects import DataSource, Page, Schema
from notion_sandbox.store.page_index import IndexKey, PageIndex
from notion_sandbox.store.state import State

_MAX_SORTS = 100
_SORT_TEXT = 100
_SORTABLE = (
    *(
        "title",
        "rich_text",
        "url",
        "email",
        "phone_number",
        "number",
        "unique_id",
        "checkbox",
        "select",
        "status",
    ),
    "date",
)


@dataclass(frozen=True, slots=True)
class Sort:
    """One order: what is compared, and whether it falls.

    `timestamp` is set when a time of the page is compared.
    """

    read: Reader
    descending: bool
    timestamp: str | None = None
    order: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a query's results. `incomplete`: the query as a whole is cut off at the limit."""

    pages: list[Page]
    next_cursor: str | None
    incomplete: bool


@dataclass(frozen=True, slots=True)
class Position:
    """What a cursor holds: how many results were given.

    Whether the query is cut off, and the last one's sort key.
    """

    served: int
    incomplete: bool
    key: Any


NEWEST_FIRST = (Sort(TIMES["created_time"], descending=True, timestamp="created_time"),)
"""The order of a query without sorts: not documented, and recorded."""


def parse_sorts(state: State, schema: Schema, body: Any) -> list[Sort]:
    """Read the `sorts` of a request.

    Raises:
        NotionError: validation_error for what Notion refuses, sandbox_unsupported for kinds it
            cannot order.
    """
    if body is None:
        return []
    if not isinstance(body, list):
        raise shape_error("body.sorts", "an array", body)
    if len(body) > _MAX_SORTS:
        raise body_error(
            f"body.sorts.length should be ≤ `{_MAX_SORTS}`, instead was `{len(body)}`."
        )
    return [
        _parse_sort(state, schema, item, f"body.sorts[{index}]") for index, item in enumerate(body)
    ]


def _parse_sort(state: State, schema: Schema, item: Any, path: str) -> Sort:
    if not isinstance(item, dict):
        raise shape_error(path, "an object", item)
    direction = item.get("direction", "ascending")
    if direction not in ("ascending", "descending"):
        raise shape_error(f"{path}.direction", 'either "ascending" or "descending"', direction)
    descending = direction == "descending"
    if "timestamp" in item:
        name = item["timestamp"]
        if name not in TIMES:
            raise shape_error(
                f"{path}.timestamp", 'either "created_time" or "last_edited_time"', name
            )
        return Sort(TIMES[name], descending, name)
    key = item.get("property")
    prop = find_property(schema, key) if isinstance(key, str) else None
    if prop is None:
        raise validation_error(f"Could not find sort property with name or id: {key}")
    if prop.kind in TIMES:
        return Sort(TIMES[prop.kind], descending, prop.kind)
    if prop.kind not in _SORTABLE:
        raise unsupported(f"sorts by properties of type {prop.kind!r}")
    order = {option.id: index for index, option in enumerate(prop.options)} or None
    return Sort(READERS[prop.kind](state, prop), descending, None, order)


class Query:
    """One query of one data source.

    Args:
        source: The data source.
        index: Its pages in order of edit and of creation.
        state: Where the pages are.
        matching: The compiled filter.
        sorts: The orders, at least one unless every order will do; the first counts most.
        identity: The request's filter and sorts: a cursor is good for the same ones only.
        limit: Results over all pieces.
    """

    def __init__(
        self,
        source: DataSource,
        *,
        index: PageIndex,
        state: State,
        matching: Filter,
        sorts: list[Sort],
        identity: Any,
        limit: int,
    ) -> None:
        self._state = state
        self._filter = matching
        self._sorts = sorts
        self._limit = limit
        self._digest = hashlib.sha256(
            json.dumps([source.id, identity], sort_keys=True).encode()
        ).hexdigest()[:16]
        timestamp = sorts[0].timestamp if len(sorts) == 1 else None
        self._reverse = timestamp is not None and sorts[0].descending
        # An index gives its own order; a filter by the other time needs few pages of that index.
        cheapest = _cheapest(matching.bounds)
        self._by_index = timestamp is not None and matching.bounds.keys() <= {timestamp}
        name = timestamp if self._by_index else cheapest
        self._keys = index.by_edit if name == "last_edited_time" else index.by_creation
        bounds = matching.bounds.get(name or "")
        self._start = 0 if bounds is None else bisect_left(self._keys, (bounds.low, -1, ""))
        self._stop = (
            len(self._keys) if bounds is None else bisect_right(self._keys, (bounds.high, inf, ""))
        )

    def piece(self, cursor: str | None, page_size: int) -> Piece:
        """The results after a cursor.

        Raises:
            NotionError: validation_error for a cursor of another query or of none.
        """
        position = (
            self._decode(cursor) if cursor is not None else Position(0, self._is_cut_off(), None)
        )
        room = max(0, self._limit - position.served)
        wanted = min(page_size, room)
        found = self._after(position.key, wanted + 1)
        given, more = found[:wanted], len(found) > wanted
        served = position.served + len(given)
        incomplete = position.incomplete or (more and served >= self._limit)
        if not more or served >= self._limit or not given:
            return Piece([page for _, page in given], None, incomplete)
        return Piece(
            [page for _, page in given],
            self._encode(Position(served, incomplete, given[-1][0])),
            incomplete,
        )

    def _after(self, key: Any, count: int) -> list[tuple[Any, Page]]:
        if self._by_index:
            return list(islice(self._matching(self._scan(key)), count))
        floor = None if key is None else _frozen(key)
        keyed = ((self._sort_key(page), page) for _, page in self._matching(self._scan(None)))
        return nsmallest(
            count, (item for item in keyed if floor is None or item[0] > floor), key=_first
        )

    def _scan(self, after: Any) -> Iterator[IndexKey]:
        start, stop = self._start, self._stop
        if after is not None and self._reverse:
            stop = max(start, min(stop, bisect_left(self._keys, tuple(after))))
        elif after is not None:
            start = max(start, bisect_right(self._keys, tuple(after)))
        backwards = self._by_index and self._reverse
        positions = range(stop - 1, start - 1, -1) if backwards else range(start, stop)
        return (self._keys[position] for position in positions)

    def _matching(self, keys: Iterable[IndexKey]) -> Iterator[tuple[IndexKey, Page]]:
        pages, test = self._state.pages, self._filter.test
        for key in keys:
            page = pages[key[2]]
            if test is None or test(page):
                yield key, page

    def _is_cut_off(self) -> bool:
        if self._stop - self._start <= self._limit:
            return False
        if self._filter.test is None:
            return True
        return next(islice(self._matching(self._scan(None)), self._limit, None), None) is not None

    def _sort_key(self, page: Page) -> tuple[Any, ...]:
        number = -page.number if self._reverse else page.number
        return (*(_component(sort, page) for sort in self._sorts), number)

    def _encode(self, position: Position) -> str:
        text = json.dumps(
            [self._digest, position.served, position.incomplete, position.key],
            separators=(",", ":"),
        )
        return "s:" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def _decode(self, cursor: str) -> Position:
        try:
            padded = cursor.removeprefix("s:") + "=" * (-len(cursor.removeprefix("s:")) % 4)
            digest, served, incomplete, key = json.loads(base64.urlsafe_b64decode(padded))
        except (ValueError, TypeError, binascii.Error):
            raise bad_cursor(cursor) from None
        if digest != self._digest:
            raise bad_cursor(cursor)
        return Position(served, incomplete, key)


def _first(item: tuple[Any, Page]) -> Any:
    return item[0]


def _frozen(key: Any) -> Any:
    return tuple(_frozen(item) for item in key) if isinstance(key, list) else key


def _cheapest(bounds: Bounds) -> str:
    return "last_edited_time" if "last_edited_time" in bounds else "created_time"


def _component(sort: Sort, page: Page) -> tuple[int, Any]:
    # Empty values come last in both directions.
    value = sort.read(page)
    if value is None:
        return (1, 0)
    if sort.order is not None:
        value = sort.order[value]
    if isinstance(value, str):
        text = value.casefold()[:_SORT_TEXT]
        # A falling text as numbers; the 1 at the end puts a longer text before its beginning.
        return (0, (*(-ord(character) for character in text), 1)) if sort.descending else (0, text)
    return (0, -value if sort.descending else value)
