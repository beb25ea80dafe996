"""Views as responses carry them."""

from datetime import datetime
from typing import Any

from notion_sandbox.request.rendering import object_url, partial_user
from notion_sandbox.store.objects import Schema, View
from notion_sandbox.store.state import State
from notion_sandbox.values.checks import get_field
from notion_sandbox.values.dates import database_time
from notion_sandbox.values.ids import encoded
from notion_sandbox.values.types import Json
from notion_sandbox.views.conditions import Conditions

_COLUMN_LISTS = ("properties", "table_properties")


def render_view(state: State, view: View, now: datetime) -> dict[str, Any]:
    """A view, with the present names of its properties."""
    schema = state.sources[view.data_source_id].schema
    conditions = Conditions(state, schema, now)
    url = f"{object_url('', view.database_id)}?v={view.id.replace('-', '')}"
    return {
        "object": "view",
        "id": view.id,
        "parent": _parent(view),
        "data_source_id": view.data_source_id,
        "name": view.name,
        "type": view.kind,
        "created_time": database_time(view.created_at),
        "created_by": partial_user(view.created_by),
        "last_edited_time": database_time(view.edited_at),
        "last_edited_by": partial_user(view.edited_by),
        "url": url,
        "filter": conditions.shown_filter(view.filter),
        "sorts": conditions.shown_sorts(view.sorts),
        "quick_filters": conditions.shown_quick(view.quick_filters),
        "configuration": _render_configuration(view.configuration, schema),
    }


def render_partial_view(view: View) -> dict[str, Any]:
    """What a response carries of a deleted view."""
    return {"object": "view", "id": view.id, "parent": _parent(view), "type": view.kind}


def _parent(view: View) -> dict[str, Any]:
    return {"type": "database_id", "database_id": view.database_id}


def _render_configuration(configuration: Json, schema: Schema) -> Json:
    shown: Json = {}
    for name, value in configuration.items():
        if name in _COLUMN_LISTS:
            present = [column for column in value if column["property_id"] in schema]
            shown[name] = [_named(column, schema) for column in present]
        elif get_field(value, "property_id") is not None:
            shown[name] = _named(value, schema)
        elif name.endswith("property_id"):
            shown |= _property_reference(name.removesuffix("_id"), value, schema)
        else:
            shown[name] = value
    return shown


def _named(item: Json, schema: Schema) -> Json:
    """The item with its property's id as responses encode it, and its present name."""
    return {**item, **_property_reference("property", item["property_id"], schema)}


def _property_reference(prefix: str, property_id: str, schema: Schema) -> Json:
    """`<prefix>_id` and, unless the property was deleted, `<prefix>_name`."""
    reference = {f"{prefix}_id": encoded(property_id)}
    if property_id in schema:
        reference[f"{prefix}_name"] = schema[property_id].name
    return reference
