"""Two-way relations: the property on the other side, and its values when one side is written.

Source: Notion's "Relation" property object. The counterpart is named "Related to <data source>
(<property>)".
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from notion_sandbox.request.call import Call
from notion_sandbox.store.objects import DataSource, Page, Property, Relation, Schema, User
from notion_sandbox.store.state import State
from notion_sandbox.values.ids import TITLE_ID, new_property_id
from notion_sandbox.values.rich_text import plain_text
from notion_sandbox.webhooks.events import Change

PropertyActions = dict[str, tuple[str | None, str]]
"""By property id: the property's name, and `created`, `updated` or `deleted`."""


def schema_changed(
    source: DataSource, properties: PropertyActions, *, author: User, at: datetime
) -> Change:
    """The change of a schema as webhooks report it."""
    parent = {"id": source.database_id, "type": "database"}
    actions = {key: {"name": name, "action": action} for key, (name, action) in properties.items()}
    return Change("schema", source.id, "data_source", parent, author, at, actions)


def record_schema_change(call: Call, source: DataSource, properties: PropertyActions) -> None:
    """Record the change of a schema in the webhook outbox."""
    call.outbox.record(schema_changed(source, properties, author=call.user, at=call.now))


def make_counterparts(call: Call, source: DataSource, two_way: Mapping[str, str | None]) -> None:
    """Make the property on the other side of each new two-way relation, and connect the two.

    Args:
        call: The request.
        source: Where the relations are.
        two_way: Their property ids, each with the name that was asked for the other side, if any.
    """
    for property_id, name in two_way.items():
        prop = call.state.sources[source.id].schema[property_id]
        if prop.relation is not None:
            _make_counterpart(call, source, prop, prop.relation, name)


def _make_counterpart(
    call: Call, source: DataSource, prop: Property, relation: Relation, name: str | None
) -> None:
    target = call.state.sources[relation.data_source_id]
    new_id = new_property_id(call.rng, {*target.schema, TITLE_ID})
    free_name = _free_name(name or _default_name(call, source, prop), target)
    counterpart = Property(new_id, free_name, "relation", relation=Relation(source.id, prop.id))
    _put_schema(call, target, {**target.schema, new_id: counterpart})
    connected = replace(prop, relation=Relation(target.id, new_id))
    present = call.state.sources[source.id]
    _put_schema(call, present, {**present.schema, prop.id: connected})
    for page in call.state.pages_of(source.id):
        write_other_side(call.state, page, page, connected)
    record_schema_change(call, target, {new_id: (free_name, "created")})


def _default_name(call: Call, source: DataSource, prop: Property) -> str:
    title = plain_text(source.title, call.state.describe) or "Untitled"
    return f"Related to {title} ({prop.name})"


def _free_name(wanted: str, target: DataSource) -> str:
    """The wanted name, with a number after it when another property has it."""
    taken = {other.name for other in target.schema.values()}
    name, number = wanted, 1
    while name in taken:
        name, number = f"{wanted} {number}", number + 1
    return name


def _put_schema(call: Call, source: DataSource, schema: Schema) -> None:
    call.state.put_source(
        replace(source, schema=schema, edited_at=call.now, edited_by=call.user.id)
    )


def remove_counterparts(call: Call, removed: Iterable[Property]) -> None:
    """Remove the other side of each two-way relation that was removed."""
    for prop in removed:
        if prop.relation is not None and prop.relation.synced_id is not None:
            target = call.state.sources[prop.relation.data_source_id]
            _remove_property(call, target, prop.relation.synced_id)


def _remove_property(call: Call, source: DataSource, property_id: str) -> None:
    schema = dict(source.schema)
    prop = schema.pop(property_id, None)
    if prop is not None:
        _put_schema(call, source, schema)
        record_schema_change(call, source, {prop.id: (prop.name, "deleted")})


def write_other_side(state: State, before: Page, after: Page, prop: Property) -> None:
    """Write the new value of a two-way relation into the pages on its other side.

    Their edit times stay as they are.
    """
    if prop.relation is None or prop.relation.synced_id is None:
        return
    synced_id, selected = prop.relation.synced_id, after.items(prop.id)
    for related in dict.fromkeys([*before.items(prop.id), *selected]):
        page = state.pages[related]
        present = page.items(synced_id)
        is_selected, is_present = related in selected, after.id in present
        if is_selected and not is_present:
            _put_ids(state, page, synced_id, [*present, after.id])
        if is_present and not is_selected:
            others = [page_id for page_id in present if page_id != after.id]
            _put_ids(state, page, synced_id, others)


def _put_ids(state: State, page: Page, property_id: str, ids: list[str]) -> None:
    state.put_page(replace(page, values={**page.values, property_id: ids}))
