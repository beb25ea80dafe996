"""What blocks hold, by type, as requests write it.

Source: Notion's "Block object", "Append block children".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from notion_sandbox.content.icons import parse_icon
from notion_sandbox.errors import body_error, missing_error, shape_error, unsupported
from notion_sandbox.values.files import parse_external, parse_file
from notion_sandbox.values.rich_text import (
    MAX_EQUATION,
    TEXT_COLORS,
    RichText,
    check_length,
    parse_rich_text,
)
from notion_sandbox.values.types import Json

_MAX_URL = 2000
_ELSEWHERE = (
    *(
        "column_list",
        "column",
        "table",
        "table_row",
        "synced_block",
        "link_to_page",
        "template",
        "meeting_notes",
    ),
    *(
        "heading_4",
        "tab",
        "child_page",
        "child_database",
        "link_preview",
        "unsupported",
        "button",
        "transcription",
    ),
)
"""Types that Notion has and the sandbox has not, or that no request can make."""


@dataclass(frozen=True, slots=True)
class Content:
    """What stands under a block's type.

    The rich texts by field, and the rest as responses carry it.
    """

    texts: dict[str, RichText]
    fields: Json


Read = Callable[[Any, str], Any]
_MEDIA_KEYS = ("type", "external", "file_upload")


def kind_of(item: Json, path: str) -> str:
    """The type of a block in a request.

    Raises:
        NotionError: validation_error for none or an unknown one, sandbox_unsupported for those it
            has not.
    """
    kind = item.get("type") or next(
        (key for key in item if key in _KINDS or key in _ELSEWHERE), None
    )
    if kind in _ELSEWHERE:
        raise unsupported(f"blocks of type {kind!r}")
    if kind not in _KINDS:
        raise body_error(f"{path} should have the content of exactly one block type.")
    if not isinstance(item.get(kind), dict):
        raise missing_error(f"{path}.{kind}")
    return str(kind)


def parse_content(kind: str, body: Json, path: str, present: Content | None = None) -> Content:
    """What a block of this type holds after a request.

    A present block keeps what the body does not name.

    Raises:
        NotionError: validation_error, or sandbox_unsupported for icons and files it has not.
    """
    known, needed = _KINDS[kind], _NEEDED.get(kind)
    for name in body:
        if name not in ("children", "type") and name not in known and name not in _refers(known):
            raise body_error(f"{path}.{name} should be not present.")
    given = body.keys() & {needed, *_refers(known)}
    if present is None and needed is not None and not given:
        raise missing_error(f"{path}.{needed}")
    texts = {} if present is None else dict(present.texts)
    fields = {} if present is None else dict(present.fields)
    for name, (read, default) in known.items():
        if read is parse_rich_text:
            texts[name] = (
                parse_rich_text(body[name], f"{path}.{name}")
                if name in body
                else texts.get(name, ())
            )
        elif name == "external" and body.keys() & {"external", *_refers(known)}:
            fields = {key: fields[key] for key in fields if key not in _MEDIA_KEYS}
            fields |= parse_file(body, path)
        elif name in body:
            fields[name] = read(body[name], f"{path}.{name}")
        elif name not in fields and name != "external":
            fields[name] = default
    return Content(texts, fields)


def _refers(known: dict[str, tuple[Read, Any]]) -> tuple[str, ...]:
    """The keys that stand in for `external` where a block shows a file."""
    return ("file_upload", "file") if "external" in known else ()


def _color(value: Any, path: str) -> str:
    if value not in TEXT_COLORS:
        raise shape_error(path, "one of Notion's colors", value)
    return str(value)


def _boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise shape_error(path, "a boolean", value)
    return value


def _text(limit: int) -> Read:
    def read(value: Any, path: str) -> str:
        if not isinstance(value, str):
            raise shape_error(path, "a string", value)
        check_length(value, limit, path)
        return value

    return read


_RICH: dict[str, tuple[Read, Any]] = {
    "rich_text": (parse_rich_text, ()),
    "color": (_color, "default"),
}
_CAPTION: dict[str, tuple[Read, Any]] = {"caption": (parse_rich_text, ())}
_LINK: dict[str, tuple[Read, Any]] = {"url": (_text(_MAX_URL), ""), **_CAPTION}
_MEDIA: dict[str, tuple[Read, Any]] = {"external": (parse_external, None), **_CAPTION}
_HEADING: dict[str, tuple[Read, Any]] = {**_RICH, "is_toggleable": (_boolean, False)}
_KINDS: dict[str, dict[str, tuple[Read, Any]]] = {
    "paragraph": {**_RICH, "icon": (parse_icon, None)},
    **dict.fromkeys(("heading_1", "heading_2", "heading_3"), _HEADING),
    **dict.fromkeys(("bulleted_list_item", "numbered_list_item", "toggle", "quote"), _RICH),
    "to_do": {**_RICH, "checked": (_boolean, False)},
    "callout": {**_RICH, "icon": (parse_icon, None)},
    "code": {
        "rich_text": (parse_rich_text, ()),
        **_CAPTION,
        "language": (_text(100), "plain text"),
    },
    "equation": {"expression": (_text(MAX_EQUATION), "")},
    "divider": {},
    "breadcrumb": {},
    "table_of_contents": {"color": (_color, "default")},
    **dict.fromkeys(("bookmark", "embed"), _LINK),
    **dict.fromkeys(("image", "video", "pdf", "audio"), _MEDIA),
    "file": {**_MEDIA, "name": (_text(100), "")},
}
"""By type: each field, how it is read, and what it is when a new block does not name it."""
_NEEDED = {
    **{kind: "rich_text" for kind, fields in _KINDS.items() if "rich_text" in fields},
    **{kind: "external" for kind, fields in _KINDS.items() if "external" in fields},
    **dict.fromkeys(("bookmark", "embed"), "url"),
    "equation": "expression",
}
_LEAVES = ("code", "equation", "divider", "breadcrumb", "table_of_contents", "bookmark", "embed")
NO_CHILDREN = (*_LEAVES, "image", "video", "pdf", "audio", "file")
"""Types of blocks that hold no others."""
