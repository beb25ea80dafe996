"""The bodies of the requests that repair a board. None deletes or renames what people made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from models.board.drift_kinds import Drift
from models.board.drift_options import missing_options
from models.board.drift_table import OPTIONS_OUT_OF_ORDER, VIEW_SHOWS_OTHER_CARDS
from models.board.drift_views import misplaced_columns
from models.board.snapshot import BoardSnapshot, Json, RelatedSource, option_names
from models.board.spec import GALLERY, NAMES, ON_CARD, PIPELINE, ViewPlan
from models.board.view_filters import filter_of
from models.rules.new_board import board_schema
from models.sync.pieces.source import BACK, FILE, PieceSource, piece_schema


def property_body(snapshot: BoardSnapshot, name: str, drifts: Sequence[Drift]) -> dict[str, Any]:
    """The `properties` of `PATCH /v1/data_sources/{id}` that repair one property.

    A missing relation is added by `relation_body`.
    """
    updated = snapshot.property("Updated") or {"name": "Updated"}
    schema = board_schema(snapshot.channels, updated["name"])
    found = snapshot.property(name)
    if found is None:
        return {name: schema[name]}
    planned = schema[name]["select"]["options"]
    options = _with_missing(snapshot, name, planned)
    if any(one.slug == OPTIONS_OUT_OF_ORDER.slug for one in drifts):
        options = _in_order(options, option_names(schema[name]))
    return {found["id"]: {found["type"]: {"options": options}}}


def relation_body(name: str, data_source_id: str) -> dict[str, Any]:
    """The `properties` of `PATCH /v1/data_sources/{id}` that add one of the relations."""
    return {name: {"relation": _relation_to(data_source_id, "dual_property", _OTHER_SIDE)}}


def piece_properties_body(source: PieceSource, board_id: str) -> dict[str, Any]:
    """The `properties` of `PATCH /v1/data_sources/{id}` that add what a database of pieces lacks.

    A relation to the card that is missing is one-way: the card's own relation is not changed.
    """
    schema = piece_schema()
    schema[BACK] = {"relation": _relation_to(board_id, "single_property", {})}
    return {name: schema[name] for name in source.missing}


def gallery_body(found: RelatedSource, source: PieceSource) -> dict[str, Any]:
    """The body of `POST /v1/views` for the gallery of a database of pieces."""
    shown = ("Name", "Kind", "Scene", "Round", "Status", "Cost")
    columns = [
        {"property_id": source.table.properties[name].id, "visible": True}
        for name in shown
        if name in source.table.properties
    ]
    file = source.table.properties[FILE].id
    return {
        "database_id": found.database_id,
        "data_source_id": source.data_source_id,
        "name": GALLERY,
        "type": "gallery",
        "configuration": {
            "type": "gallery",
            "cover": {"type": "property", "property_id": file},
            "cover_size": "medium",
            "cover_aspect": "contain",
            "properties": columns,
        },
        "position": {"type": "start"},
    }


def _relation_to(data_source_id: str, kind: str, how: dict[str, Any]) -> dict[str, Any]:
    return {"data_source_id": data_source_id, "type": kind, kind: how}


_OTHER_SIDE: Final = {"synced_property_name": BACK}
"""Two-way: a piece's page that names its card is in the card's relation without another write."""


def _with_missing(
    snapshot: BoardSnapshot, name: str, planned: Sequence[Json]
) -> list[dict[str, Any]]:
    """The present options with their ids, and the missing ones at their places.

    A list of options replaces all that there were, so the present ones must be in it.
    """
    new = {option["name"]: dict(option) for option in planned}
    desired = list(new)
    options = [_as_it_is(option) for option in snapshot.options(name)]
    for option in missing_options(snapshot, name, desired):
        options.insert(_place_of(option, options, desired), new[option])
    return options


def _place_of(option: str, options: Sequence[Json], desired: list[str]) -> int:
    """The index after the last option that comes before this one in the plan.

    Without such a one: before the first planned option, else at the end.
    """
    before = set(desired[: desired.index(option)])
    present = [(index, other["name"]) for index, other in enumerate(options)]
    earlier = [index for index, name in present if name in before]
    if earlier:
        return earlier[-1] + 1
    planned = [index for index, name in present if name in desired]
    return planned[0] if planned else len(options)


def _as_it_is(option: Json) -> dict[str, Any]:
    kept = ("id", "name", "color", "description")
    return {key: option[key] for key in kept if option.get(key) is not None}


def _in_order(options: list[dict[str, Any]], desired: list[str]) -> list[dict[str, Any]]:
    """The planned options in the order of the pipeline; what people added keeps its place."""
    planned = [option for option in options if option["name"] in desired]
    ordered = iter(sorted(planned, key=lambda option: desired.index(option["name"])))
    return [next(ordered) if option["name"] in desired else option for option in options]


def new_view(snapshot: BoardSnapshot, plan: ViewPlan) -> dict[str, Any] | None:
    """The body of `POST /v1/views` for a planned view.

    None while the board lacks the property or the options that it would name.
    """
    lacks_options = plan.by is not None and not snapshot.desired_options(plan)
    if snapshot.property("Status") is None or lacks_options:
        return None
    source, database = snapshot.data_source or {}, snapshot.database or {}
    columns = [_column(snapshot, name) for name in _card_order(snapshot)]
    body = {
        "database_id": database["id"],
        "data_source_id": source["id"],
        "name": plan.name,
        "type": "board",
        "configuration": {
            "type": "board",
            "group_by": _by_status(snapshot, hide_empty=plan.only_columns),
            "properties": columns,
        },
        "position": {"type": "start" if plan is PIPELINE else "end"},
    }
    if plan.by is not None:
        body["filter"] = _filter(snapshot, plan)
    return body


def changed_view(
    snapshot: BoardSnapshot, plan: ViewPlan, view: Json, drifts: Sequence[Drift]
) -> dict[str, Any] | None:
    """The body of `PATCH /v1/views/{id}` that repairs a planned view.

    None while the board lacks the options that its filter would name.
    """
    if any(one.slug == VIEW_SHOWS_OTHER_CARDS.slug for one in drifts):
        return {"filter": _filter(snapshot, plan)} if snapshot.desired_options(plan) else None
    columns = _corrected(snapshot, view)
    group = _grouping(snapshot, view)
    return {"configuration": {"type": "board", "group_by": group, "properties": columns}}


def _grouping(snapshot: BoardSnapshot, view: Json) -> dict[str, Any]:
    """The view's own grouping where it is by Status in manual order, else the planned one."""
    if snapshot.grouped_by_status(view):
        present = view["configuration"]["group_by"]
        if present.get("sort", {}).get("type") == "manual":
            return _plain(present)
    return _by_status(snapshot, hide_empty=False)


def _filter(snapshot: BoardSnapshot, plan: ViewPlan) -> dict[str, Any]:
    found = snapshot.property(plan.by or "") or {}
    return filter_of(found["id"], found["type"], snapshot.desired_options(plan))


def _by_status(snapshot: BoardSnapshot, *, hide_empty: bool) -> dict[str, Any]:
    status = snapshot.property("Status") or {}
    group = {
        "type": status["type"],
        "property_id": status["id"],
        "sort": {"type": "manual"},
        "hide_empty_groups": hide_empty,
    }
    if status["type"] == "status":
        group["group_by"] = "option"
    return group


def _card_order(snapshot: BoardSnapshot) -> list[str]:
    """Our properties that the board has: those shown on a card first, in their order."""
    others = (name for name in NAMES if name not in ON_CARD)
    return [name for name in (*ON_CARD, *others) if snapshot.property(name) is not None]


def _column(snapshot: BoardSnapshot, name: str) -> dict[str, Any]:
    found = snapshot.property(name) or {}
    return {"property_id": found["id"], "visible": name in ON_CARD}


def _corrected(snapshot: BoardSnapshot, view: Json) -> list[dict[str, Any]]:
    """The columns as people arranged them, with the misplaced ones shown or hidden."""
    configuration = view.get("configuration") or {}
    columns = [_plain(column) for column in configuration.get("properties") or ()]
    for name in misplaced_columns(snapshot, view):
        known = [each for each in columns if snapshot.is_property(each["property_id"], name)]
        if known:
            known[0]["visible"] = name in ON_CARD
        else:
            columns.append(_column(snapshot, name))
    return columns


def _plain(item: Json) -> dict[str, Any]:
    """A copy without the name that Notion shows beside an id."""
    return {key: value for key, value in item.items() if key != "property_name"}
