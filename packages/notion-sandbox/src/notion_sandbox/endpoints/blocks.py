"""Endpoints for blocks.

Source: Notion's "Retrieve", "Update", "Delete a block", "Retrieve" and "Append block children".
"""

from dataclasses import replace
from typing import Any

from notion_sandbox.content.attachments import attach, files_in
from notion_sandbox.content.block_content import Content, parse_content
from notion_sandbox.content.block_rendering import children, render_any, render_block
from notion_sandbox.content.block_writing import append, parse_children
from notion_sandbox.content.page_events import record_page_change
from notion_sandbox.errors import (
    TRASHED,
    body_error,
    unsupported,
    validation_error,
)
from notion_sandbox.request.call import LEGACY, Call
from notion_sandbox.request.lists import list_answer, piece_of_query
from notion_sandbox.store.objects import Block, Database, Page
from notion_sandbox.values.checks import get_field, require_key, require_object, require_one_of
from notion_sandbox.values.ids import parse_uuid

_POSITIONS = ("start", "end", "after_block")


def retrieve_block(call: Call) -> dict[str, Any]:
    """GET /v1/blocks/{block_id}: a block, or a page or database as one."""
    return render_any(call, _find(call))


def _find(call: Call) -> Block | Page | Database:
    block_id = call.path_id("block_id")
    state = call.state
    return state.pages.get(block_id) or state.databases.get(block_id) or call.block(block_id)


def list_children(call: Call) -> dict[str, Any]:
    """GET /v1/blocks/{block_id}/children: the content of a page or block."""
    found = children(call, _find(call).id)
    shown, cursor = piece_of_query(call, f"children/{call.path_id('block_id')}", found)
    return list_answer("block", [render_any(call, item) for item in shown], cursor)


def append_children(call: Call) -> dict[str, Any]:
    """PATCH /v1/blocks/{block_id}/children: new blocks at the end, at the start or after one.

    Answers with the new ones.
    """
    legacy_keys = ("after",) if call.version == LEGACY else ()
    call.check_keys("children", "position", *legacy_keys)
    parent = _find(call)
    if isinstance(parent, Database):
        raise validation_error("A database holds pages, not blocks.")
    if parent.in_trash:
        raise validation_error(TRASHED)
    drafts = parse_children(require_key(call.body, "children", "body"), "body.children")
    after, first = _position(call, parent.id)
    attach(call, files_in(drafts))
    made = append(call, parent.id, drafts, after, first=first)
    _record_change(call, parent, [block.id for block in made])
    return list_answer("block", [render_block(call, block) for block in made], None)


def _position(call: Call, parent_id: str) -> tuple[str | None, bool]:
    """The block after which new ones come, if any, and whether they come before all others."""
    position = call.body.get("position", {"type": "end"})
    path, expected = "body.position.type", 'one of "start", "end", "after_block"'
    kind = require_one_of(get_field(position, "type"), _POSITIONS, path, expected)
    if kind == "after_block":
        return _sibling(call, parent_id, get_field(position.get("after_block"), "id")), False
    if call.body.get("after") is not None:
        return _sibling(call, parent_id, call.body["after"]), False
    return None, kind == "start"


def _sibling(call: Call, parent_id: str, given: Any) -> str:
    block_id = parse_uuid(given)
    if block_id not in [block.id for block in call.state.blocks_in(parent_id)]:
        raise validation_error(f"Block {given} is not a child of {parent_id}.")
    return str(block_id)


def update_block(call: Call) -> dict[str, Any]:
    """PATCH /v1/blocks/{block_id}: what the body names under the block's type, and in_trash."""
    block = _own(call)
    call.check_keys("type", "in_trash", block.kind, *call.legacy_keys)
    in_trash = call.in_trash(present=block.in_trash)
    path = f"body.{block.kind}"
    body = require_object(call.body.get(block.kind, {}), path)
    if "children" in body:
        raise body_error(f"{path}.children should be not present.")
    if block.in_trash and in_trash and body:
        raise validation_error(TRASHED)
    content = parse_content(block.kind, body, path, Content(block.texts, block.fields))
    attach(call, content.fields)
    changed = replace(block, texts=content.texts, fields=content.fields, in_trash=in_trash)
    return _store(call, changed)


def _own(call: Call) -> Block:
    found = _find(call)
    if not isinstance(found, Block):
        raise validation_error(f"{found.id} is a page or database: update it by its own endpoint.")
    return found


def delete_block(call: Call) -> dict[str, Any]:
    """DELETE /v1/blocks/{block_id}: into the trash, a page or database too."""
    found = _find(call)
    match found:
        case Block():
            return _store(call, replace(found, in_trash=True))
        case Page():
            return _trash_page(call, found)
        case Database():
            database = replace(found, in_trash=True, edited_at=call.now, edited_by=call.user.id)
            call.state.put_database(database)
            return render_any(call, database)


def _trash_page(call: Call, present: Page) -> dict[str, Any]:
    if present.id == call.state.root_page_id:
        raise unsupported("a way to trash its root page")
    page = replace(present, in_trash=True, edited_at=call.now, edited_by=call.user.id)
    call.state.put_page(page)
    if not present.in_trash:
        record_page_change(call, page, "deleted")
    return render_any(call, page)


def _store(call: Call, block: Block) -> dict[str, Any]:
    changed = replace(block, edited_at=call.now, edited_by=call.user.id)
    call.state.put_block(changed)
    _record_change(call, changed, [changed.id])
    return render_block(call, changed)


def _record_change(call: Call, inside: Block | Page, blocks: list[str]) -> None:
    """Record a change of blocks, and set the edit time of the page that they are on."""
    above: Block | Page = inside
    while isinstance(above, Block):
        above = call.state.pages.get(above.parent_id) or call.state.blocks[above.parent_id]
    call.state.put_page(replace(above, edited_at=call.now, edited_by=call.user.id))
    record_page_change(call, above, "content", blocks=blocks)
