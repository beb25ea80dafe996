"""The schema of a data source as responses carry it (Notion: "Property object")."""

from collections.abc import Callable
from typing import Any

from notion_sandbox.store.objects import Option, Property, Relation, Schema
from notion_sandbox.values.ids import encoded

STATUS_GROUPS = (("To-do", "gray"), ("In progress", "blue"), ("Complete", "green"))
"""The groups of a status property and their colours."""


def render_schema(
    schema: Schema, names: Callable[[str, str], str], database_of: Callable[[str], str]
) -> dict[str, Any]:
    """The `properties` of a data source as responses carry them.

    Args:
        schema: What to show.
        names: (data source id, property id) -> the property's name, for two-way relations.
        database_of: Data source id -> its database's id.
    """
    return {prop.name: _render(prop, schema, names, database_of) for prop in schema.values()}


def _render(
    prop: Property,
    schema: Schema,
    names: Callable[[str, str], str],
    database_of: Callable[[str], str],
) -> dict[str, Any]:
    config = _render_settings(prop)
    if prop.formula is not None:
        config = {"expression": prop.formula.expression(schema[prop.formula.property_id].name)}
    if prop.relation is not None:
        config = _render_relation(prop.relation, names, database_of)
    shown = {"id": encoded(prop.id), "name": prop.name, "description": prop.description}
    return {**shown, "type": prop.kind, prop.kind: config}


def _render_settings(prop: Property) -> dict[str, Any]:
    """The settings of a type that depend on nothing but the property."""
    options = [
        {**render_option(option), "description": option.description} for option in prop.options
    ]
    groups = [_render_group(prop, name, color) for name, color in STATUS_GROUPS]
    settings: dict[str, dict[str, Any]] = {
        "select": {"options": options},
        "multi_select": {"options": options},
        "status": {"options": options, "groups": groups},
        "unique_id": {"prefix": prop.prefix},
        "number": {"format": prop.number_format},
    }
    return settings.get(prop.kind, {})


def _render_group(prop: Property, name: str, color: str) -> dict[str, Any]:
    slug = name.lower().replace("-", "").replace(" ", "-")
    return {
        "id": f"{slug}-status-group",
        "name": name,
        "color": color,
        "option_ids": [option.id for option in prop.options if option.group == name],
    }


def _render_relation(
    relation: Relation, names: Callable[[str, str], str], database_of: Callable[[str], str]
) -> dict[str, Any]:
    target = relation.data_source_id
    shown: dict[str, Any] = {"database_id": database_of(target), "data_source_id": target}
    if relation.synced_id is None:
        return {**shown, "type": "single_property", "single_property": {}}
    synced = {
        "synced_property_name": names(target, relation.synced_id),
        "synced_property_id": encoded(relation.synced_id),
    }
    return {**shown, "type": "dual_property", "dual_property": synced}


def render_option(option: Option) -> dict[str, Any]:
    """An option as values and schemas carry it: id, name, color."""
    return {"id": option.id, "name": option.name, "color": option.color}
