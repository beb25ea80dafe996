"""New blocks under a page or a block (Notion: "Append block children")."""

from dataclasses import dataclass, replace
from typing import Any

from notion_sandbox.content.block_content import NO_CHILDREN, Content, kind_of, parse_content
from notion_sandbox.errors import body_error, validation_error
from notion_sandbox.request.call import Call
from notion_sandbox.store.objects import Block
from notion_sandbox.values.checks import require_items, require_object
from notion_sandbox.values.ids import new_uuid

MAX_CHILDREN = 100
_MAX_DEPTH = 2
_MAX_BLOCKS = 1000


@dataclass(frozen=True, slots=True)
class Draft:
    """A block of a request, with those under it."""

    kind: str
    content: Content
    children: list["Draft"]

    def count(self) -> int:
        """How many blocks it is in all."""
        return 1 + sum(child.count() for child in self.children)


def parse_children(value: Any, path: str) -> list[Draft]:
    """Read the `children` of a request.

    At most 100 in a list, 1,000 in all, two levels under the first.

    Raises:
        NotionError: validation_error, or sandbox_unsupported for types of blocks that the
            sandbox does not support.
    """
    drafts = _parse_list(value, path, depth=0)
    if sum(draft.count() for draft in drafts) > _MAX_BLOCKS:
        raise validation_error(f"A request may make at most {_MAX_BLOCKS} blocks.")
    return drafts


def _parse_list(value: Any, path: str, *, depth: int) -> list[Draft]:
    items = require_items(value, path, MAX_CHILDREN)
    if items and depth > _MAX_DEPTH:
        raise body_error(
            f"{path} should be not present: blocks nest {_MAX_DEPTH} levels in one request."
        )
    return [_parse_draft(item, item_path, depth=depth) for item_path, item in items]


def _parse_draft(value: Any, path: str, *, depth: int) -> Draft:
    item = require_object(value, path)
    kind = kind_of(item, path)
    body = item[kind]
    children = body.get("children", item.get("children", []))
    if children and kind in NO_CHILDREN:
        raise body_error(f"{path}.{kind}.children should be not present.")
    content = parse_content(kind, body, f"{path}.{kind}")
    return Draft(kind, content, _parse_list(children, f"{path}.{kind}.children", depth=depth + 1))


def append(
    call: Call,
    parent_id: str,
    drafts: list[Draft],
    after: str | None = None,
    *,
    first: bool = False,
) -> list[Block]:
    """Make blocks at the end of a parent, after one of its blocks, or before them all.

    Returns the new ones.

    Args:
        call: The request.
        parent_id: A page or block.
        drafts: What to make.
        after: The block they come after, if not the last.
        first: They come before all others.
    """
    present = call.state.blocks_in(parent_id)
    at = 0 if first else _place_after(after, present)
    made = [_new(call, parent_id, draft) for draft in drafts]
    for place, block in enumerate([*present[:at], *made, *present[at:]]):
        if block.place != place:
            call.state.put_block(replace(block, place=place))
    for block, draft in zip(made, drafts, strict=True):
        append(call, block.id, draft.children)
    return [call.state.blocks[block.id] for block in made]


def _place_after(block_id: str | None, present: list[Block]) -> int:
    ids = [block.id for block in present]
    return ids.index(block_id) + 1 if block_id in ids else len(ids)


def _new(call: Call, parent_id: str, draft: Draft) -> Block:
    author, texts, fields = call.user.id, draft.content.texts, draft.content.fields
    return Block(
        new_uuid(call.rng),
        parent_id,
        -1,
        draft.kind,
        texts,
        fields,
        call.now,
        author,
        call.now,
        author,
    )
