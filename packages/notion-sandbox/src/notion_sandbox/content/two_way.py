"""Two-way relations: the property on the other side.

And the values that follow when one side is written.

Source: Notion's "Relation" property object. The counterpart is named "Related to <data source>
(<property>)".
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from notion_sandbox.request.call import Call
from notion_sandbox.schema.readers import ids_in
from notion_sandbox.store.objects import DataSource, Property, Relation, User
from notion_sandbox.store.state import State
from notion_sandbox.values.ids import TITLE_ID, new_property_id
from notion_sandbox.values.rich_text import plain_text
from notion_sandbox.webhooks.events import Change


def schema_changed(
    source: DataSource, properties: dict[str, tuple[str | None, str]], *, author: User, at: datetime
) -> Change:
    """The change that tells of a schema: property id -> (name, created | updated | deleted)."""
    parent = {"id": source.database_id, "type": "database"}
    told = {key: {"name": name, "action": action} for key, (name, action) in properties.items()}
    return Change("schema", source.id, "data_source", parent, author, at, told)


def make_counterparts(call: Call, source: DataSource, two_way: Mapping[str, str | None]) -> None:
    """Make the property on the other side of each new two-way relation, and tie the two together.

    Args:
        call: The request.
        source: Where the relations are.
        two_way: Their property ids, each with the name that was asked for the other side, if any.
    """
    for property_id, wanted in two_way.items():
        prop = call.state.sources[source.id].schema[property_id]
        if prop.relation is None:
            continue
        target = call.state.sources[prop.relation.data_source_id]
        counterpart = _counterpart(call, source, prop, target, wanted)
        _put_property(call, target, counterpart)
        tied = replace(prop, relation=Relation(target.id, counterpart.id))
        _put_property(call, call.state.sources[source.id], tied)
        for page in [
            page for page in call.state.pages.values() if page.data_source_id == source.id
        ]:
            follow(call.state, page.id, tied, [], ids_in(page.values.get(tied.id)))
        told: dict[str, tuple[str | None, str]] = {counterpart.id: (counterpart.name, "created")}
        call.outbox.record(schema_changed(target, told, author=call.user, at=call.now))


def _counterpart(
    call: Call, source: DataSource, prop: Property, target: DataSource, asked: str | None
) -> Property:
    taken = {other.name for other in target.schema.values()}
    wanted = (
        asked
        or f"Related to {plain_text(source.title, call.state.describe) or 'Untitled'} ({prop.name})"
    )
    name, number = wanted, 1
    while name in taken:
        name, number = f"{wanted} {number}", number + 1
    new_id = new_property_id(call.rng, {*target.schema, TITLE_ID})
    return Property(new_id, name, "relation", relation=Relation(source.id, prop.id))


def _put_property(call: Call, source: DataSource, prop: Property) -> None:
    schema = {**source.schema, prop.id: prop}
    call.state.put_source(
        replace(source, schema=schema, edited_at=call.now, edited_by=call.user.id)
    )


def remove_counterparts(call: Call, removed: Iterable[Property]) -> None:
    """Remove the other side of each two-way relation that was removed."""
    for prop in removed:
        if prop.relation is None or prop.relation.synced_id is None:
            continue
        target = call.state.sources[prop.relation.data_source_id]
        other = target.schema.get(prop.relation.synced_id)
        if other is None:
            continue
        schema = {key: value for key, value in target.schema.items() if key != other.id}
        call.state.put_source(
            replace(target, schema=schema, edited_at=call.now, edited_by=call.user.id)
        )
        told: dict[str, tuple[str | None, str]] = {other.id: (other.name, "deleted")}
        call.outbox.record(schema_changed(target, told, author=call.user, at=call.now))


def follow(state: State, page_id: str, prop: Property, before: list[str], after: list[str]) -> None:
    """Write a relation's new value into the pages on its other side.

    Their edit times stay as they are.
    """
    if prop.relation is None or prop.relation.synced_id is None:
        return
    other_id = prop.relation.synced_id
    for related in dict.fromkeys([*before, *after]):
        page = state.pages[related]
        held = ids_in(page.values.get(other_id))
        kept = [item for item in held if item != page_id]
        wanted = (
            [*kept, page_id]
            if related in after and page_id not in held
            else held
            if related in after
            else kept
        )
        if wanted != held:
            state.put_page(replace(page, values={**page.values, other_id: wanted}))
