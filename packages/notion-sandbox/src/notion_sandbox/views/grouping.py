"""How a view groups its pages (Notion: "Working with views", group-by configuration)."""

from collections.abc import Callable, Mapping
from typing import Any

from notion_sandbox.errors import shape_error, unsupported, validation_error
from notion_sandbox.schema.property_values import property_with_id, require_property
from notion_sandbox.store.objects import Schema
from notion_sandbox.values.checks import (
    is_number,
    is_whole_number,
    refuse_other_keys,
    require_boolean,
    require_object,
    require_one_of,
    require_value,
)
from notion_sandbox.values.types import Json

_SAME_NAME = (
    "select",
    "multi_select",
    "status",
    "created_by",
    "last_edited_by",
    "relation",
    "date",
    "created_time",
    "last_edited_time",
    "title",
    "url",
    "email",
    "phone_number",
    "number",
    "checkbox",
)
_PROPERTY_KINDS = {
    **dict(zip(_SAME_NAME, _SAME_NAME, strict=True)),
    "person": "people",
    "text": "rich_text",
}
"""Type of a grouping -> type of the property it groups by."""
_DATES = ("date", "created_time", "last_edited_time")
_TEXTS = ("text", "title", "url", "email", "phone_number")
_UNITS = {
    "status": ("group", "option"),
    **dict.fromkeys(_DATES, ("relative", "day", "week", "month", "year")),
    **dict.fromkeys(_TEXTS, ("exact", "alphabet_prefix")),
}
"""The values of `group_by`, for the types that require it."""
_SORTS = ("manual", "ascending", "descending")


def parse_group(schema: Schema, value: Any, path: str) -> Json:
    """Read a grouping; the property is named by its id.

    `manual` order is the order of the property's options.

    Raises:
        NotionError: validation_error for what Notion refuses, sandbox_unsupported for groups by
            formula.
    """
    body = require_object(value, path)
    kind = require_value(body, "type", path)
    key = require_value(body, "property_id", path)
    if kind == "formula":
        raise unsupported("views grouped by a formula")
    require_one_of(kind, _PROPERTY_KINDS, f"{path}.type")
    group: Json = {"type": kind, "property_id": _property_id(schema, key, kind)}
    if kind in _UNITS:
        unit = require_value(body, "group_by", path)
        group["group_by"] = require_one_of(unit, _UNITS[kind], f"{path}.group_by")
    sort = require_object(require_value(body, "sort", path), f"{path}.sort")
    direction = require_value(sort, "type", f"{path}.sort")
    group["sort"] = {"type": require_one_of(direction, _SORTS, f"{path}.sort.type")}
    return {**group, **_extras(body, {*group}, kind, path)}


def _property_id(schema: Schema, key: Any, kind: str) -> str:
    prop = require_property(schema, key, find=property_with_id)
    if prop.kind != _PROPERTY_KINDS[kind]:
        raise validation_error(
            f"Property {prop.name} is of type {prop.kind} and cannot be grouped as {kind}."
        )
    return prop.id


def _extras(body: Json, read: set[str], kind: str, path: str) -> Json:
    """The optional fields of a grouping: those of the body that were not read before."""
    parsers = {"hide_empty_groups": require_boolean, **_EXTRAS.get(kind, {})}
    refuse_other_keys(body, {*read, *parsers}, path)
    given = [name for name in body if name not in read]
    return {name: parsers[name](body[name], f"{path}.{name}") for name in given}


def _first_day_of_week(value: Any, path: str) -> int:
    if not is_whole_number(value) or value not in (0, 1):
        raise shape_error(path, "`0` or `1`", value)
    return int(value)


def _number(value: Any, path: str) -> float:
    if not is_number(value):
        raise shape_error(path, "a number", value)
    number: float = value
    return number


def _range_size(value: Any, path: str) -> float:
    if not is_number(value) or value < 1:
        raise shape_error(path, "a number", value)
    number: float = value
    return number


_DATE_EXTRAS = {"start_day_of_week": _first_day_of_week}
_EXTRAS: dict[str, Mapping[str, Callable[[Any, str], Any]]] = {
    "date": _DATE_EXTRAS,
    "created_time": _DATE_EXTRAS,
    "last_edited_time": _DATE_EXTRAS,
    "number": {"range_start": _number, "range_end": _number, "range_size": _range_size},
}
"""By type of a grouping: its optional fields, besides those that every grouping has."""
