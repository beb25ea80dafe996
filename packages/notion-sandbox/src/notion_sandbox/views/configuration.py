"""The `configuration` of a view in requests, by the view's type.

Source: Notion's "Working with views", view configuration.

It is stored with the plain ids of properties. A PATCH merges: a field that it names is replaced or,
with null, cleared; the others stay. A field that a type requires must be named each time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from notion_sandbox.errors import body_error, shape_error, unsupported, validation_error
from notion_sandbox.schema.property_values import (
    property_named,
    property_with_id,
    require_property,
)
from notion_sandbox.store.objects import Property, Schema
from notion_sandbox.values.checks import (
    OBJECT_OR_NULL,
    is_whole_number,
    refuse_other_keys,
    require_array,
    require_boolean,
    require_object,
    require_one_of,
    require_value,
    with_paths,
)
from notion_sandbox.values.types import Json
from notion_sandbox.views.grouping import parse_group

KINDS = ("table", "board", "list", "calendar", "timeline", "gallery")
UNSUPPORTED_KINDS = ("form", "chart", "map", "dashboard")
"""View types that Notion has and the sandbox does not support."""
_UNSUPPORTED_FIELDS = ("subtasks", "preference", "arrows_by")
_COVERS = ("page_cover", "page_content", "page_content_first", "property")
_DATE_KINDS = ("date", "created_time", "last_edited_time")

Parse = Callable[[Schema, Any, str], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a configuration.

    Attributes:
        parse: Reads its value.
        required: Whether every request must name it.
        nullable: Whether null clears it.
    """

    parse: Parse
    required: bool = False
    nullable: bool = True


def parse_configuration(schema: Schema, kind: str, present: Json | None, body: Any) -> Json:
    """The configuration of a view after a request.

    Args:
        schema: The properties it may name.
        kind: The view's type.
        present: The configuration before; None for a new view.
        body: The request's `configuration`; None when it has none.

    Raises:
        NotionError: validation_error for what Notion refuses, sandbox_unsupported for fields the
            sandbox does not support.
    """
    path, known = "body.configuration", _FIELDS[kind]
    if body is None and present is not None:
        return present
    given = {"type": kind} if body is None else require_object(body, path)
    if given.get("type") != kind:
        raise shape_error(f"{path}.type", f'"{kind}"', given.get("type"))
    for name, field in known.items():
        if field.required:
            require_value(given, name, path)
    settings = dict(present or {"type": kind})
    for name, value in given.items():
        if name != "type":
            _set(settings, schema, name, value, known)
    return settings


def _set(settings: Json, schema: Schema, name: str, value: Any, known: Mapping[str, Field]) -> None:
    path = f"body.configuration.{name}"
    if name in _UNSUPPORTED_FIELDS:
        raise unsupported(f"{name!r} in the configuration of a view")
    if name not in known:
        raise body_error(f"{path} should be not present.")
    if value is None and known[name].nullable:
        settings.pop(name, None)
    else:
        settings[name] = known[name].parse(schema, value, path)


def _boolean(_schema: Schema, value: Any, path: str) -> bool:
    return require_boolean(value, path)


def _whole(_schema: Schema, value: Any, path: str) -> int:
    if not is_whole_number(value) or value < 0:
        raise shape_error(path, "an integer ≥ `0`", value)
    return int(value)


def _one_of(*names: str) -> Parse:
    return lambda _schema, value, path: require_one_of(value, names, path)


def _date_property(schema: Schema, value: Any, path: str) -> str:
    prop = require_property(schema, value, find=property_with_id)
    if prop.kind not in _DATE_KINDS:
        raise validation_error(f"{path}: property {prop.name} is of type {prop.kind}, not a date.")
    return prop.id


def _cover(schema: Schema, value: Any, path: str) -> Json:
    body = require_object(value, path, OBJECT_OR_NULL)
    kind = require_one_of(body.get("type"), _COVERS, path)
    if kind != "property":
        return {"type": kind}
    prop = require_property(schema, body.get("property_id"), find=property_with_id)
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
    items = require_array(value, path, "an array or `null`")
    columns = [_column(schema, item, where) for where, item in with_paths(items, path)]
    if len({column["property_id"] for column in columns}) != len(columns):
        raise validation_error(f"{path} names a property more than once.")
    return columns


def _column(schema: Schema, value: Any, path: str) -> Json:
    item = require_object(value, path)
    key = require_value(item, "property_id", path)
    prop = require_property(schema, key, find=_property_by_id_or_name)
    refuse_other_keys(item, ("property_id", *_COLUMN), path)
    settings = {
        name: _COLUMN[name](schema, setting, f"{path}.{name}")
        for name, setting in item.items()
        if name != "property_id"
    }
    return {"property_id": prop.id, **settings}


def _property_by_id_or_name(schema: Schema, key: str) -> Property | None:
    """The property that a column names; an id wins over another property's name."""
    return property_with_id(schema, key) or property_named(schema, key)


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
