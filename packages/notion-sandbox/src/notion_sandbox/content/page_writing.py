"""Writing the values of a page.

A choice that names no option makes one, related pages are looked up, and the pages on the other
side of a two-way relation are changed too.
"""

from dataclasses import replace
from typing import Any

from notion_sandbox.content.two_way import record_schema_change, write_other_side
from notion_sandbox.errors import unsupported, validation_error
from notion_sandbox.request.call import Call
from notion_sandbox.schema.options import new_option
from notion_sandbox.schema.property_values import Write, Written, match_schema
from notion_sandbox.store.objects import Page, Property, Relation, Schema, Value
from notion_sandbox.values.choices import OptionChoice, OptionChoices

Bound = list[tuple[Property, Written]]


def bind(call: Call, source_id: str | None, schema: Schema, writes: list[Write]) -> Bound:
    """Check every write against the schema, before anything is changed.

    Raises:
        NotionError: validation_error for unknown properties, kinds and options, object_not_found
            for related pages.
    """
    bound = match_schema(writes, schema)
    for prop, value in bound:
        _check(call, prop, value)
    if source_id is None and any(prop.kind != "title" for prop, _ in bound):
        raise unsupported("properties other than the title outside a data source")
    return bound


def _check(call: Call, prop: Property, value: Written) -> None:
    for choice in _choices(value):
        _check_choice(prop, choice)
    if isinstance(value, list):
        _check_ids(call, prop, value)


def _check_ids(call: Call, prop: Property, ids: list[Any]) -> None:
    if prop.kind == "people":
        for user_id in ids:
            call.other_user(user_id)
    if prop.relation is not None:
        for page_id in ids:
            _check_related(call, prop, prop.relation, page_id)


def _check_related(call: Call, prop: Property, relation: Relation, page_id: str) -> None:
    if call.page(page_id).data_source_id != relation.data_source_id:
        raise validation_error(f"{prop.name}: page {page_id} is not in the related data source.")


def _choices(value: Written) -> tuple[OptionChoice, ...]:
    match value:
        case OptionChoices():
            return value.items
        case OptionChoice():
            return (value,)
    return ()


def _check_choice(prop: Property, choice: OptionChoice) -> None:
    if choice.id is not None and prop.option(choice.id) is None:
        raise validation_error(
            f'Invalid {prop.kind} option. {prop.kind.title()} option "{choice.id}" does not exist".'
        )
    if choice.id is None and prop.kind == "status" and prop.option_named(choice.name or "") is None:
        raise validation_error(
            f'Invalid status option. Status option "{choice.name}" does not exist".'
        )


def write_values(call: Call, page: Page, bound: Bound) -> list[str]:
    """Store a new or changed page with these values.

    Returns the ids of the properties whose value has changed.
    """
    values, changed = dict(page.values), []
    for prop, written in bound:
        value = _stored_value(call, page, prop, written)
        if not _same(prop, values.get(prop.id), value):
            values[prop.id] = value
            changed.append(prop.id)
    written_page = replace(page, values=values)
    call.state.put_page(written_page)
    for prop, _ in bound:
        if prop.id in changed:
            write_other_side(call.state, page, written_page, prop)
    return changed


def _stored_value(call: Call, page: Page, prop: Property, written: Written) -> Value:
    """What the page holds for a written value: the ids of options in place of choices."""
    match written:
        case OptionChoices():
            ids = [_option_id(call, page, prop, choice) for choice in written.items]
            return list(dict.fromkeys(ids))
        case OptionChoice():
            return _option_id(call, page, prop, written)
    return written


def _same(prop: Property, before: Value, after: Value) -> bool:
    if prop.kind in ("select", "status"):
        shown, default = prop.chosen_or_default(before), prop.default_option
        return (shown and shown.id) == (after or (default and default.id))
    # 0 and an absent number differ; otherwise an absent value and an empty one are the same.
    if prop.kind == "number":
        return before == after
    return (before or None) == (after or None)


def _option_id(call: Call, page: Page, prop: Property, choice: OptionChoice) -> str:
    if choice.id is not None:
        return choice.id
    name = choice.name or ""
    source = call.state.sources[str(page.data_source_id)]
    present = source.schema[prop.id]
    found = present.option_named(name)
    if found is not None:
        return found.id
    option = new_option(name, call.rng)
    grown = replace(present, options=(*present.options, option))
    changed = replace(
        source, schema={**source.schema, prop.id: grown}, edited_at=call.now, edited_by=call.user.id
    )
    call.state.put_source(changed)
    record_schema_change(call, changed, {prop.id: (prop.name, "updated")})
    return option.id
