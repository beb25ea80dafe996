"""Icons and covers of pages, databases and data sources (Notion: "Emoji object", "File object")."""

from typing import Any

from notion_sandbox.errors import missing_error, shape_error, unsupported
from notion_sandbox.request.call import Call
from notion_sandbox.values.checks import OBJECT_OR_NULL, first_key, require_object
from notion_sandbox.values.files import parse_file
from notion_sandbox.values.types import Json

_MAX_EMOJI = 32


def icon_of(call: Call, present: Json | None) -> Json | None:
    """The icon after a request: an emoji, a link or an upload, null for none.

    The present one where the body does not mention it.

    Raises:
        NotionError: validation_error, or sandbox_unsupported for custom emojis.
    """
    if "icon" not in call.body:
        return present
    return parse_icon(call.body["icon"], "body.icon")


def cover_of(call: Call, present: Json | None) -> Json | None:
    """The cover after a request: a link or an upload, null for none.

    The present one where the body does not mention it.

    Raises:
        NotionError: validation_error.
    """
    if "cover" not in call.body:
        return present
    return _parse(call.body["cover"], "body.cover", emoji=False)


def parse_icon(value: Any, path: str) -> Json | None:
    """An icon: an emoji, a link or an upload, null for none.

    Raises:
        NotionError: validation_error, or sandbox_unsupported for custom emojis.
    """
    return _parse(value, path, emoji=True)


def _parse(value: Any, path: str, *, emoji: bool) -> Json | None:
    if value is None:
        return None
    body = require_object(value, path, OBJECT_OR_NULL)
    unknown = first_key(body, ("custom_emoji", "icon"))
    if unknown is not None:
        raise unsupported(f"icons and covers of type {unknown!r}")
    if emoji and "emoji" in body:
        return {"type": "emoji", "emoji": _require_emoji(body["emoji"], f"{path}.emoji")}
    if first_key(body, ("external", "file_upload", "file")) is None:
        raise missing_error(f"{path}.emoji" if emoji else f"{path}.external")
    return parse_file(body, path)


def _require_emoji(text: Any, path: str) -> str:
    if not isinstance(text, str) or text.isascii() or len(text) > _MAX_EMOJI:
        raise shape_error(path, "an emoji", text)
    return text
