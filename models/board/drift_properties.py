"""How a board's properties differ from what they should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from models.board.drift_kinds import REPAIR, Drift, Part, RepairAction, Severity, listed
from models.board.snapshot import BoardSnapshot, Json
from models.board.spec import NAMES
from models.rules.board_schema import EXPECTED_TYPES, NEEDED, OPTIONAL_RELATIONS

_MISSED: Final[Mapping[str, tuple[str, Severity, str]]] = {
    "Story Direction": (
        "property-missing",
        Severity.LOSES,
        "Story directions cannot be written or followed.",
    ),
    "Priority": (
        "property-missing",
        Severity.LOSES,
        "Every video counts as Normal; the pipeline's priority is not shown.",
    ),
    "Attention": (
        "property-missing",
        Severity.LOSES,
        "Editors are not told why a card is not followed or was put back.",
    ),
    "Created": (
        "property-missing",
        Severity.COSMETIC,
        "The card does not show when it was first seen.",
    ),
    "Updated": (
        "property-missing",
        Severity.COSMETIC,
        "The card does not show when its status last changed.",
    ),
    "Time in Status": (
        "formula-missing",
        Severity.COSMETIC,
        "The card does not show how long its status has lasted.",
    ),
    **dict.fromkeys(
        OPTIONAL_RELATIONS,
        (
            "relation-missing",
            Severity.COSMETIC,
            "The files of a video cannot be linked to its card.",
        ),
    ),
}
"""By property: kind, severity, and what its absence breaks."""

_TYPES: Final[Mapping[str, frozenset[str]]] = {
    **EXPECTED_TYPES,
    "Time in Status": frozenset({"formula"}),
}


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
            yield _twins(name, found) if _is_twin(snapshot, name) else _renamed(name, found)
    if snapshot.notes:
        yield _notes(snapshot)


def _missing(name: str, snapshot: BoardSnapshot) -> Drift:
    # A formula holds no values of its own.
    known = name in snapshot.known_ids.properties and name != "Time in Status"
    restore = (
        "if it held values, restore it first (••• → Properties → Deleted properties); "
        if known
        else ""
    )
    if name in NEEDED:
        names = listed(sorted(prop["name"] for prop in snapshot.schema.values()))
        return Drift(
            slug="needed-property-missing",
            severity=Severity.STOPS,
            part=Part.PROPERTY,
            about=name,
            wrong=f"The board has no property “{name}”; it has {names}.",
            breaks="No card can be judged without it: nothing is synced.",
            cure=f"Rename the right one to “{name}”; {restore}or {REPAIR} adds an empty one.",
            mend=RepairAction.ADD,
        )
    slug, severity, breaks = _MISSED[name]
    cure = f"{restore}{REPAIR} adds it."
    return Drift(
        slug=slug,
        severity=severity,
        part=Part.PROPERTY,
        about=name,
        wrong=f"The board has no {_kind(name)} “{name}”.",
        breaks=breaks,
        cure=cure[0].upper() + cure[1:],
        mend=RepairAction.ADD,
    )


def _kind(name: str) -> str:
    return (
        "relation"
        if name in OPTIONAL_RELATIONS
        else "formula"
        if name == "Time in Status"
        else "property"
    )


def _wrong_type(name: str, found: Json) -> Drift:
    kinds = " or ".join(sorted(_TYPES[name]))
    lenient = name in OPTIONAL_RELATIONS or name == "Time in Status"
    return Drift(
        slug="wrong-type",
        severity=Severity.COSMETIC if lenient else Severity.STOPS,
        part=Part.PROPERTY,
        about=name,
        wrong=f"“{found['name']}” is of type {found['type']}, not {kinds}.",
        breaks=_MISSED[name][2]
        if lenient
        else "The board cannot be read or written as it is: nothing is synced.",
        cure=(
            f"If it is yours, rename it, and {REPAIR} adds ours beside it."
            if lenient
            else f"In Notion, click “{found['name']}” → Edit property → Type → {kinds}."
        ),
    )


def _is_twin(snapshot: BoardSnapshot, name: str) -> bool:
    return name != "Title" and snapshot.named(name) is not None


def _twins(name: str, found: Json) -> Drift:
    return Drift(
        slug="two-of-a-name",
        severity=Severity.LOSES,
        part=Part.PROPERTY,
        about=name,
        wrong=f"“{found['name']}” is the {name} that Showrunner knows, and there is another one called “{name}”.",
        breaks=f"What people write into the other “{name}” is not followed.",
        cure=f"Keep one: delete or rename the new “{name}”, or move its values into “{found['name']}” first.",
    )


def _renamed(name: str, found: Json) -> Drift:
    return Drift(
        slug="property-renamed",
        severity=Severity.NOTE,
        part=Part.PROPERTY,
        about=name,
        wrong=f"{name} is called “{found['name']}” on this board.",
        breaks="Nothing: it is known by its id and goes on working.",
        cure="Nothing to do.",
    )


def _notes(snapshot: BoardSnapshot) -> Drift:
    found = snapshot.property("Attention") or {}
    cards = "1 card" if snapshot.notes == 1 else f"{snapshot.notes:,} cards"
    return Drift(
        slug="attention-holds-notes",
        severity=Severity.LOSES,
        part=Part.PROPERTY,
        about="Attention",
        wrong=f"“{found.get('name', 'Attention')}” holds text on {cards} that Showrunner did not write.",
        breaks=(
            "It stays until Showrunner has something to say on that card, and is replaced then; the card's history "
            "keeps the text (`showrunner card show`)."
        ),
        cure=(
            f"If the column is people's: before the first cycle rename it, e.g. to “Notes”, and {REPAIR} adds ours. "
            "Later it is known by its id: copy the texts into a column of another name. Otherwise nothing to do."
        ),
    )
