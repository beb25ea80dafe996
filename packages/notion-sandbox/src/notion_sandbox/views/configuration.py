"""The `configuration` of a view in requests, by the view's type.

Source: Notion's "Working with views", view configuration.

It is kept with the plain ids of properties. A PATCH merges: what is named replaces or, with null,
clears; the rest stays; what a type requires must be named each time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from notion_sandbox.errors import (
    body_error,
    missing_error,
    shape_error,
    unsupported,
    validation_error,
)
from notion_sandbox.schema.property_values import find_property
from notion_sandbox.store.objects import Property, Schema
from notion_sandbox.values.ids import decoded
from notion_sandbox.values.types import Json
from notion_sandbox.views.grouping import parse_group

KINDS = ("table", "board", "list", "calendar", "timeline", "gallery")
ELSEWHERE = ("form", "chart", "map", "dashboard")
"""View types that Notion has and the sandbox has not."""
_DATE_KINDS = ("date", "created_time", "last_edited_time")

Parse = Callable[[Schema, Any, str], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a configuration.

    How it is read, whether a type requires it, whether null clears it.
    """

    parse: Parse
    required: bool = False
    nullable: bool = True


def parse_configuration(schema: Schema, kind: str, present: Json | None, body: Any) -> Json:
    """The configuration of a view after a request.

    Args:
        schema: The properties it may name.
        kind: The view's type.
        present: What it was; None for a new view.
        body: The request's `configuration`; None when it has none.

    Raises:
        NotionError: validation_error for what Notion refuses, sandbox_unsupported for fields the
            sandbox has not.
    """
    path, known = "body.configuration", _FIELDS[kind]
    if body is None and present is not None:
        return present
    if body is not None and not isinstance(body, dict):
        raise shape_error(path, "an object", body)
    given = {"type": kind} if body is None else body
    if given.get("type") != kind:
        raise shape_error(f"{path}.type", f'"{kind}"', given.get("type"))
    for name in known:
        if known[name].required and given.get(name) is None:
            raise missing_error(f"{path}.{name}")
    settings = dict(present or {"type": kind})
    for name, value in given.items():
        if name != "type":
            _set(settings, schema, name, value, known)
    return settings


def _set(settings: Json, schema: Schema, name: str, value: Any, known: Mapping[str, Field]) -> None:
    path = f"body.configuration.{name}"
    if name in ("subtasks", "preference", "arrows_by"):
        raise unsupported(f"{name!r} in the configuration of a view")
    if name not in known:
        raise body_error(f"{path} should be not present.")
    if value is None and known[name].nullable:
        settings.pop(name, None)
    else:
        settings[name] = known[name].parse(schema, value, path)


def property_with_id(schema: Schema, key: Any) -> Property | None:
    """The property with an id, as it is or as responses encode it."""
    return (schema.get(key) or schema.get(decoded(key))) if isinstance(key, str) else None


def _boolean(_schema: Schema, value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise shape_error(path, "a boolean", value)
    return value


def _whole(_schema: Schema, value: Any, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise shape_error(path, "an integer ≥ `0`", value)
    return value


def _one_of(*names: str) -> Parse:
    def parse(_schema: Schema, value: Any, path: str) -> str:
        if value not in names:
            raise shape_error(path, f"one of {', '.join(names)}", value)
        return str(value)

    return parse


def _date_property(schema: Schema, value: Any, path: str) -> str:
    prop = property_with_id(schema, value)
    if prop is None:
        raise validation_error(f"Could not find property with name or id: {value}")
    if prop.kind not in _DATE_KINDS:
        raise validation_error(f"{path}: property {prop.name} is of type {prop.kind}, not a date.")
    return prop.id


def _cover(schema: Schema, value: Any, path: str) -> Json:
    if not isinstance(value, dict):
        raise shape_error(path, "an object or `null`", value)
    kind = _one_of("page_cover", "page_content", "page_content_first", "property")(
        schema, value.get("type"), path
    )
    if kind != "property":
        return {"type": kind}
    prop = property_with_id(schema, value.get("property_id"))
    if prop is None:
        raise validation_error(
            f"Could not find property with name or id: {value.get('property_id')}"
        )
    return {"type": kind, "property_id": prop.id}


_COLUMN: dict[str, Parse] = {
    "visible": _boolean,
    "width": _whole,
    "wrap": _boolean,
    "status_show_as": _one_of("select", "checkbox"),
    "card_property_width_mode": _one_of("full_line", "inline"),
    "date_format": _one_of(
        "full", "short", "month_day_year", "day_month_year", "year_month_day", "relative"
    ),
    "time_format": _one_of("12_hour", "24_hour", "hidden"),
}


def _columns(schema: Schema, value: Any, path: str) -> list[Json]:
    if not isinstance(value, list):
        raise shape_error(path, "an array or `null`", value)
    columns = [_column(schema, item, f"{path}[{index}]") for index, item in enumerate(value)]
    if len({column["property_id"] for column in columns}) != len(columns):
        raise validation_error(f"{path} names a property more than once.")
    return columns


def _column(schema: Schema, item: Any, path: str) -> Json:
    if not isinstance(item, dict):
        raise shape_error(path, "an object", item)
    key = item.get("property_id")
    if key is None:
        raise missing_error(f"{path}.property_id")
    # Here a name will do; an id wins over another property's name.
    prop = property_with_id(schema, key) or (
        find_property(schema, key) if isinstance(key, str) else None
    )
    if prop is None:
        raise validation_error(f"Could not find property with name or id: {key}")
    column: Json = {"property_id": prop.id}
    for name, value in item.items():
        if name == "property_id":
            continue
        # The `property_name` of responses among them: requests have none.
        if name not in _COLUMN:
            raise body_error(f"{path}.{name} should be not present.")
        column[name] = _COLUMN[name](schema, value, f"{path}.{name}")
    return column


_CARDS = {
    "properties": Field(_columns),
    "cover": Field(_cover),
    "cover_size": Field(_one_of("small", "medium", "large")),
    "cover_aspect": Field(_one_of("contain", "cover")),
    "card_layout": Field(_one_of("list", "compact")),
}
_FIELDS: dict[str, dict[str, Field]] = {
    "table": {
        "properties": Field(_columns),
        "group_by": Field(parse_group),
        "wrap_cells": Field(_boolean, nullable=False),
        "frozen_column_index": Field(_whole, nullable=False),
        "show_vertical_lines": Field(_boolean, nullable=False),
    },
    "board": {
        "group_by": Field(parse_group, required=True, nullable=False),
        "sub_group_by": Field(parse_group),
        **_CARDS,
    },
    "gallery": _CARDS,
    "list": {"properties": Field(_columns)},
    "calendar": {
        "date_property_id": Field(_date_property, required=True, nullable=False),
        "properties": Field(_columns),
        "view_range": Field(_one_of("week", "month")),
        "show_weekends": Field(_boolean),
    },
    "timeline": {
        "date_property_id": Field(_date_property, required=True, nullable=False),
        "end_date_property_id": Field(_date_property),
        "properties": Field(_columns),
        "show_table": Field(_boolean),
        "table_properties": Field(_columns),
        "color_by": Field(_boolean),
    },
}
