"""How a board's views differ from what they should be."""

from __future__ import annotations

from collections.abc import Iterator

from models.board.drift_kinds import REPAIR, Drift, Part, RepairAction, Severity, listed
from models.board.drift_options import is_full
from models.board.snapshot import OPTION_KINDS, BoardSnapshot, Json, option_names
from models.board.spec import INTERNAL, ON_CARD, PIPELINE, ViewPlan
from models.rules.board_schema import board_schema


def view_drift(snapshot: BoardSnapshot) -> Iterator[Drift]:
    """Views that are missing, show other cards, or show the wrong things on a card."""
    for plan in snapshot.plans:
        view = snapshot.planned_views.get(plan.key)
        if _cannot_be(snapshot, plan):
            continue
        if view is None:
            yield _missing(plan)
        elif plan is PIPELINE:
            yield from _pipeline(snapshot, view)
        # Of one whose options are not all there, that is what is wrong.
        elif snapshot.wanted(plan) == plan.options and not snapshot.shows_what_it_should(
            view, plan
        ):
            yield _other_cards(plan, view)


def _cannot_be(snapshot: BoardSnapshot, plan: ViewPlan) -> bool:
    """Whether what it names cannot be had through the API, which is told of the property."""
    name = plan.by or "Status"
    found = snapshot.property(name)
    if found is not None and found["type"] not in OPTION_KINDS:
        return True
    if plan.by is None or snapshot.wanted(plan):
        return False
    return is_full(snapshot, plan.by, option_names(board_schema(snapshot.channels)[plan.by]))


def _missing(plan: ViewPlan) -> Drift:
    shown = (
        f"the cards whose {plan.by} is {listed(plan.options)}" if plan.by else "the cards by Status"
    )
    channel = plan.by == "Channel"
    return Drift(
        slug="pipeline-view-missing"
        if plan is PIPELINE
        else f"{'channel' if channel else 'saved'}-view-missing",
        severity=Severity.COSMETIC,
        part=Part.VIEW,
        about=plan.key,
        wrong=f"There is no view “{plan.name}”.",
        breaks=f"People do not find {shown} in one place.",
        cure=f"{REPAIR} adds it.",
        mend=RepairAction.ADD,
    )


def _other_cards(plan: ViewPlan, view: Json) -> Drift:
    return Drift(
        slug="view-shows-other-cards",
        severity=Severity.COSMETIC,
        part=Part.VIEW,
        about=plan.key,
        wrong=f"The view “{view['name']}” does not show exactly the cards whose {plan.by} is {listed(plan.options)}.",
        breaks=f"People who rely on “{view['name']}” miss cards, or see others.",
        cure=f"{REPAIR} sets its filter again. If the filter is yours: keep it in a view of your own.",
        mend=RepairAction.SET,
    )


def _pipeline(snapshot: BoardSnapshot, view: Json) -> Iterator[Drift]:
    name = view["name"]
    if view.get("filter") is not None:
        yield Drift(
            slug="pipeline-view-filtered",
            severity=Severity.NOTE,
            part=Part.VIEW,
            about=PIPELINE.key,
            wrong=f"The view “{name}” has a filter.",
            breaks="It does not show every card.",
            cure="If nobody wants that: remove the filter in Notion.",
        )
    if view["type"] != "board":
        yield Drift(
            slug="pipeline-view-not-by-status",
            severity=Severity.COSMETIC,
            part=Part.VIEW,
            about=PIPELINE.key,
            wrong=f"The view “{name}” is a {view['type']}, not a board.",
            breaks="People do not see the pipeline as columns.",
            cure="In Notion: ••• of the view → Layout → Board, grouped by Status. The API cannot change a layout.",
        )
        return
    if not snapshot.grouped_by_status(view):
        yield _columns(name, "pipeline-view-not-by-status", "is not grouped by Status")
    elif view["configuration"]["group_by"].get("sort", {}).get("type") != "manual":
        yield _columns(name, "pipeline-view-sorted", "sorts its columns")
    yield from _card(snapshot, view)


def _columns(name: str, slug: str, wrong: str) -> Drift:
    return Drift(
        slug=slug,
        severity=Severity.COSMETIC,
        part=Part.VIEW,
        about=PIPELINE.key,
        wrong=f"The view “{name}” {wrong}.",
        breaks="Its columns do not follow the pipeline.",
        cure=f"{REPAIR} groups it by Status in the order of the options.",
        mend=RepairAction.SET,
    )


def _card(snapshot: BoardSnapshot, view: Json) -> Iterator[Drift]:
    hidden = [
        name
        for name in ON_CARD
        if snapshot.property(name) is not None and not visible(snapshot, view, name)
    ]
    shown = [
        name
        for name in INTERNAL
        if snapshot.property(name) is not None and visible(snapshot, view, name)
    ]
    if not hidden and not shown:
        return
    parts = [f"hides {listed(hidden)}"] if hidden else []
    parts += [f"shows {listed(shown)}"] if shown else []
    yield Drift(
        slug="card-preview",
        severity=Severity.COSMETIC,
        part=Part.VIEW,
        about=PIPELINE.key,
        wrong=f"A card in “{view['name']}” {' and '.join(parts)}.",
        breaks="People do not see at a glance what a card needs."
        if hidden
        else "Cards show what is of no use to people.",
        cure=f"{REPAIR} sets that and leaves the rest as it is.",
        mend=RepairAction.SET,
    )


def visible(snapshot: BoardSnapshot, view: Json, name: str) -> bool:
    """Whether the cards of a view show a property of ours; the title is shown unless it was hidden."""
    columns = (view.get("configuration") or {}).get("properties") or ()
    found = [column for column in columns if snapshot.is_property(str(column["property_id"]), name)]
    return bool(found[0].get("visible")) if found else name == "Title"
