"""Convert Notion's page JSON to Python values and back.

Reading is tolerant: unknown types and fields are ignored, a missing property is empty. Writing is
strict and follows the type that the board's property really has. Source of the shapes: Notion's
property-values and rich-text pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final, Self

from models.rules.board_schema import EXPECTED_TYPES, NEEDED, Board, Property
from models.rules.channels import channel_named

TEXT_PIECE_MAX: Final = 2000
"""UTF-16 units in one `text.content` (Notion: request limits)."""
TEXT_PIECES_MAX: Final = 100
"""Rich-text objects in one property (Notion: request limits)."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class BoardCard:
    """A page of the board as read once: values in Python's types, not validated.

    Attributes:
        status: the option's name on the board, which may be none of the 26; None if empty.
        created: the board's Created, whole minutes, UTC; None if empty or missing.
        created_time: when the page was created in Notion; whole minutes, UTC.
        edited_at: Notion's `last_edited_time`; whole minutes, UTC.
        edited_by: Notion user id of the last editor; None if Notion does not say.
        relations: page ids by property name, as far as read.
        cut: names of the relations whose list Notion truncated (`has_more`).
        computed: names of the properties that Notion computes or the page lacks: nobody can write
            them.
        created_by: Notion user id of who created the page; None if Notion does not say.
        away: whether the page lies elsewhere than on the board; then it counts as trashed, and all
            values are empty.
        progress, cost, video: the board's properties of that name; None if empty or missing.
    """

    page_id: str
    title: str
    channel: str | None
    topic: str
    story_direction: str
    status: str | None
    priority: str | None
    created: datetime | None
    updated: datetime | None
    attention: str
    created_time: datetime
    edited_at: datetime
    edited_by: str | None
    in_trash: bool
    relations: Mapping[str, tuple[str, ...]]
    cut: frozenset[str] = frozenset()
    computed: frozenset[str] = frozenset()
    created_by: str | None = None
    away: bool = False
    progress: float | None = None
    cost: float | None = None
    video: str | None = None

    def in_channels(self, configured: Iterable[str]) -> Self:
        """The card with its channel spelled as configured, if both names are the same for users."""
        channel = channel_named(self.channel, configured)
        if channel is None:
            return self
        return replace(self, channel=channel)


def read_card(page: Mapping[str, Any], board: Board) -> BoardCard:
    """Decode a page object; properties are found by the board's ids, so renaming changes nothing.

    Raises:
        ValueError: when this is no page object (no id, parent, properties or times), or lacks a
            property that the board has.
    """
    try:
        by_id = {p["id"]: p for p in page["properties"].values()}
        page_id, created_time, edited = page["id"], page["created_time"], page["last_edited_time"]
        on_board = page["parent"].get("data_source_id") == board.data_source_id
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is not a page object of Notion's: {error!r} is missing") from error
    if not on_board:
        return _away(page)

    def value(name: str) -> Any:
        known = board.properties.get(name)
        if known is None or (known.id not in by_id and name not in NEEDED):
            return None
        # A property of another type is not empty. It cannot be read, and must not count as cleared
        # by a user.
        if known.id not in by_id or by_id[known.id].get("type") not in EXPECTED_TYPES[name]:
            raise ValueError(
                f"the page shows no {name} as the board had it: the board's properties changed"
            )
        return read_value(by_id[known.id])

    relations = {
        n: by_id[p.id]
        for n, p in board.properties.items()
        if p.type == "relation" and p.id in by_id
    }
    return BoardCard(
        page_id=page_id,
        title=value("Title") or "",
        channel=value("Channel"),
        topic=value("Topic") or "",
        story_direction=value("Story Direction") or "",
        status=value("Status"),
        priority=value("Priority"),
        created=value("Created"),
        updated=value("Updated"),
        attention=value("Attention") or "",
        created_time=to_minute(parse_time(created_time)),
        edited_at=to_minute(parse_time(edited)),
        edited_by=(page.get("last_edited_by") or {}).get("id"),
        in_trash=bool(page.get("in_trash") or page.get("archived")),
        relations={n: read_value(p) for n, p in relations.items()},
        cut=frozenset(n for n, p in relations.items() if p.get("has_more")),
        computed=frozenset(
            n for n in EXPECTED_TYPES if not board.shows(n) or board.properties[n].id not in by_id
        ),
        created_by=(page.get("created_by") or {}).get("id"),
        progress=value("Progress"),
        cost=value("Cost"),
        video=value("Video"),
    )


def is_on_board(page: Mapping[str, Any], board: Board) -> bool:
    """Whether a page is a row of the board; a page with another parent, or none, is not."""
    parent: Any = page.get("parent")
    return isinstance(parent, Mapping) and parent.get("data_source_id") == board.data_source_id


def _away(page: Mapping[str, Any]) -> BoardCard:
    """The card of a page that lies elsewhere: its properties are not the board's."""
    return BoardCard(
        page_id=page["id"],
        title="",
        channel=None,
        topic="",
        story_direction="",
        status=None,
        priority=None,
        created=None,
        updated=None,
        attention="",
        created_time=to_minute(parse_time(page["created_time"])),
        edited_at=to_minute(parse_time(page["last_edited_time"])),
        edited_by=(page.get("last_edited_by") or {}).get("id"),
        in_trash=True,
        relations={},
        away=True,
    )


def read_value(prop: Mapping[str, Any]) -> Any:
    """The value of one property object (str, datetime, float, bool, page ids); None if empty."""
    kind = prop.get("type", "")
    raw = prop.get(kind)
    if raw is None:
        return None
    match kind:
        case "title" | "rich_text":
            return plain_text(raw)
        case "select" | "status":
            return storable(raw["name"])
        case "date":
            return _date(raw["start"])
        case "created_time" | "last_edited_time":
            return to_minute(parse_time(raw))
        case "formula" | "rollup":
            return read_value(raw)
        case "relation":
            return tuple(item["id"] for item in raw)
        case "string" | "url":
            return storable(raw)
        case _:
            return float(raw) if kind == "number" else raw


def plain_text(parts: Sequence[Mapping[str, Any]]) -> str:
    """The text of a rich-text array: text, mentions and equations, by Notion's own `plain_text`."""
    return storable("".join(_part_text(part) for part in parts))


def _part_text(part: Mapping[str, Any]) -> str:
    if isinstance(part.get("plain_text"), str):
        return str(part["plain_text"])
    match part.get("type"):
        case "equation":
            return str(part["equation"]["expression"])
        case "text":
            return str(part["text"]["content"])
        case _:
            return ""


def storable(text: str) -> str:
    """Text that PostgreSQL can store: U+FFFD stands for U+0000 and for lone surrogates."""
    return _UNSTORABLE.sub("\ufffd", text)


def parse_time(text: str) -> datetime:
    """An aware UTC datetime from Notion's ISO date or date-time; a bare date is midnight UTC."""
    if len(text) == len("2026-11-23"):
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _date(start: str) -> datetime | None:
    """The moment of a date property; None for a day outside years 1 to 9999."""
    try:
        return to_minute(parse_time(start))
    except (ValueError, OverflowError):
        return None


def to_minute(moment: datetime) -> datetime:
    """The moment without seconds: the precision of Notion's edit times and of dates on cards."""
    return moment.replace(second=0, microsecond=0)


def write_properties(values: Mapping[str, Any], board: Board) -> dict[str, Any]:
    """Encode values as the `properties` of a page request, keyed by property id.

    Raises:
        ValueError: for a property that the board lacks or computes, for an option that it does not
            have (writing it would create one), or for a text of more than 200,000 units.
    """
    return dict(_write(name, value, board) for name, value in values.items())


def _write(name: str, value: Any, board: Board) -> tuple[str, Any]:
    known = board.properties.get(name)
    if known is None or not known.writable:
        raise ValueError(f"the board's {name} cannot be written")
    return known.id, {known.type: _write_value(known, value)}


def _write_value(known: Property, value: Any) -> Any:
    match known.type:
        case "title" | "rich_text":
            return rich_text(value or "")
        case "select" | "status":
            if value is not None and value not in known.options:
                raise ValueError(
                    f"the board's {known.name} has no option “{value}”: "
                    "add it (writing it would make one)"
                )
            return None if value is None else _option(known, value)
        case "date":
            if value is None:
                return None
            return {"start": to_minute(value).isoformat(), "end": None, "time_zone": None}
        case "relation":
            return [{"id": page_id} for page_id in value]
        case "number" | "url":
            return value
        case _:
            raise ValueError(f"properties of type {known.type} are never written")


def _option(known: Property, value: str) -> dict[str, str]:
    """An option by its id: if it was just deleted, its name would create it again."""
    if len(known.option_ids) != len(known.options):
        return {"name": value}
    return {"id": known.option_ids[known.options.index(value)]}


def rich_text(text: str) -> list[dict[str, Any]]:
    """A rich-text array of that text, in pieces of at most 2,000 UTF-16 units.

    No piece splits a character.

    Raises:
        ValueError: when the text needs more than 100 pieces.
    """
    pieces = list(_pieces(storable(text)))
    if len(pieces) > TEXT_PIECES_MAX:
        raise ValueError(
            f"the text is longer than Notion takes ({TEXT_PIECES_MAX} pieces of {TEXT_PIECE_MAX})"
        )
    return [{"type": "text", "text": {"content": piece}} for piece in pieces]


def _pieces(text: str) -> Iterator[str]:
    start = units = 0
    for index, char in enumerate(text):
        width = 2 if ord(char) > 0xFFFF else 1  # noqa: PLR2004 - the last character of one UTF-16 unit
        if units + width > TEXT_PIECE_MAX:
            yield text[start:index]
            start, units = index, 0
        units += width
    if units:
        yield text[start:]
