"""Cursors of lists: opaque to clients, and valid for the list that they were made for only."""

import base64
import json
from typing import Any

from notion_sandbox.errors import bad_cursor

_PREFIX = "s:"


def encode_cursor(parts: list[Any]) -> str:
    """A cursor that holds these JSON values; the first names the list."""
    text = json.dumps(parts, separators=(",", ":"))
    return _PREFIX + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, scope: str, length: int) -> list[Any]:
    """The values of a cursor after the first, which must be `scope`.

    Raises:
        NotionError: validation_error for a cursor of another list, or an invalid one.
    """
    encoded = cursor.removeprefix(_PREFIX)
    padding = "=" * (-len(encoded) % 4)
    try:
        parts = json.loads(base64.urlsafe_b64decode(encoded + padding))
    except ValueError:
        raise bad_cursor(cursor) from None
    if not isinstance(parts, list) or len(parts) != length or parts[0] != scope:
        raise bad_cursor(cursor)
    return parts[1:]
