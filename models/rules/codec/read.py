"""Convert Notion's page JSON to Python values.

Reading is tolerant: unknown types and fields are ignored, a missing property is empty. Source of
the shapes: Notion's property-values and rich-text pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Self

from models.rules.board_schema import EXPECTED_TYPES, NEEDED, Board
from models.rules.channels import channel_named

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
