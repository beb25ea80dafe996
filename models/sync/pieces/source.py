"""The databases of the pieces (Assets, Videos, Audio): their schema, and which property is which.

They are the databases that the card's relations lead to, whoever made them. People may rename
properties and add their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from models.production.steps import PieceKind
from models.rules.board_schema import OPTIONAL_RELATIONS, Board, Property
from models.rules.notion_ids import bare_id

RELATION_OF: Final[Mapping[PieceKind, str]] = {
    PieceKind.IMAGE: "Assets",
    PieceKind.COMPOSITE: "Assets",
    PieceKind.CLIP: "Videos",
    PieceKind.FILM: "Videos",
    PieceKind.PUBLISHED: "Videos",
    PieceKind.NARRATION: "Audio",
    PieceKind.SOUND: "Audio",
}
"""The card's relation that leads to a piece's page, by the kind of piece."""
MARKER: Final = "Piece"
"""The property with a piece's id: by it a page is found whose request got no answer."""
BACK: Final = "Card"
"""The relation from a piece's page to its card."""
FILE: Final = "File"
DONE, FAILED, IN_WORK, REPLACED = "Done", "Failed", "In work", "Replaced"
STATUSES: Final = {DONE: "green", IN_WORK: "blue", FAILED: "red", REPLACED: "gray"}

_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "Name": "Showrunner names the page once; rename it as you like.",
    MARKER: "Showrunner's id of the piece. Leave it as it is.",
    "Kind": "What it is.",
    "Scene": "The scene's number; empty for the whole video.",
    "Round": "How often it was begun anew.",
    "Status": "Replaced: a later round made it anew. Showrunner writes it.",
    "Cost": "What it cost, or may have, in US dollars. Showrunner writes it.",
    FILE: "The file itself. Files of your own stay beside it.",
    "Link": "Where it is on the web.",
    "Note": "What is wrong with the file, or where it is. Showrunner writes it.",
}


def piece_schema() -> dict[str, Any]:
    """The `properties` of a new database of pieces; the relation to the card comes with its own."""
    kinds = [{"name": kind_label(kind)} for kind in PieceKind]
    statuses = [{"name": name, "color": colour} for name, colour in STATUSES.items()]
    shapes: dict[str, Any] = {
        "Name": {"title": {}},
        MARKER: {"rich_text": {}},
        "Kind": {"select": {"options": kinds}},
        "Scene": {"number": {}},
        "Round": {"number": {}},
        "Status": {"select": {"options": statuses}},
        "Cost": {"number": {"format": "dollar"}},
        FILE: {"files": {}},
        "Link": {"url": {}},
        "Note": {"rich_text": {}},
    }
    return {name: {**shape, "description": _DESCRIPTIONS[name]} for name, shape in shapes.items()}


def kind_label(kind: PieceKind) -> str:
    """The option of Kind for a kind of piece."""
    return kind.value.capitalize()


@dataclass(frozen=True, kw_only=True)
class PieceSource:
    """A data source of pieces.

    Attributes:
        relation_id: id of the card's relation that leads to it.
        two_way: whether writing a page's relation to its card writes the card's relation as well.
        table: its properties by our names, as far as their types can be used.
        ids: ids of properties by our names, also of those that it lacks now.
        missing: names of the properties that it lacks.
        misfits: by our name, the type of a property that cannot be used.
    """

    relation_id: str
    two_way: bool
    table: Board
    ids: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    misfits: Mapping[str, str] = field(default_factory=dict)

    @property
    def data_source_id(self) -> str:
        """Its id."""
        return self.table.data_source_id

    @property
    def is_usable(self) -> bool:
        """Whether pages can be made in it: without their marker they could not be found again."""
        return MARKER in self.table.properties and "Name" in self.table.properties

    def as_json(self) -> dict[str, Any]:
        """A JSON value from which `from_json` makes the same again."""
        return {
            "relation_id": self.relation_id,
            "two_way": self.two_way,
            "table": self.table.as_json(),
            "ids": dict(self.ids),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The source that `as_json` wrote, without what it lacks."""
        return cls(
            relation_id=value["relation_id"],
            two_way=value["two_way"],
            table=Board.from_json(value["table"]),
            ids=value["ids"],
        )


def relations_of(board: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """The relations Assets, Videos and Audio of a board's data source, by our names.

    One that leads to the board itself is left out: pages of pieces are no cards.

    Args:
        board: the data source object of the board.
        known: ids of the board's properties by our names, which are preferred to names.
    """
    schema = {prop["id"]: prop for prop in board["properties"].values()}
    by_name = {prop["name"]: prop for prop in schema.values()}
    named = {
        name: schema.get(known.get(name, "")) or by_name.get(name) for name in OPTIONAL_RELATIONS
    }
    relations = {name: prop for name, prop in named.items() if prop and prop["type"] == "relation"}
    return {name: prop for name, prop in relations.items() if not _leads_to(prop, str(board["id"]))}


def target_of(relation: Mapping[str, Any]) -> str:
    """The id of the data source that a relation property leads to."""
    return str(relation["relation"]["data_source_id"])


def read_source(
    raw: Mapping[str, Any], relation: Mapping[str, Any], board_id: str, ids: Mapping[str, str]
) -> PieceSource:
    """Parse a data source that a relation of the board leads to.

    Args:
        raw: its data source object.
        relation: the board's relation property.
        board_id: the board's data source.
        ids: ids of its properties by our names as known from before.
    """
    schema = {prop["id"]: prop for prop in raw["properties"].values()}
    by_name = {prop["name"]: prop for prop in schema.values()}
    types = {name: _type_of(shape) for name, shape in piece_schema().items()}
    found: dict[str, Property] = {}
    misfits: dict[str, str] = {}
    for name, wanted in types.items():
        prop = schema.get(ids.get(name, "")) or by_name.get(name)
        if wanted == "title":
            prop = next((one for one in schema.values() if one["type"] == "title"), None)
        if prop is not None and prop["type"] == wanted:
            found[name] = _property(prop)
        elif prop is not None:
            misfits[name] = prop["type"]
    back = _back(schema, relation, board_id)
    if back is not None:
        found[BACK] = _property(back)
    elif BACK in by_name:
        misfits[BACK] = by_name[BACK]["type"]
    return PieceSource(
        relation_id=relation["id"],
        two_way=_synced_id(relation) in schema,
        table=Board(data_source_id=raw["id"], properties=found),
        ids={**ids, **{name: prop.id for name, prop in found.items()}},
        missing=tuple(name for name in (*types, BACK) if name not in found | misfits),
        misfits=misfits,
    )


def _back(
    schema: Mapping[str, Any], relation: Mapping[str, Any], board_id: str
) -> Mapping[str, Any] | None:
    """The relation to the card: the other side of the card's own, else one of that name."""
    synced = schema.get(_synced_id(relation))
    if synced is not None:
        return dict(synced)
    to_board = (
        prop
        for prop in schema.values()
        if prop["type"] == "relation" and prop["name"] == BACK and _leads_to(prop, board_id)
    )
    return next(to_board, None)


def _synced_id(relation: Mapping[str, Any]) -> str:
    return str((relation["relation"].get("dual_property") or {}).get("synced_property_id", ""))


def _leads_to(prop: Mapping[str, Any], board_id: str) -> bool:
    return bare_id(target_of(prop)) == bare_id(board_id)


def _type_of(shape: Mapping[str, Any]) -> str:
    return next(kind for kind in shape if kind != "description")


def _property(raw: Mapping[str, Any]) -> Property:
    options = (raw.get(raw["type"]) or {}).get("options", ())
    return Property(
        id=raw["id"],
        name=raw["name"],
        type=raw["type"],
        options=tuple(option["name"] for option in options),
        option_ids=tuple(option["id"] for option in options),
    )
