"""Endpoints for data sources (Notion: "Retrieve", "Update" and "Query a data source")."""

from dataclasses import replace
from typing import Any

from sandbox.call import Call
from sandbox.errors import shape_error, unsupported, validation_error
from sandbox.filters import FilterCompiler
from sandbox.objects import Schema
from sandbox.query import Query, parse_page_size, parse_sorts
from sandbox.rich_text import parse_rich_text
from sandbox.schema import SchemaChange, SchemaEditor
from sandbox.two_way import make_counterparts, remove_counterparts, schema_changed
from sandbox.values import find_property


def retrieve_data_source(call: Call) -> dict[str, Any]:
    """GET /v1/data_sources/{data_source_id}: the schema."""
    return call.render.source(call.source(call.path_id("data_source_id")))


def update_data_source(call: Call) -> dict[str, Any]:
    """PATCH /v1/data_sources/{data_source_id}: title, and properties to add, change, rename or remove."""
    call.check_keys("title", "properties", absent=("icon", "in_trash", "archived", "parent", "description"))
    source = call.source(call.path_id("data_source_id"))
    if not call.body:
        return call.render.source(source)
    title = parse_rich_text(call.body["title"], "body.title") if "title" in call.body else source.title
    editor = SchemaEditor(source.schema, rng=call.rng, find_source=call.source)
    change = editor.apply(call.body.get("properties") or {}, "body.properties")
    changed = replace(source, title=title, schema=change.schema, edited_at=call.now, edited_by=call.user.id)
    call.state.put_source(changed)
    remove_counterparts(call, change.deleted)
    make_counterparts(call, changed, change.two_way)
    told = _told(change)
    if told:
        call.outbox.record(schema_changed(changed, told, author=call.user, at=call.now))
    return call.render.source(call.source(source.id))


def _told(change: SchemaChange) -> dict[str, tuple[str | None, str]]:
    told: dict[str, tuple[str | None, str]] = {key: (change.schema[key].name, "created") for key in change.created}
    told |= {key: (change.schema[key].name, "updated") for key in change.updated}
    return told | {prop.id: (prop.name, "deleted") for prop in change.deleted}


def query_data_source(call: Call) -> dict[str, Any]:
    """POST /v1/data_sources/{data_source_id}/query: pages that match, in pieces of at most 100."""
    call.check_keys("filter", "sorts", "start_cursor", "page_size", "result_type", absent=("is_archived", "in_trash"))
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
        sorts=parse_sorts(call.state, source.schema, call.body.get("sorts")),
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
        answer["request_status"] = {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
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
