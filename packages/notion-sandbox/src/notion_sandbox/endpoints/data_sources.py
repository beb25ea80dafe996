"""Endpoints for data sources (Notion: "Retrieve", "Update" and "Query a data source")."""

from dataclasses import replace
from typing import Any

from notion_sandbox.content.attachments import attach
from notion_sandbox.content.icons import icon_of
from notion_sandbox.content.two_way import (
    PropertyActions,
    make_counterparts,
    record_schema_change,
    remove_counterparts,
)
from notion_sandbox.endpoints.databases import make_source
from notion_sandbox.errors import TRASHED, unsupported, validation_error
from notion_sandbox.query.filters import FilterCompiler
from notion_sandbox.query.query import NEWEST_FIRST, Query, parse_sorts
from notion_sandbox.request.call import Call
from notion_sandbox.request.lists import body_page, request_status
from notion_sandbox.schema.changes import SchemaChange, SchemaEditor
from notion_sandbox.schema.conversion import convert
from notion_sandbox.schema.property_values import require_property
from notion_sandbox.store.numbering import number_pages
from notion_sandbox.store.objects import DataSource, Schema, Value
from notion_sandbox.values.checks import require_key, require_uuid


def retrieve_data_source(call: Call) -> dict[str, Any]:
    """GET /v1/data_sources/{data_source_id}: the schema."""
    return call.render.source(call.source(call.path_id("data_source_id")))


def create_data_source(call: Call) -> dict[str, Any]:
    """POST /v1/data_sources: one more data source in a database, with its default view."""
    call.check_keys("parent", "properties", "title", "icon")
    parent = call.required_object("parent")
    database_id = require_uuid(parent.get("database_id"), "body.parent.database_id")
    properties = require_key(call.body, "properties", "body")
    title = call.rich_text("title")
    editor = SchemaEditor({}, rng=call.rng, find_source=call.source)
    change = editor.apply(properties, "body.properties")
    database, icon = call.database(database_id), icon_of(call, None)
    attach(call, icon)
    source = make_source(call, database, title, change)
    call.state.put_source(replace(source, icon=icon))
    make_counterparts(call, source, change.two_way)
    return call.render.source(call.source(source.id))


def update_data_source(call: Call) -> dict[str, Any]:
    """PATCH /v1/data_sources/{data_source_id}.

    Title, icon, trash, and properties to add, change, rename or remove.
    """
    known = ("title", "properties", "icon", "in_trash", *call.legacy_keys)
    call.check_keys(*known, absent=("parent",))
    source = call.source(call.path_id("data_source_id"))
    if not call.body:
        return call.render.source(source)
    title = call.rich_text("title", source.title)
    in_trash = call.in_trash(present=source.in_trash)
    if in_trash and source.in_trash and call.body.get("properties"):
        raise validation_error(TRASHED)
    icon = icon_of(call, source.icon)
    attach(call, icon)
    editor = SchemaEditor(source.schema, rng=call.rng, find_source=call.source)
    change = editor.apply(call.body.get("properties") or {}, "body.properties")
    values = _converted_values(call, source, change)
    changed = replace(
        source,
        title=title,
        icon=icon,
        in_trash=in_trash,
        schema=change.schema,
        edited_at=call.now,
        edited_by=call.user.id,
    )
    call.state.put_source(changed)
    _put_values(call, values)
    number_pages(call.state, changed, _new_unique_ids(change))
    remove_counterparts(call, change.deleted)
    make_counterparts(call, changed, change.two_way)
    actions = _actions(change)
    if actions:
        record_schema_change(call, changed, actions)
    return call.render.source(call.source(source.id))


def _converted_values(
    call: Call, source: DataSource, change: SchemaChange
) -> dict[str, dict[str, Value]]:
    """The values of properties that have another type now: by property id, then by page id.

    Adds to the schema the options that they need.
    """
    values: dict[str, dict[str, Value]] = {}
    for key, before in change.retyped.items():
        change.schema[key], values[key] = convert(
            call.state, before, change.schema[key], call.rng, source.id
        )
    return values


def _put_values(call: Call, values: dict[str, dict[str, Value]]) -> None:
    for property_id, by_page in values.items():
        for page_id, value in by_page.items():
            page = call.state.pages[page_id]
            call.state.put_page(replace(page, values={**page.values, property_id: value}))


def _new_unique_ids(change: SchemaChange) -> list[str]:
    return [key for key in change.created if change.schema[key].kind == "unique_id"]


def _actions(change: SchemaChange) -> PropertyActions:
    """What happened to which property, as webhooks report it."""
    created = {key: (change.schema[key].name, "created") for key in change.created}
    updated = {key: (change.schema[key].name, "updated") for key in change.updated}
    deleted = {prop.id: (prop.name, "deleted") for prop in change.deleted}
    return {**created, **updated, **deleted}


def list_templates(call: Call) -> dict[str, Any]:
    """GET /v1/data_sources/{data_source_id}/templates: the sandbox's data sources have none."""
    call.source(call.path_id("data_source_id"))
    return {"templates": [], "has_more": False, "next_cursor": None}


def query_data_source(call: Call) -> dict[str, Any]:
    """POST /v1/data_sources/{data_source_id}/query: pages that match, in pieces of at most 100."""
    call.check_keys(
        "filter",
        "sorts",
        "start_cursor",
        "page_size",
        "result_type",
        absent=("is_archived", "in_trash"),
    )
    source = call.source(call.path_id("data_source_id"))
    if call.body.get("result_type", "page") != "page":
        raise unsupported("queries for data sources (wikis)")
    cursor, page_size = body_page(call)
    compiler = FilterCompiler(call.state, source.schema, now=call.now)
    query = Query(
        source,
        index=call.state.indexes[source.id],
        state=call.state,
        matching=compiler.compile(call.body.get("filter")),
        sorts=parse_sorts(call.state, source.schema, call.body.get("sorts")) or [*NEWEST_FIRST],
        identity=[call.body.get("filter"), call.body.get("sorts")],
        limit=call.config.query_limit,
    )
    piece = query.piece(cursor, page_size)
    only, render = wanted_properties(call, source.schema), call.render
    answer: dict[str, Any] = {
        "object": "list",
        "results": [render.page(page, only) for page in piece.pages],
        "next_cursor": piece.next_cursor,
        "has_more": piece.next_cursor is not None,
        "type": "page_or_data_source",
        "page_or_data_source": {},
    }
    return {**answer, **request_status(incomplete=piece.incomplete)}


def wanted_properties(call: Call, schema: Schema) -> set[str] | None:
    """The ids of the properties that `filter_properties` names; None when it is absent.

    Raises:
        NotionError: validation_error for a property that does not exist.
    """
    keys = [*call.query.get("filter_properties", []), *call.query.get("filter_properties[]", [])]
    if not keys:
        return None
    return {require_property(schema, key).id for key in keys}
