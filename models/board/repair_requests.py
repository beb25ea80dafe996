"""The requests that mend a board: pure bodies; nothing in them deletes or renames what people made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.board.drift_kinds import Drift
from models.board.drift_options import missing_options
from models.board.drift_views import visible
from models.board.snapshot import BoardSnapshot, Json, option_names
from models.board.spec import INTERNAL, NAMES, ON_CARD, PIPELINE, ViewPlan
from models.board.view_filters import filter_of
from models.rules.board_schema import board_schema


def property_body(snapshot: BoardSnapshot, name: str, drifts: Sequence[Drift]) -> dict[str, Any]:
    """The `properties` of `PATCH /v1/data_sources/{id}` that mend one property other than a missing relation."""
    updated = snapshot.property("Updated")
    schema = board_schema(snapshot.channels, updated["name"] if updated is not None else "Updated")
    found = snapshot.property(name)
    if found is None:
        return {name: schema[name]}
    wanted = option_names(schema[name])
    options = _with_missing(snapshot, name, wanted, colours=schema[name]["select"]["options"])
    if any(one.slug == "options-out-of-order" for one in drifts):
        options = _in_order(options, wanted)
    return {found["id"]: {found["type"]: {"options": options}}}


def relation_body(name: str, data_source_id: str) -> dict[str, Any]:
    """The `properties` of `PATCH /v1/data_sources/{id}` that add one of the relations."""
    relation = {"data_source_id": data_source_id, "type": "single_property", "single_property": {}}
    return {name: {"relation": relation}}


def _with_missing(
    snapshot: BoardSnapshot, name: str, wanted: list[str], colours: Sequence[Json]
) -> list[dict[str, Any]]:
    """The options that are there, with their ids (a list replaces all), and the missing ones in their place."""
    new = {option["name"]: dict(option) for option in colours}
    options = [_as_it_is(option) for option in snapshot.options(name)]
    for option in missing_options(snapshot, name, wanted):
        before = set(wanted[: wanted.index(option)])
        after = [index for index, other in enumerate(options) if other["name"] in before]
        options.insert(after[-1] + 1 if after else _first_of(options, wanted), new[option])
    return options


def _first_of(options: Sequence[Json], wanted: list[str]) -> int:
    """Where one that comes before all others of ours belongs."""
    return next(
        (index for index, option in enumerate(options) if option["name"] in wanted), len(options)
    )


def _as_it_is(option: Json) -> dict[str, Any]:
    return {
        key: option[key]
        for key in ("id", "name", "color", "description")
        if option.get(key) is not None
    }


def _in_order(options: list[dict[str, Any]], wanted: list[str]) -> list[dict[str, Any]]:
    """Ours in the order of the pipeline; what people added keeps its place."""
    ours = iter(
        sorted((o for o in options if o["name"] in wanted), key=lambda o: wanted.index(o["name"]))
    )
    return [next(ours) if option["name"] in wanted else option for option in options]


def new_view(snapshot: BoardSnapshot, plan: ViewPlan) -> dict[str, Any] | None:
    """The body of `POST /v1/views` for a planned view; None while the board lacks what it would name."""
    if snapshot.property("Status") is None or (plan.by is not None and not snapshot.wanted(plan)):
        return None
    source, database = snapshot.data_source or {}, snapshot.database or {}
    columns = [_column(snapshot, name, visible=name in ON_CARD) for name in _card_order(snapshot)]
    return {
        "database_id": database["id"],
        "data_source_id": source["id"],
        "name": plan.name,
        "type": "board",
        **({"filter": _filter(snapshot, plan)} if plan.by is not None else {}),
        "configuration": {
            "type": "board",
            "group_by": _by_status(snapshot, hide_empty=plan.only_columns),
            "properties": columns,
        },
        "position": {"type": "start" if plan is PIPELINE else "end"},
    }


def changed_view(
    snapshot: BoardSnapshot, plan: ViewPlan, view: Json, drifts: Sequence[Drift]
) -> dict[str, Any] | None:
    """The body of `PATCH /v1/views/{id}` that mends a planned view; None while the board lacks what it would name."""
    if any(one.slug == "view-shows-other-cards" for one in drifts):
        return {"filter": _filter(snapshot, plan)} if snapshot.wanted(plan) else None
    present = view.get("configuration") or {}
    by_status = (
        snapshot.grouped_by_status(view)
        and present["group_by"].get("sort", {}).get("type") == "manual"
    )
    group = _plain(present["group_by"]) if by_status else _by_status(snapshot, hide_empty=False)
    return {
        "configuration": {
            "type": "board",
            "group_by": group,
            "properties": _corrected(snapshot, view),
        }
    }


def _filter(snapshot: BoardSnapshot, plan: ViewPlan) -> dict[str, Any]:
    found = snapshot.property(plan.by or "") or {}
    return filter_of(found["id"], found["type"], snapshot.wanted(plan))


def _by_status(snapshot: BoardSnapshot, *, hide_empty: bool) -> dict[str, Any]:
    status = snapshot.property("Status") or {}
    kind = status["type"]
    fine = {"group_by": "option"} if kind == "status" else {}
    group = {
        "type": kind,
        "property_id": status["id"],
        "sort": {"type": "manual"},
        "hide_empty_groups": hide_empty,
    }
    return {**group, **fine}


def _card_order(snapshot: BoardSnapshot) -> list[str]:
    names = [name for name in NAMES if snapshot.property(name) is not None]
    return sorted(names, key=lambda name: ON_CARD.index(name) if name in ON_CARD else len(ON_CARD))


def _column(snapshot: BoardSnapshot, name: str, *, visible: bool) -> dict[str, Any]:
    return {"property_id": (snapshot.property(name) or {})["id"], "visible": visible}


def _corrected(snapshot: BoardSnapshot, view: Json) -> list[dict[str, Any]]:
    """The columns as people arranged them, with only those set right that a card must show or hide."""
    columns = [
        _plain(column) for column in (view.get("configuration") or {}).get("properties") or ()
    ]
    for name in (*ON_CARD, *INTERNAL):
        if snapshot.property(name) is None or visible(snapshot, view, name) is (name in ON_CARD):
            continue
        known = [column for column in columns if snapshot.is_property(column["property_id"], name)]
        if known:
            known[0]["visible"] = name in ON_CARD
        else:
            columns.append(_column(snapshot, name, visible=name in ON_CARD))
    return columns


def _plain(item: Json) -> dict[str, Any]:
    """Without the name that Notion shows beside an id."""
    return {key: value for key, value in item.items() if key != "property_name"}
