"""Blocks as responses carry them; pages and databases are blocks too (Notion: "Block object")."""

from typing import Any

from notion_sandbox.request.call import Call
from notion_sandbox.request.rendering import partial_user
from notion_sandbox.store.objects import Block, Database, Page
from notion_sandbox.values.dates import page_time
from notion_sandbox.values.rich_text import plain_text, render_rich_text
from notion_sandbox.values.types import Json


def render_block(call: Call, block: Block) -> dict[str, Any]:
    """A block of a page's content."""
    texts = {key: render_rich_text(text, call.state.describe) for key, text in block.texts.items()}
    key = "page_id" if block.parent_id in call.state.pages else "block_id"
    parent = {"type": key, key: block.parent_id}
    has_children = bool(call.state.blocks_in(block.id))
    fields = call.render.file(block.fields) or {}
    if "icon" in fields:
        fields = {**fields, "icon": call.render.file(fields["icon"])}
    return _shown(call, block, parent, (block.kind, {**texts, **fields}), has_children=has_children)


def render_child_page(call: Call, page: Page) -> dict[str, Any]:
    """A page as a block of its parent."""
    content = ("child_page", {"title": call.state.title_of(page)})
    return _shown(
        call,
        page,
        call.render.page_parent(page),
        content,
        has_children=bool(children(call, page.id)),
    )


def render_child_database(call: Call, database: Database) -> dict[str, Any]:
    """A database as a block of its parent."""
    title = plain_text(database.title, call.state.describe)
    parent = {"type": "page_id", "page_id": database.parent_id}
    return _shown(call, database, parent, ("child_database", {"title": title}), has_children=False)


def children(call: Call, parent_id: str) -> list[Block | Page | Database]:
    """The content of a page or block: its blocks in order, then pages and databases under it."""
    state = call.state
    candidates: list[Page | Database] = [*state.pages.values(), *state.databases.values()]
    inner = [item for item in candidates if item.parent_id == parent_id and not item.in_trash]
    return [*state.blocks_in(parent_id), *sorted(inner, key=lambda item: item.created_at)]


def render_any(call: Call, item: Block | Page | Database) -> dict[str, Any]:
    """A block, a page or a database as a block."""
    match item:
        case Block():
            return render_block(call, item)
        case Page():
            return render_child_page(call, item)
        case Database():
            return render_child_database(call, item)


def _shown(
    call: Call,
    item: Block | Page | Database,
    parent: Json,
    content: tuple[str, Json],
    *,
    has_children: bool,
) -> dict[str, Any]:
    kind, body = content
    shown = {
        "object": "block",
        "id": item.id,
        "parent": parent,
        "created_time": page_time(item.created_at),
        "last_edited_time": page_time(item.edited_at),
        "created_by": partial_user(item.created_by),
        "last_edited_by": partial_user(item.edited_by),
        "has_children": has_children,
        "in_trash": item.in_trash,
        "type": kind,
        kind: body,
    }
    return call.render.versioned(shown, in_trash=item.in_trash)
