"""How the databases of the pieces differ from what they should be."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from models.board import drift_table as table
from models.board.drift_kinds import Drift, listed
from models.board.snapshot import BoardSnapshot, Json, RelatedSource
from models.sync.pieces.source import FILE, PieceSource


def piece_drift(snapshot: BoardSnapshot) -> Iterator[Drift]:
    """Databases that are not seen, and properties and galleries that they lack."""
    for name, found in snapshot.related.items():
        source = snapshot.piece_source(name)
        if source is None:
            yield table.PIECES_NOT_SEEN.drift(name)
            continue
        if source.missing:
            yield table.PIECE_PROPERTIES_MISSING.drift(name, missing=listed(source.missing))
        for called, kind in source.misfits.items():
            yield table.PIECE_PROPERTY_MISFIT.drift(name, called=called, type=kind)
        if not _has_gallery(found, source) and FILE not in source.misfits:
            yield table.GALLERY_MISSING.drift(name)


def _has_gallery(found: RelatedSource, source: PieceSource) -> bool:
    """Whether a view shows the files as pictures, whoever made it."""
    file = source.table.properties.get(FILE)
    if file is None:
        return False
    return any(unquote(_cover(view)) == unquote(file.id) for view in found.views)


def _cover(view: Json) -> str:
    cover = (view.get("configuration") or {}).get("cover") or {}
    return str(cover.get("property_id", ""))
