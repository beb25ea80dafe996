"""Writing the values of a page: choices become options, related pages are looked up, the other side follows."""

from dataclasses import replace
from typing import Any

from sandbox.call import Call
from sandbox.errors import unsupported, validation_error
from sandbox.ids import new_uuid
from sandbox.objects import Option, Page, Property, Schema, Value
from sandbox.rich_text import OPTION_COLORS
from sandbox.two_way import follow, schema_changed
from sandbox.values import OptionChoice, Write, Written, match_schema

Bound = list[tuple[Property, Written]]


def bind(call: Call, source_id: str | None, schema: Schema, writes: list[Write]) -> Bound:
    """Check every write against the schema, before anything is changed.

    Raises:
        NotionError: validation_error for unknown properties, kinds and options, object_not_found for related pages.
    """
    bound = match_schema(writes, schema)
    for prop, value in bound:
        if isinstance(value, OptionChoice):
            _check_choice(prop, value)
        if prop.kind == "relation" and prop.relation is not None and isinstance(value, list):
            for related in value:
                if call.page(related).data_source_id != prop.relation.data_source_id:
                    raise validation_error(f"{prop.name}: page {related} is not in the related data source.")
    if source_id is None and any(prop.kind != "title" for prop, _ in bound):
        raise unsupported("properties other than the title outside a data source")
    return bound


def _check_choice(prop: Property, choice: OptionChoice) -> None:
    if choice.id is not None and prop.option(choice.id) is None:
        raise validation_error(f'Invalid {prop.kind} option. {prop.kind.title()} option "{choice.id}" does not exist".')
    if choice.id is None and prop.kind == "status" and prop.option_named(choice.name or "") is None:
        raise validation_error(f'Invalid status option. Status option "{choice.name}" does not exist".')


def write_values(call: Call, page: Page, bound: Bound) -> list[str]:
    """Keep a new or changed page with these values. Gives the ids of the properties whose value is another one now."""
    values, changed = dict(page.values), []
    for prop, written in bound:
        value = _option_id(call, page, prop, written) if isinstance(written, OptionChoice) else written
        if not _same(prop, values.get(prop.id), value):
            values[prop.id] = value
            changed.append(prop.id)
    call.state.put_page(replace(page, values=values))
    for prop, _ in bound:
        if prop.kind == "relation" and prop.id in changed:
            follow(call.state, page.id, prop, _ids(page.values.get(prop.id)), _ids(values[prop.id]))
    return changed


def _same(prop: Property, before: Value, after: Value) -> bool:
    if prop.kind in ("select", "status"):
        fallback = prop.options[0].id if prop.kind == "status" and prop.options else None
        return (before if prop.option(before) else fallback) == (after or fallback)
    # An absent value and an empty one are the same; True is not 1.
    return (before or None) == (after or None) and (prop.kind != "number" or before == after)


def _ids(value: Any) -> list[str]:
    return value if isinstance(value, list) else []


def _option_id(call: Call, page: Page, prop: Property, choice: OptionChoice) -> str:
    if choice.id is not None:
        return choice.id
    name = choice.name or ""
    source = call.state.sources[str(page.data_source_id)]
    present = source.schema[prop.id]
    found = present.option_named(name)
    if found is not None:
        return found.id
    option = Option(new_uuid(call.rng), name, call.rng.choice(OPTION_COLORS))
    grown = replace(present, options=(*present.options, option))
    changed = replace(source, schema={**source.schema, prop.id: grown}, edited_at=call.now, edited_by=call.user.id)
    call.state.put_source(changed)
    told: dict[str, tuple[str | None, str]] = {prop.id: (prop.name, "updated")}
    call.outbox.record(schema_changed(changed, told, author=call.user, at=call.now))
    return option.id
