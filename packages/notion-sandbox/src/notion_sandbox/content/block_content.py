"""What blocks hold, by type, as requests write it.

Source: Notion's "Block object", "Append block children".
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from notion_sandbox.content.icons import parse_icon
from notion_sandbox.errors import body_error, missing_error, unsupported
from notion_sandbox.values.checks import (
    refuse_other_keys,
    require_boolean,
    require_key,
    require_text,
)
from notion_sandbox.values.files import parse_external, parse_file
from notion_sandbox.values.rich_text import (
    MAX_EQUATION,
    RichText,
    parse_rich_text,
    require_color,
)
from notion_sandbox.values.types import Json

_MAX_URL = 2000
_MAX_SHORT_TEXT = 100
_UNSUPPORTED_KINDS = (
    "column_list",
    "column",
    "table",
    "table_row",
    "synced_block",
    "link_to_page",
    "template",
    "meeting_notes",
    "heading_4",
    "tab",
    "child_page",
    "child_database",
    "link_preview",
    "unsupported",
    "button",
    "transcription",
)
"""Types that Notion has and the sandbox does not support, or that no request can make."""


@dataclass(frozen=True, slots=True)
class Content:
    """What stands under a block's type.

    Attributes:
        texts: The rich texts by field.
        fields: The other fields as responses carry them.
    """

    texts: dict[str, RichText] = field(default_factory=dict)
    fields: Json = field(default_factory=dict)


Read = Callable[[Any, str], Any]
Fields = dict[str, tuple[Read, Any]]
"""By name of a field: how it is read, and its value when a new block does not name it."""

_FILE_KEYS = ("external", "file_upload", "file")
_STORED_FILE_KEYS = ("type", "external", "file_upload")


def kind_of(item: Json, path: str) -> str:
    """The type of a block in a request.

    Raises:
        NotionError: validation_error for none or an unknown one, sandbox_unsupported for those that
            the sandbox does not support.
    """
    kind = item.get("type") or next((key for key in item if key in _ALL_KINDS), None)
    if kind in _UNSUPPORTED_KINDS:
        raise unsupported(f"blocks of type {kind!r}")
    if kind not in tuple(_KINDS):
        raise body_error(f"{path} should have the content of exactly one block type.")
    if not isinstance(item.get(kind), dict):
        raise missing_error(f"{path}.{kind}")
    return str(kind)


def parse_content(kind: str, body: Json, path: str, present: Content | None = None) -> Content:
    """What a block of this type holds after a request.

    A present block keeps what the body does not name.

    Raises:
        NotionError: validation_error, or sandbox_unsupported for icons and files that the sandbox
            does not support.
    """
    known = _KINDS[kind]
    file_keys = _FILE_KEYS if "external" in known else ()
    refuse_other_keys(body, ("children", "type", *file_keys, *known), path)
    if present is None:
        _check_needed(kind, body, path)
        present = Content()
    texts, fields = dict(present.texts), dict(present.fields)
    if not body.keys().isdisjoint(file_keys):
        fields = {key: fields[key] for key in fields if key not in _STORED_FILE_KEYS}
        fields |= parse_file(body, path)
    for name, (read, default) in known.items():
        if name in file_keys:
            continue
        values = texts if read is parse_rich_text else fields
        if name in body:
            values[name] = read(body[name], f"{path}.{name}")
        values.setdefault(name, default)
    return Content(texts, fields)


def _check_needed(kind: str, body: Json, path: str) -> None:
    """Refuse a new block without the field that its type needs; a file can stand in three."""
    needed = _NEEDED.get(kind)
    if needed == "external" and not body.keys().isdisjoint(_FILE_KEYS):
        return
    if needed is not None:
        require_key(body, needed, path)


def _text(limit: int) -> Read:
    return lambda value, path: require_text(value, path, limit=limit)


_RICH: Fields = {
    "rich_text": (parse_rich_text, ()),
    "color": (require_color, "default"),
}
_CAPTION: Fields = {"caption": (parse_rich_text, ())}
_LINK: Fields = {"url": (_text(_MAX_URL), ""), **_CAPTION}
_MEDIA: Fields = {"external": (parse_external, None), **_CAPTION}
_HEADING: Fields = {**_RICH, "is_toggleable": (require_boolean, False)}
_KINDS: dict[str, Fields] = {
    "paragraph": {**_RICH, "icon": (parse_icon, None)},
    **dict.fromkeys(("heading_1", "heading_2", "heading_3"), _HEADING),
    **dict.fromkeys(("bulleted_list_item", "numbered_list_item", "toggle", "quote"), _RICH),
    "to_do": {**_RICH, "checked": (require_boolean, False)},
    "callout": {**_RICH, "icon": (parse_icon, None)},
    "code": {
        "rich_text": (parse_rich_text, ()),
        **_CAPTION,
        "language": (_text(_MAX_SHORT_TEXT), "plain text"),
    },
    "equation": {"expression": (_text(MAX_EQUATION), "")},
    "divider": {},
    "breadcrumb": {},
    "table_of_contents": {"color": (require_color, "default")},
    **dict.fromkeys(("bookmark", "embed"), _LINK),
    **dict.fromkeys(("image", "video", "pdf", "audio"), _MEDIA),
    "file": {**_MEDIA, "name": (_text(_MAX_SHORT_TEXT), "")},
}
"""By type of a block: its fields."""
_ALL_KINDS = (*_KINDS, *_UNSUPPORTED_KINDS)
_NEEDED = {
    **{kind: "rich_text" for kind, fields in _KINDS.items() if "rich_text" in fields},
    **{kind: "external" for kind, fields in _KINDS.items() if "external" in fields},
    **dict.fromkeys(("bookmark", "embed"), "url"),
    "equation": "expression",
}
_LEAVES = ("code", "equation", "divider", "breadcrumb", "table_of_contents", "bookmark", "embed")
NO_CHILDREN = (*_LEAVES, "image", "video", "pdf", "audio", "file")
"""Types of blocks that hold no others."""
