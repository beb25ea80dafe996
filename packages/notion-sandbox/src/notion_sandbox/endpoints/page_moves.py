"""The endpoint that moves a page (Notion: "Move a page")."""

from dataclasses import replace
from typing import Any

from notion_sandbox.content.page_events import record_page_change
from notion_sandbox.errors import body_error, shape_error, validation_error
from notion_sandbox.request.call import Call
from notion_sandbox.store.numbering import next_numbers
from notion_sandbox.store.objects import Page, Value
from notion_sandbox.values.ids import TITLE_ID, parse_uuid


def move_page(call: Call) -> dict[str, Any]:
    """POST /v1/pages/{page_id}/move: under another page or into another data source.

    In another data source a page keeps its title and its values of properties of the same name and
    type whose value means the same there; options, relations and numbers of the old one are left
    behind.
    """
    call.check_keys("parent")
    page = call.page(call.path_id("page_id"))
    source_id, parent_id = _target(call)
    if page.id == call.state.root_page_id:
        raise validation_error("A page at the top of the workspace cannot be moved.")
    if page.in_trash:
        raise validation_error(
            "Can't edit block that is archived. You must unarchive the block before editing."
        )
    if parent_id is not None and _is_under(call, parent_id, page.id):
        raise validation_error("A page cannot be moved under itself.")
    if (source_id, parent_id) != (page.data_source_id, page.parent_id):
        values = _kept_values(call, page, source_id)
        moved = replace(
            page,
            data_source_id=source_id,
            parent_id=parent_id,
            values=values,
            edited_at=call.now,
            edited_by=call.user.id,
        )
        call.state.put_page(moved)
        record_page_change(call, moved, "moved")
    return call.render.page(call.page(page.id))


def _target(call: Call) -> tuple[str | None, str | None]:
    parent = call.required_object("parent")
    key = next((name for name in ("page_id", "data_source_id") if name in parent), None)
    if key is None:
        raise body_error("body.parent should have `page_id` or `data_source_id`.")
    object_id = parse_uuid(parent[key])
    if object_id is None:
        raise shape_error(f"body.parent.{key}", "a valid uuid", parent[key])
    return (
        (None, call.page(object_id).id) if key == "page_id" else (call.source(object_id).id, None)
    )


def _is_under(call: Call, page_id: str, above_id: str) -> bool:
    above: str | None = page_id
    while above is not None:
        if above == above_id:
            return True
        page = call.state.pages[above]
        source = None if page.data_source_id is None else call.state.sources[page.data_source_id]
        above = (
            page.parent_id if source is None else call.state.databases[source.database_id].parent_id
        )
    return False


_PLAIN = (
    "rich_text",
    "number",
    "date",
    "checkbox",
    "url",
    "email",
    "phone_number",
    "people",
    "files",
)


def _kept_values(call: Call, page: Page, source_id: str | None) -> dict[str, Value]:
    before, after = call.state.schema_of(page), call.state.schema_of_id(source_id)
    kept = {TITLE_ID: page.values[TITLE_ID]} if TITLE_ID in page.values else {}
    for prop in before.values():
        twin = next(
            (
                other
                for other in after.values()
                if (other.name, other.kind) == (prop.name, prop.kind)
            ),
            None,
        )
        if twin is not None and prop.kind in _PLAIN and prop.id in page.values:
            kept[twin.id] = page.values[prop.id]
    return {**kept, **next_numbers(call.state, source_id, after)}
