"""Checks of the JSON values in a request.

A check returns the value with its Python type, or raises NotionError: 400 `validation_error` in
Notion's wording. `path` says where the value stands, such as `body.properties.Due.date`.
"""

from collections.abc import Collection, Iterable
from typing import Any

from notion_sandbox.errors import body_error, missing_error, shape_error
from notion_sandbox.values.ids import parse_uuid
from notion_sandbox.values.types import Json

OBJECT = "an object"
OBJECT_OR_NULL = "an object or `null`"


def require_object(value: Any, path: str, expected: str = OBJECT) -> Json:
    """The value as a JSON object."""
    if not isinstance(value, dict):
        raise shape_error(path, expected, value)
    return value


def require_array(value: Any, path: str, expected: str = "an array") -> list[Any]:
    """The value as a JSON array."""
    if not isinstance(value, list):
        raise shape_error(path, expected, value)
    return value


def require_items(value: Any, path: str, limit: int) -> list[tuple[str, Any]]:
    """The items of a JSON array with at most `limit` items, each after its path."""
    array = require_array(value, path)
    check_count(len(array), limit, path)
    return with_paths(array, path)


def with_paths(items: Iterable[Any], path: str) -> list[tuple[str, Any]]:
    """Each item of an array after its path, such as `body.sorts[0]`."""
    return [(f"{path}[{index}]", item) for index, item in enumerate(items)]


def require_boolean(value: Any, path: str) -> bool:
    """The value as true or false."""
    if not isinstance(value, bool):
        raise shape_error(path, "a boolean", value)
    return value


def require_text(value: Any, path: str, *, limit: int | None = None) -> str:
    """The value as a string of at most `limit` characters."""
    if not isinstance(value, str):
        raise shape_error(path, "a string", value)
    if limit is not None:
        check_length(value, limit, path)
    return value


def require_uuid(value: Any, path: str) -> str:
    """The value as a UUID with dashes."""
    found = parse_uuid(value)
    if found is None:
        raise shape_error(path, "a valid uuid", value)
    return found


def require_one_of(value: Any, names: Iterable[str], path: str, expected: str = "") -> str:
    """The value as one of some names; `expected` replaces the list of them in the message."""
    allowed = tuple(names)
    if value not in allowed:
        raise shape_error(path, expected or f"one of {', '.join(allowed)}", value)
    return str(value)


def require_direction(value: Any, path: str) -> str:
    """The value as the direction of a sort."""
    expected = 'either "ascending" or "descending"'
    return require_one_of(value, ("ascending", "descending"), path, expected)


def require_timestamp(value: Any, path: str) -> str:
    """The value as the name of a page's time."""
    expected = 'either "created_time" or "last_edited_time"'
    return require_one_of(value, ("created_time", "last_edited_time"), path, expected)


def require_key(body: Json, key: str, path: str) -> Any:
    """The value under a key of the object at `path`; null is a value too."""
    if key not in body:
        raise missing_error(f"{path}.{key}")
    return body[key]


def require_value(body: Json, key: str, path: str) -> Any:
    """The value under a key of the object at `path`; null counts as missing."""
    value = body.get(key)
    if value is None:
        raise missing_error(f"{path}.{key}")
    return value


def refuse_other_keys(body: Json, known: Collection[str], path: str) -> None:
    """Refuse every key of the object at `path` that is not known."""
    for key in body:
        if key not in known:
            raise body_error(f"{path}.{key} should be not present.")


def get_field(value: Any, key: str) -> Any:
    """The value under a key; None when the value is no object or has no such key."""
    return value.get(key) if isinstance(value, dict) else None


def first_key(body: Json, names: Iterable[str]) -> str | None:
    """The first of some names that is a key of the object; None when none is."""
    return next((name for name in names if name in body), None)


def is_whole_number(value: Any) -> bool:
    """Whether a JSON value is a whole number; in Python, true and false are integers too."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number."""
    return is_whole_number(value) or isinstance(value, float)


def utf16_length(text: str) -> int:
    """The length as JavaScript counts it; Notion's limits are assumed to count so."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def check_length(text: str, limit: int, path: str) -> None:
    """Refuse a text that is longer than Notion accepts."""
    check_count(utf16_length(text), limit, path)


def check_count(count: int, limit: int, path: str) -> None:
    """Refuse a text or array at `path` with more than `limit` characters or items."""
    if count > limit:
        raise body_error(f"{path}.length should be ≤ `{limit}`, instead was `{count}`.")
