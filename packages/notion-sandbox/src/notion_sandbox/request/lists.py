"""Lists that are read by position, in pieces of at most 100, with an opaque cursor.

Source: Notion's "Pagination".
"""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, TypeVar

from notion_sandbox.errors import bad_cursor, body_error, shape_error, validation_error
from notion_sandbox.request.call import Call

MAX_PAGE_SIZE = 100

Item = TypeVar("Item")


def parse_page_size(value: Any, path: str) -> int:
    """A page size from 1 to 100; absent means 100.

    Raises:
        NotionError: validation_error.
    """
    if value is None:
        return MAX_PAGE_SIZE
    if isinstance(value, bool) or not isinstance(value, int):
        raise shape_error(path, "a number", value)
    if value < 1 or value > MAX_PAGE_SIZE:
        sign, bound = ("≥", 1) if value < 1 else ("≤", MAX_PAGE_SIZE)
        raise body_error(f"{path} should be {sign} `{bound}`, instead was `{value}`.")
    return value


def piece_of_query(
    call: Call, scope: str, items: Sequence[Item]
) -> tuple[Sequence[Item], str | None]:
    """The piece that the query string asks for, and the cursor of the next.

    Its parameters are `start_cursor` and `page_size`.

    Args:
        call: The request.
        scope: Names the list: a cursor is good for the same one only.
        items: The whole list.

    Raises:
        NotionError: validation_error.
    """
    size = next(iter(call.query.get("page_size", [])), None)
    if size is not None and not size.isdecimal():
        raise validation_error(
            f"query failed validation: query.page_size should be a number, instead was `{size}`."
        )
    page_size = parse_page_size(None if size is None else int(size), "query.page_size")
    return piece_of(scope, items, next(iter(call.query.get("start_cursor", [])), None), page_size)


def piece_of_body(
    call: Call, scope: str, items: Sequence[Item]
) -> tuple[Sequence[Item], str | None]:
    """The piece that `start_cursor` and `page_size` of the body ask for, and the next cursor.

    Raises:
        NotionError: validation_error.
    """
    cursor = call.body.get("start_cursor")
    if cursor is not None and not isinstance(cursor, str):
        raise shape_error("body.start_cursor", "a string", cursor)
    return piece_of(
        scope, items, cursor, parse_page_size(call.body.get("page_size"), "body.page_size")
    )


def piece_of(
    scope: str, items: Sequence[Item], cursor: str | None, size: int
) -> tuple[Sequence[Item], str | None]:
    """So many items after a cursor, and the cursor of the next piece.

    Raises:
        NotionError: validation_error for a cursor of another list or of none.
    """
    start = _offset(scope, cursor)
    stop = start + size
    return items[start:stop], _cursor(scope, stop) if stop < len(items) else None


def list_answer(kind: str, results: Sequence[Any], cursor: str | None) -> dict[str, Any]:
    """A list as responses carry it."""
    shown = {
        "object": "list",
        "results": list(results),
        "next_cursor": cursor,
        "has_more": cursor is not None,
    }
    return {**shown, "type": kind, kind: {}}


def _cursor(scope: str, offset: int) -> str:
    return "s:" + base64.urlsafe_b64encode(json.dumps([scope, offset]).encode()).decode().rstrip(
        "="
    )


def _offset(scope: str, cursor: str | None) -> int:
    if cursor is None:
        return 0
    encoded = cursor.removeprefix("s:")
    try:
        found, offset = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, TypeError, binascii.Error):
        raise bad_cursor(cursor) from None
    if found != scope or not isinstance(offset, int):
        raise bad_cursor(cursor)
    return offset
