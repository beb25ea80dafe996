"""The board's properties: which is which, and what the sync can use of them.

A board that users made works too (design: section 6). The title is found by its type, Status may be
a `select` or a `status`, Created and Updated may be Notion's own times, and optional properties may
be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from models.errors import BoardError
from models.rules.statuses import BoardStatus, Priority

_WRITABLE: Final = frozenset(
    {"title", "rich_text", "select", "status", "date", "relation", "number", "url"}
)

_COMPUTED: Final = frozenset(
    {"formula", "rollup", "created_time", "created_by", "last_edited_time", "last_edited_by"}
)

EXPECTED_TYPES: Final[Mapping[str, frozenset[str]]] = {
    "Title": frozenset({"title"}),
    "Channel": frozenset({"select"}),
    "Topic": frozenset({"rich_text"}),
    "Story Direction": frozenset({"rich_text"}),
    "Status": frozenset({"select", "status"}),
    "Priority": frozenset({"select"}),
    "Created": frozenset({"date", "created_time"}),
    "Updated": frozenset({"date", "last_edited_time"}),
    "Attention": frozenset({"rich_text"}),
    "Assets": frozenset({"relation"}),
    "Videos": frozenset({"relation"}),
    "Audio": frozenset({"relation"}),
    "Progress": frozenset({"number"}),
    "Cost": frozenset({"number"}),
    "Preview": frozenset({"files"}),
    "Video": frozenset({"url"}),
}
"""The types that each property may have. `Time in Status` is computed by Notion and never read."""

OPTIONAL_RELATIONS: Final = ("Assets", "Videos", "Audio")
PRODUCTION_FACTS: Final = ("Progress", "Cost", "Preview", "Video")
"""What production shows of a video beside its status."""
USERS_IF_OF_OTHER_TYPE: Final = (*OPTIONAL_RELATIONS, *PRODUCTION_FACTS)
"""A property of that name and another type belongs to the users and is ignored."""

NEEDED: Final = ("Title", "Channel", "Topic", "Status")
"""Without these a card cannot be validated; every other property may be missing."""


@dataclass(frozen=True, kw_only=True)
class Property:
    """One property of the board.

    Attributes:
        id: stable when users rename the property.
        name: the property's name on the board.
        option_ids: the ids of `options`, in their order.
    """

    id: str
    name: str
    type: str
    options: tuple[str, ...] = ()
    option_ids: tuple[str, ...] = ()

    @property
    def writable(self) -> bool:
        """Whether the API accepts a value for it."""
        return self.type in _WRITABLE


@dataclass(frozen=True, kw_only=True)
class Board:
    """A data source of Notion's.

    Attributes:
        properties: by our name of each property.
        computed_ids: ids of the properties that Notion computes: a change of them is no user's
            edit.
        ignored: a sentence for each property whose type cannot be used and that the sync can do
            without.
        ids: ids of properties by our name, also of those that the board lacks now. One may come
            back under another name.
    """

    data_source_id: str
    properties: Mapping[str, Property]
    computed_ids: frozenset[str] = frozenset()
    ignored: tuple[str, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)

    def shows(self, name: str) -> bool:
        """Whether the board has that property and the API lets us write it."""
        known = self.properties.get(name)
        return known is not None and known.writable

    @property
    def hides_edits(self) -> bool:
        """Whether what users chose or wrote may be out of sight, because its property is."""
        return not (self.shows("Priority") and self.shows("Story Direction"))

    def missing_options(self) -> tuple[str, ...]:
        """Statuses and priorities that the pipeline may show but the board has no option for."""
        wanted = [("Status", s.value) for s in BoardStatus] + [
            ("Priority", p.option) for p in Priority
        ]
        return tuple(
            f"{n}: {o}" for n, o in wanted if self.shows(n) and o not in self.properties[n].options
        )

    def changed_cards(self, before: Self) -> bool:
        """Whether a property was added, or a property or option was removed or replaced.

        Each changes what cards show, and none counts as an edit of them: a restored column brings
        its values back.
        """
        came = self.properties.keys() - before.properties.keys()
        return bool(came) or any(
            _was_replaced(known, self.properties.get(name))
            for name, known in before.properties.items()
        )

    def as_json(self) -> dict[str, Any]:
        """A JSON value from which `from_json` makes the same board again."""
        return {
            "data_source_id": self.data_source_id,
            "properties": {n: asdict(p) for n, p in self.properties.items()},
            "computed_ids": sorted(self.computed_ids),
            "ignored": list(self.ignored),
            "ids": dict(self.ids),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The board that `as_json` wrote."""
        lists = ("options", "option_ids")
        known = {
            n: Property(**{**p, **{name: tuple(p.get(name, ())) for name in lists}})
            for n, p in value["properties"].items()
        }
        computed = frozenset(value.get("computed_ids", ()))
        return cls(
            data_source_id=value["data_source_id"],
            properties=known,
            computed_ids=computed,
            ignored=tuple(value.get("ignored", ())),
            ids=value.get("ids") or {name: prop.id for name, prop in known.items()},
        )


def read_board(data_source: Mapping[str, Any], known: Board | None = None) -> Board:
    """Parse a data source object of Notion's; the ids of `known` are preferred to names.

    A property that is not needed and has a wrong type is left out, as if it were missing.

    Raises:
        BoardError: when it is in the trash, or a needed property is missing or of the wrong type.
            The message names each and says what to do.
    """
    if data_source.get("in_trash"):
        raise BoardError(
            "The board is in Notion's trash: restore it there. No card was marked as gone."
        )
    schema = {p["id"]: p for p in data_source["properties"].values()}
    ids = known.ids if known is not None else {}
    found = {name: _find(name, schema, ids.get(name)) for name in EXPECTED_TYPES}
    for name in USERS_IF_OF_OTHER_TYPE:
        if found[name] is not None and found[name]["type"] not in EXPECTED_TYPES[name]:
            found[name] = None
    faults = {name: _fault(name, schema, found[name]) for name in EXPECTED_TYPES}
    stopping = [faults[name] for name in NEEDED if faults[name]]
    if stopping:
        raise BoardError("The board cannot be followed: " + " ".join(stopping))
    unusable = [name for name, fault in faults.items() if fault]
    ignored = tuple(faults[name] for name in unusable if name not in OPTIONAL_RELATIONS)
    for name in unusable:
        found[name] = None
    properties = {name: _property(raw) for name, raw in found.items() if raw is not None}
    computed = frozenset(p["id"] for p in schema.values() if p["type"] in _COMPUTED)
    return Board(
        data_source_id=data_source["id"],
        properties=properties,
        computed_ids=computed,
        ignored=ignored,
        ids={**ids, **{name: prop.id for name, prop in properties.items()}},
    )


def _find(name: str, schema: Mapping[str, Any], known_id: str | None) -> Any:
    if name == "Title":
        return next((p for p in schema.values() if p["type"] == "title"), None)
    if known_id is not None and known_id in schema:
        return schema[known_id]
    return next((p for p in schema.values() if p["name"] == name), None)


def _fault(name: str, schema: Mapping[str, Any], found: Any) -> str:
    allowed = EXPECTED_TYPES[name]
    kinds = " or ".join(sorted(allowed))
    if found is None:
        if name not in NEEDED:
            return ""
        names = ", ".join(sorted(p["name"] for p in schema.values()))
        return (
            f"it has no property “{name}” ({kinds}); it has: {names}. "
            "Add it or rename the right one."
        )
    if found["type"] not in allowed:
        return f"its “{found['name']}” is of type {found['type']}; change it to {kinds}."
    return ""


def _property(raw: Mapping[str, Any]) -> Property:
    kind = raw["type"]
    options = (raw.get(kind) or {}).get("options", ())
    return Property(
        id=raw["id"],
        name=raw["name"],
        type=kind,
        options=tuple(option["name"] for option in options),
        option_ids=tuple(option["id"] for option in options if "id" in option),
    )


def _was_replaced(known: Property, now: Property | None) -> bool:
    if now is None or (now.id, now.type) != (known.id, known.type):
        return True
    return not set(zip(known.option_ids, known.options, strict=False)) <= set(
        zip(now.option_ids, now.options, strict=False)
    )
