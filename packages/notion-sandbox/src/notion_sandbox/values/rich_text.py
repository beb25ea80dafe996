"""Rich text: Notion's list of text, mention and equation parts (Notion: "Rich text")."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from notion_sandbox.errors import missing_error, shape_error, unsupported
from notion_sandbox.values.checks import (
    check_length,
    first_key,
    get_field,
    require_boolean,
    require_items,
    require_key,
    require_object,
    require_text,
    require_value,
)
from notion_sandbox.values.dates import DateValue, parse_date
from notion_sandbox.values.ids import parse_uuid
from notion_sandbox.values.types import Json

MARKS = ("bold", "italic", "strikethrough", "underline", "code")
OPTION_COLORS = (
    "default",
    "gray",
    "brown",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "red",
)
TEXT_COLORS = (*OPTION_COLORS, *(f"{color}_background" for color in OPTION_COLORS))
MAX_TEXT = 2000
MAX_LINK = 2000
MAX_EQUATION = 1000
MAX_PARTS = 100
_PART_KINDS = ("text", "mention", "equation")
_MENTIONED_OBJECTS = ("user", "page", "database")

Describe = Callable[[str, str], Mapping[str, Any] | None]
"""Looks up what a mention points at.

(kind, id) -> {"name": str, "object": dict for the response}, None if unknown.
"""


@dataclass(frozen=True, slots=True)
class TextPart:
    """One item of rich text.

    Attributes:
        kind: `text`, `mention` or `equation`.
        content: The text, the equation's expression, or the id of the mentioned object.
        link: The URL behind a text.
        marks: Which of bold, italic, strikethrough, underline, code are on.
        color: One of Notion's text colours.
        target: For a mention: user, page, database or date.
        date: For a mention of a date.
    """

    kind: str
    content: str
    link: str | None = None
    marks: tuple[str, ...] = ()
    color: str = "default"
    target: str | None = None
    date: DateValue | None = None


RichText = tuple[TextPart, ...]


def parse_rich_text(value: Any, path: str) -> RichText:
    """Read the rich text of a request body.

    Args:
        value: The JSON at `path`.
        path: Where it stands, such as `body.properties.Topic.rich_text`.

    Raises:
        NotionError: validation_error for a wrong shape or size, sandbox_unsupported for mentions it
            does not have.
    """
    parts = [_parse_part(item, where) for where, item in require_items(value, path, MAX_PARTS)]
    return merged(part for part in parts if part.kind != "text" or part.content)


def merged(parts: Iterable[TextPart]) -> RichText:
    """Join adjacent texts of equal style and link, as in recorded answers.

    Limits hold for the parts of a request, so a merged text may be longer than 2,000 characters.
    """
    result: list[TextPart] = []
    for part in parts:
        if result and _continues(part, result[-1]):
            result[-1] = replace(part, content=result[-1].content + part.content)
        else:
            result.append(part)
    return tuple(result)


def _continues(part: TextPart, before: TextPart) -> bool:
    """Whether both are texts that differ in nothing but their content."""
    return part.kind == "text" and part == replace(before, content=part.content)


def _parse_part(value: Any, path: str) -> TextPart:
    item = require_object(value, path)
    kind = item.get("type") or first_key(item, _PART_KINDS)
    if kind not in _PART_KINDS:
        raise missing_error(f"{path}.text")
    content = require_object(require_value(item, kind, path), f"{path}.{kind}")
    marks, color = _parse_annotations(item.get("annotations"), f"{path}.annotations")
    part = _PART_PARSERS[kind](content, f"{path}.{kind}")
    return replace(part, marks=marks, color=color)


def _parse_text(content: Json, path: str) -> TextPart:
    text = require_text(require_key(content, "content", path), f"{path}.content", limit=MAX_TEXT)
    return TextPart("text", text, _parse_link(content.get("link"), f"{path}.link"))


def _parse_equation(content: Json, path: str) -> TextPart:
    expression = require_key(content, "expression", path)
    return TextPart("equation", require_text(expression, f"{path}.expression", limit=MAX_EQUATION))


def _parse_link(link: Any, path: str) -> str | None:
    if link is None:
        return None
    url = get_field(link, "url")
    if not isinstance(url, str):
        raise shape_error(path, 'an object with a string "url" or `null`', link)
    check_length(url, MAX_LINK, f"{path}.url")
    return url


def _parse_annotations(value: Any, path: str) -> tuple[tuple[str, ...], str]:
    if value is None:
        return (), "default"
    annotations = require_object(value, path)
    for mark in MARKS:
        require_boolean(annotations.get(mark, False), f"{path}.{mark}")
    color = require_color(annotations.get("color", "default"), f"{path}.color")
    return tuple(mark for mark in MARKS if annotations.get(mark)), color


def require_color(value: Any, path: str) -> str:
    """The value as one of Notion's text colours.

    Raises:
        NotionError: validation_error.
    """
    if value not in TEXT_COLORS:
        raise shape_error(path, "one of Notion's colors", value)
    return str(value)


def _parse_mention(content: Json, path: str) -> TextPart:
    target = content.get("type") or first_key(content, (*_MENTIONED_OBJECTS, "date"))
    if target == "date":
        date = parse_date(content.get("date"), f"{path}.date")
        if date is None:
            raise missing_error(f"{path}.date.start")
        return TextPart("mention", "", target="date", date=date)
    if target not in _MENTIONED_OBJECTS:
        raise unsupported(f"mentions of type {target!r}")
    reference = content.get(target)
    object_id = parse_uuid(get_field(reference, "id"))
    if object_id is None:
        raise shape_error(f"{path}.{target}.id", "a valid uuid", reference)
    return TextPart("mention", object_id, target=target)


_PART_PARSERS: dict[str, Callable[[Json, str], TextPart]] = {
    "text": _parse_text,
    "mention": _parse_mention,
    "equation": _parse_equation,
}


def plain_text(parts: Sequence[TextPart], describe: Describe) -> str:
    """The text that a reader sees, mentions and equations included."""
    return "".join(_plain(part, describe) for part in parts)


def _plain(part: TextPart, describe: Describe) -> str:
    if part.kind != "mention":
        return part.content
    if part.date is not None:
        return part.date.plain_text()
    name = str(_mentioned(part, describe)["name"])
    return f"@{name}" if part.target == "user" else name


def _mentioned(part: TextPart, describe: Describe) -> Mapping[str, Any]:
    unknown = {"name": "Untitled", "object": {"id": part.content}}
    return describe(part.target or "", part.content) or unknown


def render_rich_text(parts: Sequence[TextPart], describe: Describe) -> list[dict[str, Any]]:
    """Rich text as responses carry it."""
    return [render_part(part, describe) for part in parts]


def render_part(part: TextPart, describe: Describe) -> dict[str, Any]:
    """One item as responses carry it: type, content, annotations, plain_text, href."""
    return {
        "type": part.kind,
        part.kind: _content(part, describe),
        "annotations": {**{mark: mark in part.marks for mark in MARKS}, "color": part.color},
        "plain_text": _plain(part, describe),
        "href": _href(part),
    }


def _content(part: TextPart, describe: Describe) -> dict[str, Any]:
    if part.kind == "text":
        link = None if part.link is None else {"url": part.link}
        return {"content": part.content, "link": link}
    if part.kind == "equation":
        return {"expression": part.content}
    if part.date is not None:
        return {"type": "date", "date": part.date.render()}
    return {"type": part.target, part.target or "": _mentioned(part, describe)["object"]}


def _href(part: TextPart) -> str | None:
    if part.kind == "mention" and part.target in ("page", "database"):
        return f"https://app.notion.com/p/{part.content.replace('-', '')}"
    return part.link


def dump_rich_text(parts: Sequence[TextPart]) -> list[Any]:
    """Rich text for the state file: plain text as a bare string, anything else as an object."""
    return [_dump_part(part) for part in parts]


def _dump_part(part: TextPart) -> str | dict[str, Any]:
    if part == TextPart("text", part.content):
        return part.content
    return {
        "kind": part.kind,
        "content": part.content,
        "link": part.link,
        "marks": part.marks,
        "color": part.color,
        "target": part.target,
        "date": part.date and part.date.dump(),
    }


def load_rich_text(items: Sequence[Any]) -> RichText:
    """Rich text from the state file."""
    return tuple(_load_part(item) for item in items)


def _load_part(item: str | dict[str, Any]) -> TextPart:
    if isinstance(item, str):
        return TextPart("text", item)
    date = item["date"] and DateValue.load(item["date"])
    return TextPart(**{**item, "marks": tuple(item["marks"]), "date": date})
