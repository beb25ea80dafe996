"""Icons and covers of pages, databases and data sources (Notion: "Emoji object", "File object")."""

from typing import Any

from notion_sandbox.errors import missing_error, shape_error, unsupported
from notion_sandbox.request.call import Call
from notion_sandbox.values.files import parse_file
from notion_sandbox.values.types import Json

_MAX_EMOJI = 32


def icon_of(call: Call, present: Json | None) -> Json | None:
    """The icon after a request: an emoji, a link or an upload, null for none.

    The present one where the body does not mention it.

    Raises:
        NotionError: validation_error, or sandbox_unsupported for custom emojis.
    """
    return parse_icon(call.body["icon"], "body.icon") if "icon" in call.body else present


def cover_of(call: Call, present: Json | None) -> Json | None:
    """The cover after a request: a link or an upload, null for none.

    The present one where the body does not mention it.

    Raises:
        NotionError: validation_error.
    """
    return (
        _parse(call.body["cover"], "body.cover", emoji=False) if "cover" in call.body else present
    )


def parse_icon(value: Any, path: str) -> Json | None:
    """An icon: an emoji, a link or an upload, null for none.

    Raises:
        NotionError: validation_error, or sandbox_unsupported for custom emojis.
    """
    return _parse(value, path, emoji=True)


def _parse(value: Any, path: str, *, emoji: bool) -> Json | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise shape_error(path, "an object or `null`", value)
    for key in ("custom_emoji", "icon"):
        if key in value:
            raise unsupported(f"icons and covers of type {key!r}")
    if emoji and "emoji" in value:
        text = value["emoji"]
        if not isinstance(text, str) or not text or len(text) > _MAX_EMOJI or text.isascii():
            raise shape_error(f"{path}.emoji", "an emoji", text)
        return {"type": "emoji", "emoji": text}
    if not {"external", "file_upload", "file"} & value.keys():
        raise missing_error(f"{path}.emoji" if emoji else f"{path}.external")
    return parse_file(value, path)
