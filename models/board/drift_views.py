"""How a board's views differ from what they should be."""

from __future__ import annotations

from collections.abc import Iterator

from models.board import drift_table as table
from models.board.drift_kinds import Drift, listed
from models.board.drift_options import is_full
from models.board.snapshot import OPTION_KINDS, BoardSnapshot, Json, option_names
from models.board.spec import INTERNAL, ON_CARD, PIPELINE, ViewPlan
from models.rules.new_board import board_schema


def view_drift(snapshot: BoardSnapshot) -> Iterator[Drift]:
    """Views that are missing, show other cards, or show the wrong things on a card."""
    for plan in snapshot.plans:
        if _is_impossible(snapshot, plan):
            continue
        view = snapshot.planned_views.get(plan.key)
        if view is None:
            yield _missing(plan)
        elif plan is PIPELINE:
            yield from _pipeline(snapshot, view)
        elif _shows_other_cards(snapshot, plan, view):
            yield table.VIEW_SHOWS_OTHER_CARDS.drift(
                plan.key, called=view["name"], property=plan.by, options=listed(plan.options)
            )


def _is_impossible(snapshot: BoardSnapshot, plan: ViewPlan) -> bool:
    """Whether the API cannot make the view, for a reason that the property's drift reports."""
    found = snapshot.property(plan.by or "Status")
    if found is not None and found["type"] not in OPTION_KINDS:
        return True
    if plan.by is None or snapshot.desired_options(plan):
        return False
    return is_full(snapshot, plan.by, option_names(board_schema(snapshot.channels)[plan.by]))


def _shows_other_cards(snapshot: BoardSnapshot, plan: ViewPlan, view: Json) -> bool:
    # While options are missing, those are reported and not the filter.
    complete = snapshot.desired_options(plan) == plan.options
    return complete and not snapshot.shows_what_it_should(view, plan)


def _missing(plan: ViewPlan) -> Drift:
    kind = table.SAVED_VIEW_MISSING
    if plan is PIPELINE:
        kind = table.PIPELINE_VIEW_MISSING
    elif plan.by == "Channel":
        kind = table.CHANNEL_VIEW_MISSING
    return kind.drift(plan.key, name=plan.name, property=plan.by, options=listed(plan.options))


def _pipeline(snapshot: BoardSnapshot, view: Json) -> Iterator[Drift]:
    key, facts = PIPELINE.key, {"called": view["name"], "type": view["type"]}
    if view.get("filter") is not None:
        yield table.PIPELINE_VIEW_FILTERED.drift(key, **facts)
    if view["type"] != "board":
        yield table.PIPELINE_VIEW_NOT_A_BOARD.drift(key, **facts)
        return
    if not snapshot.grouped_by_status(view):
        yield table.PIPELINE_VIEW_NOT_BY_STATUS.drift(key, **facts)
    elif view["configuration"]["group_by"].get("sort", {}).get("type") != "manual":
        yield table.PIPELINE_VIEW_SORTED.drift(key, **facts)
    yield from _card_preview(snapshot, view)


def _card_preview(snapshot: BoardSnapshot, view: Json) -> Iterator[Drift]:
    hidden = [name for name in misplaced_columns(snapshot, view) if name in ON_CARD]
    shown = [name for name in misplaced_columns(snapshot, view) if name in INTERNAL]
    if not hidden and not shown:
        return
    parts = []
    if hidden:
        parts.append(f"hides {listed(hidden)}")
    if shown:
        parts.append(f"shows {listed(shown)}")
    kind = table.CARD_PREVIEW_HIDES if hidden else table.CARD_PREVIEW_SHOWS
    yield kind.drift(PIPELINE.key, called=view["name"], does=" and ".join(parts))


def misplaced_columns(snapshot: BoardSnapshot, view: Json) -> list[str]:
    """Our properties that a view's cards hide and should show, or show and should hide."""
    return [
        name
        for name in (*ON_CARD, *INTERNAL)
        if snapshot.property(name) is not None
        and _is_visible(snapshot, view, name) != (name in ON_CARD)
    ]


def _is_visible(snapshot: BoardSnapshot, view: Json, name: str) -> bool:
    """Whether a view's cards show a property; the title is shown unless it was hidden."""
    columns = (view.get("configuration") or {}).get("properties") or ()
    for column in columns:
        if snapshot.is_property(str(column["property_id"]), name):
            return bool(column.get("visible"))
    return name == "Title"
