"""Property values in requests: checks of their shape, then of their kind against the schema.

Source: Notion's "Page property values" page and recorded errors. Shapes are wrong with "body failed
validation", a kind that is not the property's with "<name> is expected to be <kind>.".
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from notion_sandbox.errors import NotionError, shape_error, unsupported, validation_error
from notion_sandbox.store.objects import Property, Schema, Value
from notion_sandbox.values.checks import (
    check_length,
    first_key,
    is_number,
    require_boolean,
    require_object,
)
from notion_sandbox.values.choices import OptionChoice, OptionChoices, parse_choice, parse_choices
from notion_sandbox.values.dates import parse_date
from notion_sandbox.values.ids import decoded
from notion_sandbox.values.list_values import parse_files, parse_ids
from notion_sandbox.values.rich_text import parse_rich_text
from notion_sandbox.values.types import Json

WRITABLE = (
    "title",
    "rich_text",
    "number",
    "select",
    "multi_select",
    "status",
    "date",
    "people",
    "files",
    "checkbox",
    "url",
    "email",
    "phone_number",
    "relation",
)
READ_ONLY = (
    "formula",
    "created_time",
    "last_edited_time",
    "created_by",
    "last_edited_by",
    "unique_id",
)
KINDS = (*WRITABLE, *READ_ONLY)
UNSUPPORTED_KINDS = ("rollup", "button", "verification", "place", "location", "last_visited_time")
"""Kinds of properties that Notion has and the sandbox does not support."""
TEXT_LIMITS = {"url": 2000, "email": 200, "phone_number": 200}

_FIRST_INEXACT_INTEGER = 2**53
"""From here on, JavaScript's numbers cannot hold every integer."""

FindProperty = Callable[[Schema, str], Property | None]
Written = Value | OptionChoice | OptionChoices


@dataclass(frozen=True, slots=True)
class Write:
    """One property of a request: the key it was named by, its kind and its value."""

    key: str
    kind: str
    value: Written


def parse_writes(properties: Any, path: str = "body.properties") -> list[Write]:
    """Read the `properties` of a page's request.

    Raises:
        NotionError: validation_error for wrong shapes, sandbox_unsupported for kinds that it does
            not have.
    """
    writes = require_object(properties, path)
    return [_parse_write(key, value, f"{path}.{key}") for key, value in writes.items()]


def _parse_write(key: str, value: Any, path: str) -> Write:
    if isinstance(value, list) and key == "title":
        value = {"title": value}
    body = require_object(value, path)
    kind = first_key(body, WRITABLE)
    if kind is None:
        raise _no_known_kind(body, path)
    return Write(key, kind, _PARSERS[kind](body[kind], f"{path}.{kind}"))


def _no_known_kind(body: Json, path: str) -> NotionError:
    foreign = first_key(body, UNSUPPORTED_KINDS)
    if foreign is not None:
        return unsupported(f"properties of type {foreign!r}")
    problems = "\n".join(
        f"{path}.{name} should be defined, instead was `undefined`." for name in WRITABLE
    )
    return validation_error(f"body failed validation. Fix one:\n{problems}")


def _parse_number(value: Any, path: str) -> Value:
    if value is None:
        return None
    if not is_number(value):
        raise shape_error(path, "a number or `null`", value)
    number = _as_float(value)
    if not math.isfinite(number):
        raise shape_error(path, "a finite number or `null`", str(value)[:40])
    if number.is_integer() and abs(number) < _FIRST_INEXACT_INTEGER:
        return int(number)
    return number


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _text_parser(limit: int) -> Callable[[Any, str], Value]:
    def parse(value: Any, path: str) -> Value:
        if value is None:
            return None
        if not isinstance(value, str):
            raise shape_error(path, "a string or `null`", value)
        check_length(value, limit, path)
        return value or None

    return parse


_PARSERS: dict[str, Callable[[Any, str], Written]] = {
    "title": parse_rich_text,
    "rich_text": parse_rich_text,
    "number": _parse_number,
    "select": parse_choice,
    "multi_select": parse_choices,
    "status": parse_choice,
    "date": parse_date,
    "checkbox": require_boolean,
    "people": parse_ids,
    "files": parse_files,
    "relation": parse_ids,
    **{kind: _text_parser(limit) for kind, limit in TEXT_LIMITS.items()},
}


def property_named(schema: Schema, name: str) -> Property | None:
    """The property with this name."""
    return next((prop for prop in schema.values() if prop.name == name), None)


def property_with_id(schema: Schema, key: str) -> Property | None:
    """The property with this id, plain or as responses encode it."""
    return schema.get(key) or schema.get(decoded(key))


def find_property(schema: Schema, key: str) -> Property | None:
    """The property that a key names: by name, by id, or by id as responses encode it."""
    return property_named(schema, key) or property_with_id(schema, key)


def require_property(
    schema: Schema, key: Any, *, find: FindProperty = find_property, what: str = "property"
) -> Property:
    """The property that a key of a request names.

    Args:
        schema: The properties.
        key: What the request gives: anything that JSON holds.
        find: How the key is looked up.
        what: The word for it in the message.

    Raises:
        NotionError: validation_error when there is no such property.
    """
    prop = find(schema, key) if isinstance(key, str) else None
    if prop is None:
        raise validation_error(f"Could not find {what} with name or id: {key}")
    return prop


def match_schema(writes: list[Write], schema: Schema) -> list[tuple[Property, Written]]:
    """Give each write its property.

    Raises:
        NotionError: validation_error for an unknown property, or one of another kind, or one that
            is named twice.
    """
    matched: dict[str, tuple[Property, Written]] = {}
    for write in writes:
        prop = find_property(schema, write.key)
        if prop is None:
            raise validation_error(f"{write.key} is not a property that exists.")
        if prop.kind != write.kind:
            raise validation_error(f"{prop.name} is expected to be {prop.kind}.")
        if prop.id in matched:
            raise validation_error(f"{prop.name} is given more than once.")
        matched[prop.id] = prop, write.value
    return list(matched.values())
