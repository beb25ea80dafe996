"""What the page of a piece shows, and how lists of files and relations are written.

Notion replaces a list as a whole, so what people put into it is sent back with ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from models.production.steps import PieceKind
from models.rules.board_schema import Board
from models.rules.codec.write import write_properties
from models.sync.pieces.source import (
    BACK,
    DONE,
    FAILED,
    IN_WORK,
    MARKER,
    REPLACED,
    kind_label,
)
from models.tables.production.piece_pages import DuePiece

RELATED_MAX: Final = 100
"""Pages in one relation of a request (Notion: request limits)."""
_STATUS: Final = {"done": DONE, "failed": FAILED}
ONCE: Final = ("Name", MARKER, BACK)
"""Properties that are written with the page and never again: people may change them."""


def page_values(piece: DuePiece, note: str) -> dict[str, Any]:
    """What a piece's page shows, by our names of its properties; the file comes beside it."""
    status = _STATUS.get(piece.state, IN_WORK)
    return {
        "Name": _name(piece),
        MARKER: str(piece.id),
        "Kind": kind_label(PieceKind(piece.kind)),
        "Scene": float(piece.position) if piece.position else None,
        "Round": float(piece.round),
        "Status": REPLACED if piece.is_replaced else status,
        "Cost": float(piece.cost) if piece.cost is not None else None,
        "Link": piece.url,
        "Note": note,
        BACK: [piece.card_id],
    }


def _name(piece: DuePiece) -> str:
    """The piece's title, else its kind and scene; a later round is named."""
    scene = f" {piece.position}" if piece.position else ""
    name = piece.title or f"{piece.video} · {piece.kind}{scene}"
    return f"{name} · round {piece.round}" if piece.round > 1 else name


def changed_values(values: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a page does not show yet, of those that may be written again."""
    return {
        name: value
        for name, value in values.items()
        if name not in ONCE and written.get(name) != value
    }


def page_body(values: Mapping[str, Any], table: Board) -> dict[str, Any]:
    """The `properties` of a request, as far as the database has the properties and options."""
    return write_properties(values_shown(values, table), table)


def values_shown(values: Mapping[str, Any], table: Board) -> dict[str, Any]:
    """Those of the values that the database has a property and an option for."""
    return {name: value for name, value in values.items() if _is_written(name, value, table)}


def _is_written(name: str, value: Any, table: Board) -> bool:
    if not table.shows(name):
        return False
    prop = table.properties[name]
    return prop.type != "select" or value in prop.options


def uploaded(upload_id: str, name: str) -> dict[str, Any]:
    """An item of a files property: something that was uploaded."""
    return {"type": "file_upload", "name": name, "file_upload": {"id": upload_id}}


def with_files(
    present: Iterable[Mapping[str, Any]], ours: Collection[str], new: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The value of a files property: the new files, then what people put there.

    Args:
        present: the items that the property shows now.
        ours: names of the files that Showrunner put there before.
        new: items that take their place.
    """
    kept = [_sent_back(item) for item in present if item.get("name") not in ours]
    return {"files": [*new, *kept]}


def _sent_back(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as a request takes it: a file of Notion's own stays when its URL is sent back."""
    kind = str(item["type"])
    return {"type": kind, "name": item.get("name") or "file", kind: item[kind]}


def with_related(present: Sequence[str], ours: Sequence[str]) -> list[str] | None:
    """The ids of a relation with ours added; None if it holds them already or is full.

    Args:
        present: all ids that the relation has now, people's among them.
        ours: ids of pieces, the newest first. The oldest are left out beyond `RELATED_MAX`.
    """
    free = RELATED_MAX - len(present)
    new = [page for page in ours if page not in present][: max(free, 0)]
    return [*present, *reversed(new)] if new else None
