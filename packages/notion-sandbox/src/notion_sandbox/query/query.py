"""Queries of a data source: which pages, in which order, in pieces of at most 100.

Source: Notion's "Query a data source" and "Query large data sources" pages. One query gives at most
10,000 results over all its pieces. When there are more, every piece has a `request_status`.
"""

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from heapq import nsmallest
from itertools import islice
from math import inf
from operator import itemgetter
from typing import Any

from notion_sandbox.errors import unsupported
from notion_sandbox.query.filters import Bounds, Filter
from notion_sandbox.query.intervals import Interval
from notion_sandbox.schema.property_values import require_property
from notion_sandbox.schema.readers import READERS, TIMES, Reader
from notion_sandbox.store.objects import DataSource, Page, Schema
from notion_sandbox.store.page_index import IndexKey, PageIndex
from notion_sandbox.store.state import State
from notion_sandbox.values.checks import (
    require_direction,
    require_items,
    require_object,
    require_timestamp,
)
from notion_sandbox.values.cursors import decode_cursor, encode_cursor

_MAX_SORTS = 100
_SORT_TEXT = 100
_SORTABLE = (
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
    "date",
)


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of a query.

    Attributes:
        read: Gives the value of a page that is compared.
        descending: Whether the greatest value comes first.
        timestamp: The name of the page's time when that is compared.
        order: By id of an option: its position among the property's options.
    """

    read: Reader
    descending: bool
    timestamp: str | None = None
    order: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a query's results. `incomplete`: the whole query has more than the limit."""

    pages: list[Page]
    next_cursor: str | None
    incomplete: bool


@dataclass(frozen=True, slots=True)
class Position:
    """What a cursor holds.

    Attributes:
        served: How many results were returned before.
        incomplete: Whether the whole query has more results than the limit.
        key: The sort key of the last result; None before the first.
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
    items = require_items(body, "body.sorts", _MAX_SORTS)
    return [_parse_sort(state, schema, item, path) for path, item in items]


def _parse_sort(state: State, schema: Schema, value: Any, path: str) -> Sort:
    item = require_object(value, path)
    direction = require_direction(item.get("direction", "ascending"), f"{path}.direction")
    descending = direction == "descending"
    if "timestamp" in item:
        name = require_timestamp(item["timestamp"], f"{path}.timestamp")
        return Sort(TIMES[name], descending, name)
    prop = require_property(schema, item.get("property"), what="sort property")
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
        sorts: The sorts, the most important first; none when any order is acceptable.
        identity: The request's filter and sorts: a cursor is valid for the same ones only.
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
        timestamp = _only_timestamp(sorts)
        self._reverse = timestamp is not None and sorts[0].descending
        # The index of a time serves the sort by that time, unless a filter bounds the other time:
        # then the index of the bounded time gives fewer pages, which are sorted afterwards.
        self._by_index = timestamp is not None and matching.bounds.keys() <= {timestamp}
        indexed = timestamp if self._by_index else _bounded_time(matching.bounds)
        self._keys = index.by_edit if indexed == "last_edited_time" else index.by_creation
        bounds = matching.bounds.get(indexed or "", Interval())
        self._start = bisect_left(self._keys, (bounds.low, -1, ""))
        self._stop = bisect_right(self._keys, (bounds.high, inf, ""))

    def piece(self, cursor: str | None, page_size: int) -> Piece:
        """The results after a cursor.

        Raises:
            NotionError: validation_error for a cursor of another query, or an invalid one.
        """
        if cursor is None:
            position = Position(0, self._exceeds_limit(), None)
        else:
            position = self._decode(cursor)
        wanted = max(0, min(page_size, self._limit - position.served))
        found = self._after(position.key, wanted + 1)
        returned, more = found[:wanted], len(found) > wanted
        pages = [page for _, page in returned]
        served = position.served + len(pages)
        at_limit = served >= self._limit
        incomplete = position.incomplete or (more and at_limit)
        if not pages or not more or at_limit:
            return Piece(pages, None, incomplete)
        last_key = returned[-1][0]
        return Piece(pages, self._encode(Position(served, incomplete, last_key)), incomplete)

    def _after(self, key: Any, count: int) -> list[tuple[Any, Page]]:
        """At most `count` matching pages after a sort key, each after its own sort key."""
        if self._by_index:
            return list(islice(self._matching(self._scan(key)), count))
        keyed = ((self._sort_key(page), page) for _, page in self._matching(self._scan(None)))
        if key is not None:
            last = _as_tuple(key)
            keyed = (item for item in keyed if item[0] > last)
        return nsmallest(count, keyed, key=itemgetter(0))

    def _scan(self, after: Any) -> Iterator[IndexKey]:
        """The keys of the index within the bounds, in its order or backwards, after a key."""
        start, stop = self._start, self._stop
        if after is not None and self._reverse:
            stop = max(start, min(stop, bisect_left(self._keys, tuple(after))))
        elif after is not None:
            start = max(start, bisect_right(self._keys, tuple(after)))
        positions = range(start, stop)
        if self._by_index and self._reverse:
            positions = positions[::-1]
        return (self._keys[position] for position in positions)

    def _matching(self, keys: Iterable[IndexKey]) -> Iterator[tuple[IndexKey, Page]]:
        pages, test = self._state.pages, self._filter.test
        for key in keys:
            page = pages[key[2]]
            if test(page):
                yield key, page

    def _exceeds_limit(self) -> bool:
        """Whether more pages match than one query may return."""
        if self._stop - self._start <= self._limit:
            return False
        first_over = islice(self._matching(self._scan(None)), self._limit, None)
        return next(first_over, None) is not None

    def _sort_key(self, page: Page) -> tuple[Any, ...]:
        number = -page.number if self._reverse else page.number
        return (*(_component(sort, page) for sort in self._sorts), number)

    def _encode(self, position: Position) -> str:
        return encode_cursor([self._digest, *astuple(position)])

    def _decode(self, cursor: str) -> Position:
        return Position(*decode_cursor(cursor, self._digest, 4))


def _as_tuple(key: Any) -> Any:
    """A sort key that JSON turned into lists, as tuples again."""
    if not isinstance(key, list):
        return key
    return tuple(_as_tuple(item) for item in key)


def _only_timestamp(sorts: Sequence[Sort]) -> str | None:
    """The time that a query with one sort is sorted by."""
    if len(sorts) != 1:
        return None
    return sorts[0].timestamp


def _bounded_time(bounds: Bounds) -> str:
    return "last_edited_time" if "last_edited_time" in bounds else "created_time"


def _component(sort: Sort, page: Page) -> tuple[int, Any]:
    """What one sort compares of a page; empty values come last in both directions."""
    value = sort.read(page)
    if value is None:
        return (1, 0)
    if sort.order is not None:
        value = sort.order[value]
    if isinstance(value, str):
        value = value.casefold()[:_SORT_TEXT]
        return (0, _reversed_text(value) if sort.descending else value)
    return (0, -value if sort.descending else value)


def _reversed_text(text: str) -> tuple[int, ...]:
    """Numbers that sort as the text does, in reverse order.

    The 1 at the end puts a longer text before its beginning.
    """
    return (*(-ord(character) for character in text), 1)
