"""Endpoints for pages (Notion: "Create", "Retrieve", "Update page", "Retrieve a page property item")."""

from dataclasses import replace
from typing import Any

from sandbox.api_data_sources import wanted_properties
from sandbox.call import LEGACY, Call
from sandbox.errors import body_error, missing_error, shape_error, unsupported, validation_error
from sandbox.events import Change, Kind
from sandbox.ids import decoded, encoded, new_uuid, parse_uuid
from sandbox.objects import Page, Property
from sandbox.page_writing import bind, write_values
from sandbox.query import offset_cursor, parse_offset, parse_page_size
from sandbox.readers import related_ids
from sandbox.rich_text import render_part
from sandbox.state import PAGE_SCHEMA
from sandbox.values import parse_writes

_ABSENT = ("icon", "cover", "is_locked", "is_archived", "template", "erase_content", "position")


def create_page(call: Call) -> dict[str, Any]:
    """POST /v1/pages: a page in a data source, or under a page with only a title."""
    call.check_keys("parent", "properties", absent=(*_ABSENT, "children", "content", "markdown"))
    source_id, parent_id = _parent(call)
    if "properties" not in call.body and source_id is not None:
        raise missing_error("body.properties")
    writes = parse_writes(call.body.get("properties", {}))
    schema = PAGE_SCHEMA if source_id is None else call.source(source_id).schema
    bound = bind(call, source_id, schema, writes)
    author = call.user.id
    page = Page(new_uuid(call.rng), call.state.new_number(), source_id, parent_id, call.now, author, call.now, author)
    write_values(call, page, bound)
    _tell(call, page, "created", [])
    return call.render.page(call.page(page.id))


def _parent(call: Call) -> tuple[str | None, str | None]:
    parent = call.body.get("parent")
    if not isinstance(parent, dict):
        raise missing_error("body.parent") if parent is None else shape_error("body.parent", "an object", parent)
    key = next((name for name in ("data_source_id", "database_id", "page_id") if name in parent), None)
    if key is None:
        raise unsupported("pages whose parent is neither a data source, a database nor a page")
    object_id = parse_uuid(parent[key])
    if object_id is None:
        raise shape_error(f"body.parent.{key}", "a valid uuid", parent[key])
    if key == "page_id":
        return None, call.page(object_id).id
    if key == "database_id":
        return call.database(object_id).data_source_ids[0], None
    return call.source(object_id).id, None


def retrieve_page(call: Call) -> dict[str, Any]:
    """GET /v1/pages/{page_id}, in the trash or not."""
    page = call.page(call.path_id("page_id"))
    return call.render.page(page, wanted_properties(call, call.state.schema_of(page)))


def update_page(call: Call) -> dict[str, Any]:
    """PATCH /v1/pages/{page_id}: property values, in_trash. What is not named stays; lists replace."""
    legacy = call.version == LEGACY
    if "archived" in call.body and not legacy:
        raise body_error("body.archived should be not present: use in_trash (version 2026-03-11).")
    call.check_keys("properties", "in_trash", *(("archived",) if legacy else ()), absent=_ABSENT)
    writes = parse_writes(call.body.get("properties", {}))
    page = call.page(call.path_id("page_id"))
    in_trash = _wanted_trash(call, page)
    if page.in_trash and in_trash and writes:
        raise validation_error("Can't edit block that is archived. You must unarchive the block before editing.")
    if in_trash and page.id == call.state.root_page_id:
        raise unsupported("a way to trash its root page")
    bound = bind(call, page.data_source_id, call.state.schema_of(page), writes)
    trash_changed = in_trash != page.in_trash
    if not trash_changed and not bound:
        return call.render.page(page)
    edited = replace(page, in_trash=in_trash, edited_at=call.now, edited_by=call.user.id)
    changed = write_values(call, edited, bound)
    if trash_changed and not in_trash:
        _tell(call, page, "undeleted", [])
    if changed:
        _tell(call, page, "updated", changed)
    if trash_changed and in_trash:
        _tell(call, page, "deleted", [])
    return call.render.page(call.page(page.id))


def _wanted_trash(call: Call, page: Page) -> bool:
    key = "in_trash" if "in_trash" in call.body else "archived"
    wanted = call.body.get(key, page.in_trash)
    if not isinstance(wanted, bool):
        raise shape_error(f"body.{key}", "a boolean", wanted)
    return wanted


def _tell(call: Call, page: Page, kind: Kind, changed: list[str]) -> None:
    if page.data_source_id is not None:
        database_id = call.state.sources[page.data_source_id].database_id
        parent = {"id": database_id, "type": "database", "data_source_id": page.data_source_id}
    else:
        parent = {"id": str(page.parent_id or call.state.meta["workspace_id"])}
        parent["type"] = "space" if page.parent_id is None else "page"
    properties: dict[str, dict[str, Any]] = {property_id: {} for property_id in changed}
    call.outbox.record(Change(kind, page.id, "page", parent, call.user, call.now, properties))


def retrieve_property(call: Call) -> dict[str, Any]:
    """GET /v1/pages/{page_id}/properties/{property_id}: a list for title, rich_text and relation, else one item."""
    page = call.page(call.path_id("page_id"))
    schema = call.state.schema_of(page)
    key = call.params["property_id"]
    prop = schema.get(key) or schema.get(decoded(key))
    if prop is None:
        raise call.missing("property", key)
    item = {"object": "property_item", "type": prop.kind, "id": encoded(prop.id)}
    if prop.kind not in ("title", "rich_text", "relation"):
        return {**item, prop.kind: call.render.bare_value(page, prop)}
    return _property_list(call, page, prop, [{**item, prop.kind: part} for part in _parts(call, page, prop)])


def _parts(call: Call, page: Page, prop: Property) -> list[dict[str, Any]]:
    if prop.kind == "relation":
        return [{"id": page_id} for page_id in related_ids(call.state, page, prop)]
    value = page.values.get(prop.id)
    return [render_part(part, call.state.describe) for part in (value if isinstance(value, tuple) else ())]


def _property_list(call: Call, page: Page, prop: Property, items: list[dict[str, Any]]) -> dict[str, Any]:
    scope = f"{page.id}/{prop.id}"
    start = parse_offset(scope, next(iter(call.query.get("start_cursor", [])), None))
    given_size = next(iter(call.query.get("page_size", [])), None)
    if given_size is not None and not given_size.isdecimal():
        raise validation_error(
            f"query failed validation: query.page_size should be a number, instead was `{given_size}`."
        )
    stop = start + parse_page_size(None if given_size is None else int(given_size), "query.page_size")
    cursor = offset_cursor(scope, stop) if stop < len(items) else None
    path = f"/v1/pages/{page.id}/properties/{encoded(prop.id)}"
    next_url = None if cursor is None else f"https://api.notion.com{path}?start_cursor={cursor}"
    return {
        "object": "list",
        "results": items[start:stop],
        "next_cursor": cursor,
        "has_more": cursor is not None,
        "type": "property_item",
        "property_item": {"id": encoded(prop.id), "next_url": next_url, "type": prop.kind, prop.kind: {}},
    }
