"""How a view groups its pages (Notion: "Working with views", group-by configuration)."""

from typing import Any

from notion_sandbox.errors import (
    body_error,
    missing_error,
    shape_error,
    unsupported,
    validation_error,
)
from notion_sandbox.store.objects import Schema
from notion_sandbox.values.ids import decoded
from notion_sandbox.values.types import Json

_TYPES = {
    **{
        kind: kind
        for kind in ("select", "multi_select", "status", "created_by", "last_edited_by", "relation")
    },
    **{
        kind: kind
        for kind in (
            "date",
            "created_time",
            "last_edited_time",
            "title",
            "url",
            "email",
            "phone_number",
        )
    },
    "number": "number",
    "checkbox": "checkbox",
    "person": "people",
    "text": "rich_text",
}
"""Type of a grouping -> type of the property it groups by."""
_DATES, _TEXTS = ("relative", "day", "week", "month", "year"), ("exact", "alphabet_prefix")
_FINENESS = {
    "status": ("group", "option"),
    **dict.fromkeys(("date", "created_time", "last_edited_time"), _DATES),
    **dict.fromkeys(("text", "title", "url", "email", "phone_number"), _TEXTS),
}
"""What `group_by` may say, for the types that require it."""
_SORTS = ("manual", "ascending", "descending")


def parse_group(schema: Schema, value: Any, path: str) -> Json:
    """Read a grouping; the property is named by its id.

    `manual` order is the order of the property's options.

    Raises:
        NotionError: validation_error for what Notion refuses, sandbox_unsupported for groups by
            formula.
    """
    if not isinstance(value, dict):
        raise shape_error(path, "an object", value)
    for key in ("type", "property_id"):
        if value.get(key) is None:
            raise missing_error(f"{path}.{key}")
    kind = value["type"]
    if kind == "formula":
        raise unsupported("views grouped by a formula")
    if kind not in _TYPES:
        raise shape_error(f"{path}.type", f"one of {', '.join(_TYPES)}", kind)
    group: Json = {"type": kind, "property_id": _property_id(schema, value["property_id"], kind)}
    if kind in _FINENESS:
        group["group_by"] = _choice(value.get("group_by"), _FINENESS[kind], f"{path}.group_by")
    sort = value.get("sort")
    if not isinstance(sort, dict):
        raise (
            missing_error(f"{path}.sort")
            if sort is None
            else shape_error(f"{path}.sort", "an object", sort)
        )
    group["sort"] = {"type": _choice(sort.get("type"), _SORTS, f"{path}.sort.type")}
    return {**group, **_extras(kind, value, path)}


def _property_id(schema: Schema, key: Any, kind: str) -> str:
    prop = (schema.get(key) or schema.get(decoded(key))) if isinstance(key, str) else None
    if prop is None:
        raise validation_error(f"Could not find property with name or id: {key}")
    if prop.kind != _TYPES[kind]:
        raise validation_error(
            f"Property {prop.name} is of type {prop.kind} and cannot be grouped as {kind}."
        )
    return prop.id


def _choice(value: Any, names: tuple[str, ...], path: str) -> str:
    if value is None:
        raise missing_error(path)
    if value not in names:
        raise shape_error(path, f"one of {', '.join(names)}", value)
    return str(value)


def _extras(kind: str, value: Json, path: str) -> Json:
    extras: Json = {}
    for name, given in value.items():
        if name in ("type", "property_id", "sort") or (name == "group_by" and kind in _FINENESS):
            continue
        where = f"{path}.{name}"
        if name == "hide_empty_groups":
            if not isinstance(given, bool):
                raise shape_error(where, "a boolean", given)
        elif name == "start_day_of_week" and _FINENESS.get(kind) == _DATES:
            if given not in (0, 1) or isinstance(given, bool):
                raise shape_error(where, "`0` or `1`", given)
        elif name in ("range_start", "range_end", "range_size") and kind == "number":
            if (
                isinstance(given, bool)
                or not isinstance(given, int | float)
                or (name == "range_size" and given < 1)
            ):
                raise shape_error(where, "a number", given)
        else:
            raise body_error(f"{where} should be not present.")
        extras[name] = given
    return extras
