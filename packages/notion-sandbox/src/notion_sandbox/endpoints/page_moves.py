"""The endpoint that moves a page (Notion: "Move a page")."""

from dataclasses import replace
from typing import Any

from notion_sandbox.content.page_events import record_page_change
from notion_sandbox.errors import TRASHED, body_error, validation_error
from notion_sandbox.request.call import Call
from notion_sandbox.store.numbering import next_numbers
from notion_sandbox.store.objects import Page, Value
from notion_sandbox.store.state import State
from notion_sandbox.values.ids import TITLE_ID


def move_page(call: Call) -> dict[str, Any]:
    """POST /v1/pages/{page_id}/move: under another page or into another data source.

    In another data source a page keeps its title, and the values of properties that the other has
    too with the same name and type. Options, relations and unique ids belong to one data source and
    are lost.
    """
    call.check_keys("parent")
    page = call.page(call.path_id("page_id"))
    source_id, parent_id = _target(call)
    if page.id == call.state.root_page_id:
        raise validation_error("A page at the top of the workspace cannot be moved.")
    if page.in_trash:
        raise validation_error(TRASHED)
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
    """The data source or the page that the page moves to; the other one is None."""
    found = call.parent("page_id", "data_source_id")
    if found is None:
        raise body_error("body.parent should have `page_id` or `data_source_id`.")
    key, object_id = found
    if key == "page_id":
        return None, call.page(object_id).id
    return call.source(object_id).id, None


def _is_under(call: Call, page_id: str, above_id: str) -> bool:
    above: str | None = page_id
    while above is not None:
        if above == above_id:
            return True
        above = _page_above(call.state, call.state.pages[above])
    return False


def _page_above(state: State, page: Page) -> str | None:
    """The page that a page is on, itself or its database; None at the top."""
    if page.data_source_id is None:
        return page.parent_id
    return state.databases[state.sources[page.data_source_id].database_id].parent_id


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
    targets = {(prop.name, prop.kind): prop.id for prop in after.values() if prop.kind in _PLAIN}
    kept = {TITLE_ID: page.values[TITLE_ID]} if TITLE_ID in page.values else {}
    for prop in before.values():
        target_id = targets.get((prop.name, prop.kind))
        if target_id is not None and prop.id in page.values:
            kept[target_id] = page.values[prop.id]
    return {**kept, **next_numbers(call.state, source_id, after)}
