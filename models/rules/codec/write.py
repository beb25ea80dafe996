"""Convert Python values to Notion's page JSON.

Writing is strict and follows the type that the board's property really has. Source of the shapes:
Notion's property-values and rich-text pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from models.rules.board_schema import Board, Property
from models.rules.codec.read import storable, to_minute

TEXT_PIECE_MAX: Final = 2000
"""UTF-16 units in one `text.content` (Notion: request limits)."""
TEXT_PIECES_MAX: Final = 100
"""Rich-text objects in one property (Notion: request limits)."""


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
