"""Lists in pieces of at most 100, with an opaque cursor that holds a position.

Source: Notion's "Pagination".
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from notion_sandbox.errors import bad_cursor, body_error, shape_error, validation_error
from notion_sandbox.request.call import Call
from notion_sandbox.values.checks import is_whole_number, require_text
from notion_sandbox.values.cursors import decode_cursor, encode_cursor

MAX_PAGE_SIZE = 100

Item = TypeVar("Item")


def parse_page_size(value: Any, path: str) -> int:
    """A page size from 1 to 100; absent means 100.

    Raises:
        NotionError: validation_error.
    """
    if value is None:
        return MAX_PAGE_SIZE
    if not is_whole_number(value):
        raise shape_error(path, "a number", value)
    size = int(value)
    if size < 1:
        raise body_error(f"{path} should be ≥ `1`, instead was `{size}`.")
    if size > MAX_PAGE_SIZE:
        raise body_error(f"{path} should be ≤ `{MAX_PAGE_SIZE}`, instead was `{size}`.")
    return size


def piece_of_query(
    call: Call, scope: str, items: Sequence[Item]
) -> tuple[Sequence[Item], str | None]:
    """The piece that `start_cursor` and `page_size` of the URL ask for, and the next cursor.

    Args:
        call: The request.
        scope: Names the list: a cursor is valid for the same one only.
        items: The whole list.

    Raises:
        NotionError: validation_error.
    """
    given = call.query_value("page_size")
    if given is None:
        size = MAX_PAGE_SIZE
    elif given.isdecimal():
        size = parse_page_size(int(given), "query.page_size")
    else:
        raise validation_error(
            f"query failed validation: query.page_size should be a number, instead was `{given}`."
        )
    return piece_of(scope, items, call.query_value("start_cursor"), size)


def piece_of_body(
    call: Call, scope: str, items: Sequence[Item]
) -> tuple[Sequence[Item], str | None]:
    """The piece that `start_cursor` and `page_size` of the body ask for, and the next cursor.

    Raises:
        NotionError: validation_error.
    """
    return piece_of(scope, items, *body_page(call))


def body_page(call: Call) -> tuple[str | None, int]:
    """The `start_cursor` and the `page_size` of the body.

    Raises:
        NotionError: validation_error.
    """
    cursor = call.body.get("start_cursor")
    if cursor is not None:
        require_text(cursor, "body.start_cursor")
    return cursor, parse_page_size(call.body.get("page_size"), "body.page_size")


def piece_of(
    scope: str, items: Sequence[Item], cursor: str | None, size: int
) -> tuple[Sequence[Item], str | None]:
    """At most `size` items after a cursor, and the cursor of the next piece.

    Raises:
        NotionError: validation_error for a cursor of another list, or an invalid one.
    """
    start = _offset(scope, cursor)
    stop = start + size
    if stop >= len(items):
        return items[start:], None
    return items[start:stop], encode_cursor([scope, stop])


def list_answer(kind: str, results: Sequence[Any], cursor: str | None) -> dict[str, Any]:
    """A list as responses carry it."""
    shown = {
        "object": "list",
        "results": list(results),
        "next_cursor": cursor,
        "has_more": cursor is not None,
    }
    return {**shown, "type": kind, kind: {}}


def request_status(*, incomplete: bool) -> dict[str, Any]:
    """What a list of query results has besides when there are more than one query may return."""
    if not incomplete:
        return {}
    reason = "query_result_limit_reached"
    return {"request_status": {"type": "incomplete", "incomplete_reason": reason}}


def _offset(scope: str, cursor: str | None) -> int:
    if cursor is None:
        return 0
    (offset,) = decode_cursor(cursor, scope, 2)
    if not isinstance(offset, int):
        raise bad_cursor(cursor)
    return offset
