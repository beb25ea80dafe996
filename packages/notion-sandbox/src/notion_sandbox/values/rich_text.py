"""Rich text: Notion's list of text, mention and equation parts (Notion: "Rich text")."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from notion_sandbox.errors import body_error, missing_error, shape_error, unsupported
from notion_sandbox.values.dates import DateValue, parse_date
from notion_sandbox.values.ids import parse_uuid

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


def utf16_length(text: str) -> int:
    """The length as JavaScript counts it, which is how Notion is taken to count its limits."""
    return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)  # noqa: PLR2004


def check_length(text: str, limit: int, path: str) -> None:
    """Refuse a text that is longer than Notion takes.

    Raises:
        NotionError: validation_error with the path, the limit and the length.
    """
    length = utf16_length(text)
    if length > limit:
        raise body_error(f"{path}.length should be ≤ `{limit}`, instead was `{length}`.")


def parse_rich_text(value: Any, path: str) -> RichText:
    """Read the rich text of a request body.

    Args:
        value: The JSON at `path`.
        path: Where it stands, such as `body.properties.Topic.rich_text`.

    Raises:
        NotionError: validation_error for a wrong shape or size, sandbox_unsupported for mentions it
            does not have.
    """
    if not isinstance(value, list):
        raise shape_error(path, "an array", value)
    if len(value) > MAX_PARTS:
        raise body_error(f"{path}.length should be ≤ `{MAX_PARTS}`, instead was `{len(value)}`.")
    parts = (_parse_part(item, f"{path}[{index}]") for index, item in enumerate(value))
    return merged(part for part in parts if part.kind != "text" or part.content)


def merged(parts: Iterable[TextPart]) -> RichText:
    """The parts with adjacent texts of equal style and link as one, as recorded answers have them.

    Limits hold for the parts of a request, so a merged text may be longer than 2,000 characters.
    """
    result: list[TextPart] = []
    for part in parts:
        before = result[-1] if result else None
        if (
            before is not None
            and part.kind == "text"
            and part == replace(before, content=part.content)
        ):
            result[-1] = replace(before, content=before.content + part.content)
        else:
            result.append(part)
    return tuple(result)


def _parse_part(item: Any, path: str) -> TextPart:
    if not isinstance(item, dict):
        raise shape_error(path, "an object", item)
    kind = item.get("type") or next(
        (key for key in ("text", "mention", "equation") if key in item), None
    )
    if kind not in ("text", "mention", "equation"):
        raise missing_error(f"{path}.text")
    content = item.get(kind)
    if content is None:
        raise missing_error(f"{path}.{kind}")
    if not isinstance(content, dict):
        raise shape_error(f"{path}.{kind}", "an object", content)
    marks, color = _parse_annotations(item.get("annotations"), f"{path}.annotations")
    if kind == "text":
        text = _text_field(content, "content", MAX_TEXT, f"{path}.text")
        return TextPart(
            "text", text, _parse_link(content.get("link"), f"{path}.text.link"), marks, color
        )
    if kind == "equation":
        expression = _text_field(content, "expression", MAX_EQUATION, f"{path}.equation")
        return TextPart("equation", expression, None, marks, color)
    return _parse_mention(content, marks, color, f"{path}.mention")


def _text_field(content: dict[str, Any], key: str, limit: int, path: str) -> str:
    if key not in content:
        raise missing_error(f"{path}.{key}")
    text = content[key]
    if not isinstance(text, str):
        raise shape_error(f"{path}.{key}", "a string", text)
    check_length(text, limit, f"{path}.{key}")
    return text


def _parse_link(link: Any, path: str) -> str | None:
    if link is None:
        return None
    url = link.get("url") if isinstance(link, dict) else None
    if not isinstance(url, str):
        raise shape_error(path, 'an object with a string "url" or `null`', link)
    check_length(url, MAX_LINK, f"{path}.url")
    return url


def _parse_annotations(value: Any, path: str) -> tuple[tuple[str, ...], str]:
    if value is None:
        return (), "default"
    if not isinstance(value, dict):
        raise shape_error(path, "an object", value)
    for mark in MARKS:
        if not isinstance(value.get(mark, False), bool):
            raise shape_error(f"{path}.{mark}", "a boolean", value[mark])
    color = value.get("color", "default")
    if color not in TEXT_COLORS:
        raise shape_error(f"{path}.color", "one of Notion's colors", color)
    return tuple(mark for mark in MARKS if value.get(mark)), color


def _parse_mention(
    content: dict[str, Any], marks: tuple[str, ...], color: str, path: str
) -> TextPart:
    target = content.get("type") or next(
        (key for key in (*_MENTIONED_OBJECTS, "date") if key in content), None
    )
    if target == "date":
        date = parse_date(content.get("date"), f"{path}.date")
        if date is None:
            raise missing_error(f"{path}.date.start")
        return TextPart("mention", "", None, marks, color, "date", date)
    if target not in _MENTIONED_OBJECTS:
        raise unsupported(f"mentions of type {target!r}")
    reference = content.get(target)
    object_id = parse_uuid(reference.get("id")) if isinstance(reference, dict) else None
    if object_id is None:
        raise shape_error(f"{path}.{target}.id", "a valid uuid", reference)
    return TextPart("mention", object_id, None, marks, color, target)


def plain_text(parts: Sequence[TextPart], describe: Describe) -> str:
    """The text that a reader sees, mentions and equations included."""
    return "".join(_plain(part, describe) for part in parts)


def _plain(part: TextPart, describe: Describe) -> str:
    if part.kind != "mention":
        return part.content
    if part.date is not None:
        return part.date.start if part.date.end is None else f"{part.date.start} → {part.date.end}"
    found = describe(part.target or "", part.content)
    name = "Untitled" if found is None else str(found["name"])
    return f"@{name}" if part.target == "user" else name


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
        return {"content": part.content, "link": None if part.link is None else {"url": part.link}}
    if part.kind == "equation":
        return {"expression": part.content}
    if part.date is not None:
        return {"type": "date", "date": part.date.render()}
    found = describe(part.target or "", part.content)
    shown = {"id": part.content} if found is None else found["object"]
    return {"type": part.target, part.target or "": shown}


def _href(part: TextPart) -> str | None:
    if part.kind == "mention" and part.target in ("page", "database"):
        return f"https://app.notion.com/p/{part.content.replace('-', '')}"
    return part.link


def dump_rich_text(parts: Sequence[TextPart]) -> list[Any]:
    """Rich text for the state file: plain text as a bare string, anything else as an object."""
    return [
        part.content if part == TextPart("text", part.content) else _dump_part(part)
        for part in parts
    ]


def _dump_part(part: TextPart) -> dict[str, Any]:
    dumped: dict[str, Any] = {"kind": part.kind, "content": part.content, "link": part.link}
    dumped |= {"marks": part.marks, "color": part.color, "target": part.target}
    return dumped | {"date": None if part.date is None else part.date.dump()}


def load_rich_text(items: Sequence[Any]) -> RichText:
    """Rich text from the state file."""
    return tuple(
        TextPart("text", item) if isinstance(item, str) else _load_part(item) for item in items
    )


def _load_part(item: dict[str, Any]) -> TextPart:
    date = None if item["date"] is None else DateValue.load(item["date"])
    return TextPart(**{**item, "marks": tuple(item["marks"]), "date": date})
