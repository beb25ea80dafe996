"""Writing the values of a page.

Choices become options, related pages are looked up, the other side follows.
"""

from dataclasses import replace

from notion_sandbox.content.two_way import follow, schema_changed
from notion_sandbox.errors import unsupported, validation_error
from notion_sandbox.request.call import Call
from notion_sandbox.schema.options import new_option
from notion_sandbox.schema.property_values import Write, Written, match_schema
from notion_sandbox.schema.readers import ids_in
from notion_sandbox.store.objects import Page, Property, Schema, Value
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
    if prop.kind == "people":
        for user_id in ids_in(value):
            if user_id not in call.state.users:
                raise call.missing("user", user_id)
    if prop.kind == "relation" and prop.relation is not None:
        for related in ids_in(value):
            if call.page(related).data_source_id != prop.relation.data_source_id:
                raise validation_error(
                    f"{prop.name}: page {related} is not in the related data source."
                )


def _choices(value: Written) -> tuple[OptionChoice, ...]:
    if isinstance(value, OptionChoices):
        return value.items
    return (value,) if isinstance(value, OptionChoice) else ()


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
    """Keep a new or changed page with these values.

    Gives the ids of the properties whose value is another one now.
    """
    values, changed = dict(page.values), []
    for prop, written in bound:
        value = _settled(call, page, prop, written)
        if not _same(prop, values.get(prop.id), value):
            values[prop.id] = value
            changed.append(prop.id)
    call.state.put_page(replace(page, values=values))
    for prop, _ in bound:
        if prop.kind == "relation" and prop.id in changed:
            follow(
                call.state, page.id, prop, ids_in(page.values.get(prop.id)), ids_in(values[prop.id])
            )
    return changed


def _settled(call: Call, page: Page, prop: Property, written: Written) -> Value:
    if isinstance(written, OptionChoices):
        return list(dict.fromkeys(_option_id(call, page, prop, choice) for choice in written.items))
    return _option_id(call, page, prop, written) if isinstance(written, OptionChoice) else written


def _same(prop: Property, before: Value, after: Value) -> bool:
    if prop.kind in ("select", "status"):
        fallback = prop.options[0].id if prop.kind == "status" and prop.options else None
        return (before if prop.option(before) else fallback) == (after or fallback)
    # An absent value and an empty one are the same; True is not 1.
    return (before or None) == (after or None) and (prop.kind != "number" or before == after)


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
    told: dict[str, tuple[str | None, str]] = {prop.id: (prop.name, "updated")}
    call.outbox.record(schema_changed(changed, told, author=call.user, at=call.now))
    return option.id
