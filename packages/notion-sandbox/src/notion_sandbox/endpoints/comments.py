"""Endpoints for comments.

Source: Notion's "Create", "List", "Retrieve", "Update" and "Delete a comment".
"""

from dataclasses import replace
from typing import Any

from notion_sandbox.errors import body_error, shape_error, unsupported, validation_error
from notion_sandbox.request.call import Call
from notion_sandbox.request.lists import list_answer, piece_of_query
from notion_sandbox.request.rendering import partial_user
from notion_sandbox.store.objects import Comment
from notion_sandbox.values.checks import first_key, get_field, require_key, require_uuid
from notion_sandbox.values.dates import page_time
from notion_sandbox.values.ids import new_uuid, parse_uuid
from notion_sandbox.values.rich_text import RichText, parse_rich_text, render_rich_text


def create_comment(call: Call) -> dict[str, Any]:
    """POST /v1/comments: on a page or block, or in an existing discussion."""
    call.check_keys(
        "parent", "discussion_id", "rich_text", "display_name", absent=("attachments", "markdown")
    )
    if ("parent" in call.body) is ("discussion_id" in call.body):
        raise body_error("body should have either `parent` or `discussion_id`.")
    text, name = _text(call), _display_name(call)
    if "parent" in call.body:
        discussion_id, parent_id = new_uuid(call.rng), _parent(call)
    else:
        discussion_id, parent_id = _discussion(call)
    author = call.user.id
    comment = Comment(
        new_uuid(call.rng), discussion_id, parent_id, text, name, call.now, author, call.now
    )
    call.state.put_comment(comment)
    return _render(call, comment)


def _text(call: Call) -> RichText:
    return parse_rich_text(require_key(call.body, "rich_text", "body"), "body.rich_text")


def _parent(call: Call) -> str:
    parent = call.body["parent"]
    key = first_key(parent, ("page_id", "block_id")) if isinstance(parent, dict) else None
    if key is None:
        raise body_error("body.parent should have `page_id` or `block_id`.")
    object_id = require_uuid(parent[key], f"body.parent.{key}")
    if key == "block_id" and object_id in call.state.blocks:
        return object_id
    return call.page(object_id).id


def _discussion(call: Call) -> tuple[str, str]:
    """The discussion that the body names, and the page or block that it is on."""
    discussion_id = require_uuid(call.body["discussion_id"], "body.discussion_id")
    for comment in call.state.comments.values():
        if comment.discussion_id == discussion_id:
            return discussion_id, comment.parent_id
    raise call.missing("discussion", discussion_id)


def _display_name(call: Call) -> str | None:
    """The name that the body gives; None for that of the caller."""
    given = call.body.get("display_name")
    if given in (None, {"type": "integration"}):
        return None
    if given == {"type": "user"}:
        raise unsupported("comments under the name of a connection's owner")
    name = get_field(get_field(given, "custom"), "name")
    if get_field(given, "type") != "custom" or not isinstance(name, str) or not name:
        raise shape_error("body.display_name", "a display name", given)
    return name


def list_comments(call: Call) -> dict[str, Any]:
    """GET /v1/comments?block_id=: those on a page or block, the oldest first."""
    given = call.query_value("block_id")
    object_id = parse_uuid(given)
    if object_id is None:
        shown_id = "undefined" if given is None else f'"{given}"'
        raise validation_error(
            "query failed validation: query.block_id should be a valid uuid, "
            f"instead was `{shown_id}`."
        )
    if object_id not in call.state.pages and object_id not in call.state.databases:
        call.block(object_id)
    found = [comment for comment in call.state.comments.values() if comment.parent_id == object_id]
    found.sort(key=lambda comment: comment.created_at)
    shown, cursor = piece_of_query(call, f"comments/{object_id}", found)
    return list_answer("comment", [_render(call, comment) for comment in shown], cursor)


def retrieve_comment(call: Call) -> dict[str, Any]:
    """GET /v1/comments/{comment_id}."""
    return _render(call, call.comment(call.path_id("comment_id")))


def update_comment(call: Call) -> dict[str, Any]:
    """PATCH /v1/comments/{comment_id}: another text."""
    call.check_keys("rich_text", absent=("markdown",))
    comment = call.comment(call.path_id("comment_id"))
    changed = replace(comment, text=_text(call), edited_at=call.now)
    call.state.put_comment(changed)
    return _render(call, changed)


def delete_comment(call: Call) -> dict[str, Any]:
    """DELETE /v1/comments/{comment_id}: for good; answers with the deleted comment."""
    comment = call.comment(call.path_id("comment_id"))
    call.state.drop_comment(comment)
    return _render(call, comment)


def _render(call: Call, comment: Comment) -> dict[str, Any]:
    key = "page_id" if comment.parent_id in call.state.pages else "block_id"
    return {
        "object": "comment",
        "id": comment.id,
        "parent": {"type": key, key: comment.parent_id},
        "discussion_id": comment.discussion_id,
        "created_time": page_time(comment.created_at),
        "last_edited_time": page_time(comment.edited_at),
        "created_by": partial_user(comment.created_by),
        "rich_text": render_rich_text(comment.text, call.state.describe),
        "display_name": _render_name(call, comment),
    }


def _render_name(call: Call, comment: Comment) -> dict[str, Any]:
    if comment.name:
        return {"type": "custom", "resolved_name": comment.name}
    author = call.state.users.get(comment.created_by)
    if author is None:
        return {"type": "integration", "resolved_name": None}
    kind = "integration" if author.kind == "bot" else "user"
    return {"type": kind, "resolved_name": author.name}
