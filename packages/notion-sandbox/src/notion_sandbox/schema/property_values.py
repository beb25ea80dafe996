"""Property values in requests.

First their shape (no schema needed), then what the schema says to them.

Source: Notion's "Page property values" page and recorded errors. Shapes are wrong with "body failed
validation", a kind that is not the property's with "<name> is expected to be <kind>.".
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from notion_sandbox.errors import shape_error, unsupported, validation_error
from notion_sandbox.store.objects import Property, Schema, Value
from notion_sandbox.values.choices import OptionChoice, OptionChoices, parse_choice, parse_choices
from notion_sandbox.values.dates import parse_date
from notion_sandbox.values.ids import decoded
from notion_sandbox.values.list_values import parse_files, parse_ids
from notion_sandbox.values.rich_text import check_length, parse_rich_text

WRITABLE = (
    *(
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
    ),
    *("url", "email", "phone_number", "relation"),
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
ELSEWHERE = ("rollup", "button", "verification", "place", "location", "last_visited_time")
"""Kinds that Notion has and the sandbox has not."""
TEXT_LIMITS = {"url": 2000, "email": 200, "phone_number": 200}

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
    if not isinstance(properties, dict):
        raise shape_error(path, "an object", properties)
    return [_parse_write(key, value, f"{path}.{key}") for key, value in properties.items()]


def _parse_write(key: str, body: Any, path: str) -> Write:
    if isinstance(body, list) and key == "title":
        body = {"title": body}
    if not isinstance(body, dict):
        raise shape_error(path, "an object", body)
    kind = next((name for name in WRITABLE if name in body), None)
    if kind is None:
        for foreign in ELSEWHERE:
            if foreign in body:
                raise unsupported(f"properties of type {foreign!r}")
        problems = "\n".join(
            f"{path}.{name} should be defined, instead was `undefined`." for name in WRITABLE
        )
        raise validation_error(f"body failed validation. Fix one:\n{problems}")
    return Write(key, kind, _PARSERS[kind](body[kind], f"{path}.{kind}"))


def _parse_number(value: Any, path: str) -> Value:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise shape_error(path, "a number or `null`", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise shape_error(path, "a finite number or `null`", str(value)[:40])
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _parse_checkbox(value: Any, path: str) -> Value:
    if not isinstance(value, bool):
        raise shape_error(path, "a boolean", value)
    return value


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
    "checkbox": _parse_checkbox,
    "people": parse_ids,
    "files": parse_files,
    "relation": parse_ids,
    **{kind: _text_parser(limit) for kind, limit in TEXT_LIMITS.items()},
}


def find_property(schema: Schema, key: str) -> Property | None:
    """The property that a key names: by name, by id, or by id as responses encode it."""
    by_name = next((prop for prop in schema.values() if prop.name == key), None)
    return by_name or schema.get(key) or schema.get(decoded(key))


def match_schema(writes: list[Write], schema: Schema) -> list[tuple[Property, Written]]:
    """Give each write its property.

    Raises:
        NotionError: validation_error for an unknown property, or one of another kind, or one that
            is named twice.
    """
    matched: list[tuple[Property, Written]] = []
    for write in writes:
        prop = find_property(schema, write.key)
        if prop is None:
            raise validation_error(f"{write.key} is not a property that exists.")
        if prop.kind != write.kind:
            raise validation_error(f"{prop.name} is expected to be {prop.kind}.")
        if any(prop.id == other.id for other, _ in matched):
            raise validation_error(f"{prop.name} is given more than once.")
        matched.append((prop, write.value))
    return matched
