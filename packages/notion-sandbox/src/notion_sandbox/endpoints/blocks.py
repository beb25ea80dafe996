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
    body_error,
    missing_error,
    shape_error,
    unsupported,
    validation_error,
)
from notion_sandbox.request.call import LEGACY, Call
from notion_sandbox.request.lists import list_answer, piece_of_query
from notion_sandbox.store.objects import Block, Database, Page
from notion_sandbox.values.ids import parse_uuid

_TRASHED = "Can't edit block that is archived. You must unarchive the block before editing."


def retrieve_block(call: Call) -> dict[str, Any]:
    """GET /v1/blocks/{block_id}: a block, or a page or database as one."""
    return render_any(call, _find(call))


def _find(call: Call) -> Block | Page | Database:
    block_id = call.path_id("block_id")
    if block_id in call.state.pages:
        return call.state.pages[block_id]
    return (
        call.state.databases[block_id] if block_id in call.state.databases else call.block(block_id)
    )


def list_children(call: Call) -> dict[str, Any]:
    """GET /v1/blocks/{block_id}/children: what stands on a page or under a block."""
    found = children(call, _find(call).id)
    shown, cursor = piece_of_query(call, f"children/{call.path_id('block_id')}", found)
    return list_answer("block", [render_any(call, item) for item in shown], cursor)


def append_children(call: Call) -> dict[str, Any]:
    """PATCH /v1/blocks/{block_id}/children: new blocks at the end, at the start or after one.

    Gives the new ones.
    """
    legacy = call.version == LEGACY
    call.check_keys("children", "position", *(("after",) if legacy else ()))
    parent = _find(call)
    if isinstance(parent, Database):
        raise validation_error("A database holds pages, not blocks.")
    if parent.in_trash:
        raise validation_error(_TRASHED)
    if "children" not in call.body:
        raise missing_error("body.children")
    drafts = parse_children(call.body["children"], "body.children")
    after, first = _position(call, parent.id)
    attach(call, files_in(drafts))
    made = append(call, parent.id, drafts, after, first=first)
    _tell(call, parent, [block.id for block in made])
    return list_answer("block", [render_block(call, block) for block in made], None)


def _position(call: Call, parent_id: str) -> tuple[str | None, bool]:
    position = call.body.get("position", {"type": "end"})
    kind = position.get("type") if isinstance(position, dict) else None
    if kind not in ("start", "end", "after_block"):
        raise shape_error("body.position.type", 'one of "start", "end", "after_block"', kind)
    named = position.get("after_block") if kind == "after_block" else None
    wanted = named.get("id") if isinstance(named, dict) else call.body.get("after")
    if kind != "after_block" and wanted is None:
        return None, kind == "start"
    after = parse_uuid(wanted)
    if after not in {block.id for block in call.state.blocks_in(parent_id)}:
        raise validation_error(f"Block {wanted} is not a child of {parent_id}.")
    return after, False


def update_block(call: Call) -> dict[str, Any]:
    """PATCH /v1/blocks/{block_id}: what the body names under the block's type, and in_trash."""
    block = _own(call)
    legacy = ("archived",) if call.version == LEGACY else ()
    call.check_keys("type", "in_trash", block.kind, *legacy)
    trash_key = "in_trash" if "in_trash" in call.body or not legacy else "archived"
    in_trash = call.body.get(trash_key, block.in_trash)
    if not isinstance(in_trash, bool):
        raise shape_error(f"body.{trash_key}", "a boolean", in_trash)
    body = call.body.get(block.kind, {})
    if not isinstance(body, dict):
        raise shape_error(f"body.{block.kind}", "an object", body)
    if "children" in body:
        raise body_error(f"body.{block.kind}.children should be not present.")
    if block.in_trash and in_trash and body:
        raise validation_error(_TRASHED)
    content = parse_content(
        block.kind, body, f"body.{block.kind}", Content(block.texts, block.fields)
    )
    attach(call, content.fields)
    changed = replace(block, texts=content.texts, fields=content.fields, in_trash=in_trash)
    return _kept(call, changed)


def _own(call: Call) -> Block:
    found = _find(call)
    if not isinstance(found, Block):
        raise validation_error(f"{found.id} is a page or database: update it by its own endpoint.")
    return found


def delete_block(call: Call) -> dict[str, Any]:
    """DELETE /v1/blocks/{block_id}: into the trash, a page or database too."""
    found = _find(call)
    edited: dict[str, Any] = {"in_trash": True, "edited_at": call.now, "edited_by": call.user.id}
    if isinstance(found, Block):
        return _kept(call, replace(found, in_trash=True))
    if found.id == call.state.root_page_id:
        raise unsupported("a way to trash its root page")
    if isinstance(found, Database):
        database = replace(found, **edited)
        call.state.put_database(database)
        return render_any(call, database)
    page = replace(found, **edited)
    call.state.put_page(page)
    if not found.in_trash:
        record_page_change(call, page, "deleted")
    return render_any(call, page)


def _kept(call: Call, block: Block) -> dict[str, Any]:
    changed = replace(block, edited_at=call.now, edited_by=call.user.id)
    call.state.put_block(changed)
    _tell(call, changed, [changed.id])
    return render_block(call, changed)


def _tell(call: Call, inside: Block | Page, blocks: list[str]) -> None:
    """Tell of blocks, and stamp the page they are on."""
    above: Block | Page = inside
    while isinstance(above, Block):
        parent_id = above.parent_id
        above = (
            call.state.pages[parent_id]
            if parent_id in call.state.pages
            else call.state.blocks[parent_id]
        )
    call.state.put_page(replace(above, edited_at=call.now, edited_by=call.user.id))
    record_page_change(call, above, "content", blocks=blocks)
