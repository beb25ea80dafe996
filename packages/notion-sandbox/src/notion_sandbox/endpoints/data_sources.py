"""Endpoints for data sources (Notion: "Retrieve", "Update" and "Query a data source")."""

from dataclasses import replace
from typing import Any

from notion_sandbox.content.attachments import attach
from notion_sandbox.content.icons import icon_of
from notion_sandbox.content.two_way import make_counterparts, remove_counterparts, schema_changed
from notion_sandbox.endpoints.databases import make_source
from notion_sandbox.errors import missing_error, shape_error, unsupported, validation_error
from notion_sandbox.query.filters import FilterCompiler
from notion_sandbox.query.query import NEWEST_FIRST, Query, parse_sorts
from notion_sandbox.request.call import LEGACY, Call
from notion_sandbox.request.lists import parse_page_size
from notion_sandbox.schema.changes import SchemaChange, SchemaEditor
from notion_sandbox.schema.conversion import convert
from notion_sandbox.schema.property_values import find_property
from notion_sandbox.store.numbering import number_pages
from notion_sandbox.store.objects import DataSource, Property, Schema, Value
from notion_sandbox.values.ids import parse_uuid
from notion_sandbox.values.rich_text import parse_rich_text


def retrieve_data_source(call: Call) -> dict[str, Any]:
    """GET /v1/data_sources/{data_source_id}: the schema."""
    return call.render.source(call.source(call.path_id("data_source_id")))


def create_data_source(call: Call) -> dict[str, Any]:
    """POST /v1/data_sources: one more data source in a database, with its default view."""
    call.check_keys("parent", "properties", "title", "icon")
    parent = call.required_object("parent")
    database_id = parse_uuid(parent.get("database_id"))
    if database_id is None:
        raise shape_error("body.parent.database_id", "a valid uuid", parent.get("database_id"))
    if "properties" not in call.body:
        raise missing_error("body.properties")
    title = parse_rich_text(call.body.get("title", []), "body.title")
    change = SchemaEditor({}, rng=call.rng, find_source=call.source).apply(
        call.body["properties"], "body.properties"
    )
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
    legacy = call.version == LEGACY
    call.check_keys(
        "title",
        "properties",
        "icon",
        "in_trash",
        *(("archived",) if legacy else ()),
        absent=("parent",),
    )
    source = call.source(call.path_id("data_source_id"))
    if not call.body:
        return call.render.source(source)
    title = (
        parse_rich_text(call.body["title"], "body.title") if "title" in call.body else source.title
    )
    in_trash = _wanted_trash(call, source)
    if in_trash and source.in_trash and call.body.get("properties"):
        raise validation_error(
            "Can't edit block that is archived. You must unarchive the block before editing."
        )
    icon = icon_of(call, source.icon)
    attach(call, icon)
    editor = SchemaEditor(source.schema, rng=call.rng, find_source=call.source)
    change = editor.apply(call.body.get("properties") or {}, "body.properties")
    converted = [
        page
        for key, before in change.retyped.items()
        for page in _convert(call, source, change, key, before)
    ]
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
    for page_id, property_id, value in converted:
        page = call.state.pages[page_id]
        call.state.put_page(replace(page, values={**page.values, property_id: value}))
    number_pages(
        call.state,
        changed,
        [key for key in change.created if change.schema[key].kind == "unique_id"],
    )
    remove_counterparts(call, change.deleted)
    make_counterparts(call, changed, change.two_way)
    told = _told(change)
    if told:
        call.outbox.record(schema_changed(changed, told, author=call.user, at=call.now))
    return call.render.source(call.source(source.id))


def _wanted_trash(call: Call, source: DataSource) -> bool:
    key = "archived" if "archived" in call.body and "in_trash" not in call.body else "in_trash"
    wanted = call.body.get(key, source.in_trash)
    if not isinstance(wanted, bool):
        raise shape_error(f"body.{key}", "a boolean", wanted)
    return wanted


def _convert(
    call: Call, source: DataSource, change: SchemaChange, key: str, before: Property
) -> list[tuple[str, str, Value]]:
    change.schema[key], values = convert(
        call.state, before, change.schema[key], call.rng, source.id
    )
    return [(page_id, key, value) for page_id, value in values.items()]


def _told(change: SchemaChange) -> dict[str, tuple[str | None, str]]:
    told: dict[str, tuple[str | None, str]] = {
        key: (change.schema[key].name, "created") for key in change.created
    }
    told |= {key: (change.schema[key].name, "updated") for key in change.updated}
    return told | {prop.id: (prop.name, "deleted") for prop in change.deleted}


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
    cursor = call.body.get("start_cursor")
    if cursor is not None and not isinstance(cursor, str):
        raise shape_error("body.start_cursor", "a string", cursor)
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
    piece = query.piece(cursor, parse_page_size(call.body.get("page_size"), "body.page_size"))
    only, render = wanted_properties(call, source.schema), call.render
    answer: dict[str, Any] = {
        "object": "list",
        "results": [render.page(page, only) for page in piece.pages],
        "next_cursor": piece.next_cursor,
        "has_more": piece.next_cursor is not None,
        "type": "page_or_data_source",
        "page_or_data_source": {},
    }
    if piece.incomplete:
        answer["request_status"] = {
            "type": "incomplete",
            "incomplete_reason": "query_result_limit_reached",
        }
    return answer


def wanted_properties(call: Call, schema: Schema) -> set[str] | None:
    """The ids of the properties that `filter_properties` names; None when it is absent.

    Raises:
        NotionError: validation_error for a property that does not exist.
    """
    keys = [*call.query.get("filter_properties", []), *call.query.get("filter_properties[]", [])]
    if not keys:
        return None
    wanted: set[str] = set()
    for key in keys:
        prop = find_property(schema, key)
        if prop is None:
            raise validation_error(f"Could not find property with name or id: {key}")
        wanted.add(prop.id)
    return wanted
