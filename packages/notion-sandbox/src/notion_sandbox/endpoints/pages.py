"""Endpoints for pages.

Source: Notion's "Create", "Retrieve", "Update page", "Retrieve a page property item".
"""

from dataclasses import replace
from typing import Any

from notion_sandbox.content.attachments import attach, files_in, files_of
from notion_sandbox.content.block_writing import append, parse_children
from notion_sandbox.content.icons import cover_of, icon_of
from notion_sandbox.content.page_events import record_page_change
from notion_sandbox.content.page_writing import bind, write_values
from notion_sandbox.endpoints.data_sources import wanted_properties
from notion_sandbox.errors import (
    TRASHED,
    NotionError,
    body_error,
    unsupported,
    validation_error,
)
from notion_sandbox.request.call import Call
from notion_sandbox.request.lists import piece_of_query
from notion_sandbox.schema.property_values import Write, parse_writes, property_with_id
from notion_sandbox.schema.readers import related_ids
from notion_sandbox.store.numbering import next_numbers
from notion_sandbox.store.objects import Database, Page, Property
from notion_sandbox.values.checks import require_key
from notion_sandbox.values.ids import encoded, new_uuid

_LISTED = ("title", "rich_text", "relation", "people")
_ABSENT = ("is_archived", "template", "erase_content", "position")


def create_page(call: Call) -> dict[str, Any]:
    """POST /v1/pages: a page in a data source, or under a page with only a title.

    Its content as `children`.
    """
    known = ("parent", "properties", "icon", "cover", "children")
    call.check_keys(*known, absent=(*_ABSENT, "is_locked", "content", "markdown"))
    source_id, parent_id = _parent(call)
    if source_id is not None:
        require_key(call.body, "properties", "body")
    writes = parse_writes(call.body.get("properties", {}))
    schema = call.state.schema_of_id(source_id)
    bound = bind(call, source_id, schema, writes)
    children = parse_children(call.body.get("children", []), "body.children")
    icon, cover, wanted = icon_of(call, None), cover_of(call, None), wanted_properties(call, schema)
    attach(call, files_of(bound), icon, cover, files_in(children))
    author = call.user.id
    page = Page(
        new_uuid(call.rng),
        call.state.new_number(),
        source_id,
        parent_id,
        call.now,
        author,
        call.now,
        author,
    )
    numbers = next_numbers(call.state, source_id, schema)
    write_values(call, replace(page, values=numbers, icon=icon, cover=cover), bound)
    append(call, page.id, children)
    record_page_change(call, page, "created")
    return call.render.page(call.page(page.id), wanted)


def _parent(call: Call) -> tuple[str | None, str | None]:
    """The data source or the page that the page is made in; the other one is None."""
    found = call.parent("data_source_id", "database_id", "page_id")
    if found is None:
        raise unsupported("pages whose parent is neither a data source, a database nor a page")
    key, object_id = found
    if key == "page_id":
        return None, call.page(object_id).id
    if key == "database_id":
        return _only_source(call.database(object_id)), None
    return call.source(object_id).id, None


def _only_source(database: Database) -> str:
    if len(database.data_source_ids) > 1:
        raise NotionError(
            400,
            "validation_error",
            "Databases with multiple data sources are not supported in this API version.",
            additional_data={"error_type": "multiple_data_sources_for_database"},
        )
    return database.data_source_ids[0]


def retrieve_page(call: Call) -> dict[str, Any]:
    """GET /v1/pages/{page_id}, in the trash or not."""
    page = call.page(call.path_id("page_id"))
    return call.render.page(page, wanted_properties(call, call.state.schema_of(page)))


def update_page(call: Call) -> dict[str, Any]:
    """PATCH /v1/pages/{page_id}: values, icon, cover, lock, in_trash.

    What is not named stays; lists replace.
    """
    if "archived" in call.body and not call.legacy_keys:
        raise body_error("body.archived should be not present: use in_trash (version 2026-03-11).")
    known = ("properties", "in_trash", "icon", "cover", "is_locked", *call.legacy_keys)
    call.check_keys(*known, absent=_ABSENT)
    writes = parse_writes(call.body.get("properties", {}))
    page = call.page(call.path_id("page_id"))
    in_trash = _in_trash(call, page, writes)
    schema = call.state.schema_of(page)
    bound, wanted = bind(call, page.data_source_id, schema, writes), wanted_properties(call, schema)
    icon, cover = icon_of(call, page.icon), cover_of(call, page.cover)
    attach(call, files_of(bound), icon, cover)
    is_locked = call.flag("is_locked", default=page.is_locked)
    changed = replace(page, icon=icon, cover=cover, is_locked=is_locked, in_trash=in_trash)
    if bound or changed != page:
        edited = replace(changed, edited_at=call.now, edited_by=call.user.id)
        _record_update(call, page, edited, write_values(call, edited, bound))
    return call.render.page(call.page(page.id), wanted)


def _in_trash(call: Call, page: Page, writes: list[Write]) -> bool:
    """Whether the page is in the trash after this request, if the request may change it so."""
    in_trash = call.in_trash(present=page.in_trash)
    if page.in_trash and in_trash and writes:
        raise validation_error(TRASHED)
    if in_trash and page.id == call.state.root_page_id:
        raise unsupported("a way to trash its root page")
    return in_trash


def _record_update(call: Call, before: Page, after: Page, changed: list[str]) -> None:
    """Record an update for webhooks; `changed` are the ids of the properties."""
    if before.in_trash and not after.in_trash:
        record_page_change(call, before, "undeleted")
    if changed:
        record_page_change(call, before, "updated", changed)
    if after.in_trash and not before.in_trash:
        record_page_change(call, before, "deleted")


def retrieve_property(call: Call) -> dict[str, Any]:
    """GET /v1/pages/{page_id}/properties/{property_id}.

    A list for the kinds in `_LISTED`, else one item.
    """
    page = call.page(call.path_id("page_id"))
    schema = call.state.schema_of(page)
    key = call.params["property_id"]
    prop = property_with_id(schema, key)
    if prop is None:
        raise call.missing("property", key)
    item = {"object": "property_item", "type": prop.kind, "id": encoded(prop.id)}
    if prop.kind not in _LISTED:
        return {**item, prop.kind: call.render.bare_value(page, prop)}
    return _property_list(
        call, page, prop, [{**item, prop.kind: part} for part in _parts(call, page, prop)]
    )


def _parts(call: Call, page: Page, prop: Property) -> list[dict[str, Any]]:
    """The items of a property that has a list of them."""
    if prop.kind == "relation":
        return [{"id": page_id} for page_id in related_ids(call.state, page, prop)]
    items: list[dict[str, Any]] = call.render.bare_value(page, prop)
    return items


def _property_list(
    call: Call, page: Page, prop: Property, items: list[dict[str, Any]]
) -> dict[str, Any]:
    shown, cursor = piece_of_query(call, f"{page.id}/{prop.id}", items)
    path = f"/v1/pages/{page.id}/properties/{encoded(prop.id)}"
    next_url = cursor and f"https://api.notion.com{path}?start_cursor={cursor}"
    return {
        "object": "list",
        "results": list(shown),
        "next_cursor": cursor,
        "has_more": cursor is not None,
        "type": "property_item",
        "property_item": {
            "id": encoded(prop.id),
            "next_url": next_url,
            "type": prop.kind,
            prop.kind: {},
        },
    }
