"""How a board's properties differ from what they should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from models.board import drift_table as table
from models.board.drift_kinds import Drift, DriftKind, Severity, listed
from models.board.snapshot import BoardSnapshot, Json
from models.board.spec import NAMES
from models.rules.board_schema import (
    EXPECTED_TYPES,
    NEEDED,
    OPTIONAL_RELATIONS,
)

_FORMULA: Final = "Time in Status"
_NO_FILES: Final = "The files of a video cannot be linked to its card."

_MISSING: Final[Mapping[str, tuple[DriftKind, str]]] = {
    "Story Direction": (
        table.PROPERTY_MISSING,
        "Story directions cannot be written or followed.",
    ),
    "Priority": (
        table.PROPERTY_MISSING,
        "Every video counts as Normal; the pipeline's priority is not shown.",
    ),
    "Attention": (
        table.PROPERTY_MISSING,
        "Editors are not told why a card is not followed or was put back.",
    ),
    "Created": (table.DATE_MISSING, "The card does not show when it was first seen."),
    "Updated": (table.DATE_MISSING, "The card does not show when its status last changed."),
    _FORMULA: (table.FORMULA_MISSING, "The card does not show how long its status has lasted."),
    **dict.fromkeys(OPTIONAL_RELATIONS, (table.RELATION_MISSING, _NO_FILES)),
    "Progress": (table.DATE_MISSING, "The card does not show how much of the film is made."),
    "Cost": (table.DATE_MISSING, "The card does not show what the video has cost."),
    "Preview": (table.DATE_MISSING, "The card does not show pictures of the video."),
    "Video": (table.DATE_MISSING, "The card does not link to the film."),
}
"""By property that the sync can do without: the kind of difference, and what its absence breaks."""

_TYPES: Final[Mapping[str, frozenset[str]]] = {
    **EXPECTED_TYPES,
    _FORMULA: frozenset({"formula"}),
}
_WRONG_TYPES: Final[Mapping[Severity, DriftKind]] = {
    Severity.LOSES: table.WRONG_TYPE_OF_OPTIONAL,
    Severity.COSMETIC: table.WRONG_TYPE_OF_COSMETIC,
}
"""By how bad it is when the property is missing: a wrong type is as bad."""
_RESTORE: Final = "it held values, restore it first (••• → Properties → Deleted properties); "


def property_drift(snapshot: BoardSnapshot) -> Iterator[Drift]:
    """Properties that are missing, of the wrong type, renamed, or there twice."""
    for name in NAMES:
        found = snapshot.property(name)
        if found is None:
            yield _missing(name, snapshot)
            continue
        if found["type"] not in _TYPES[name]:
            yield _wrong_type(name, found)
        if found["name"] != name:
            twin = name != "Title" and snapshot.named(name) is not None
            kind = table.TWO_OF_A_NAME if twin else table.PROPERTY_RENAMED
            yield kind.drift(name, called=found["name"])
    if snapshot.notes:
        yield _notes(snapshot)


def _missing(name: str, snapshot: BoardSnapshot) -> Drift:
    # A formula holds no values of its own, so there is nothing to restore.
    restorable = name in snapshot.known_ids.properties and name != _FORMULA
    if name in NEEDED:
        names = listed(sorted(prop["name"] for prop in snapshot.schema.values()))
        restore = f"if {_RESTORE}" if restorable else ""
        return table.NEEDED_PROPERTY_MISSING.drift(name, names=names, restore=restore)
    kind, breaks = _MISSING[name]
    restore = f"If {_RESTORE}" if restorable else ""
    return kind.drift(name, breaks=breaks, restore=restore)


def _wrong_type(name: str, found: Json) -> Drift:
    facts = {
        "called": found["name"],
        "type": found["type"],
        "types": " or ".join(sorted(_TYPES[name])),
    }
    if name in NEEDED:
        return table.WRONG_TYPE.drift(name, **facts)
    missing, breaks = _MISSING[name]
    kind = _WRONG_TYPES[missing.severity]
    return kind.drift(name, breaks=breaks, **facts)


def _notes(snapshot: BoardSnapshot) -> Drift:
    found = snapshot.property("Attention") or {}
    cards = "1 card" if snapshot.notes == 1 else f"{snapshot.notes:,} cards"
    called = found.get("name", "Attention")
    return table.ATTENTION_HOLDS_NOTES.drift("Attention", called=called, cards=cards)
