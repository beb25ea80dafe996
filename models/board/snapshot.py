"""What is seen of a board at one moment: its schema and views as Notion gave them, and what they are known by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import unquote

from models.board.known_ids import KnownIds
from models.board.spec import NAMES, PIPELINE, ViewPlan, view_plans
from models.board.view_filters import options_shown
from models.rules.board_schema import board_schema

Json = Mapping[str, Any]

SELECTS: Final = ("Status", "Priority", "Channel")
OPTION_KINDS: Final = ("select", "status")


@dataclass(frozen=True, kw_only=True)
class BoardSnapshot:
    """A board as Notion shows it now.

    Attributes:
        database: the database object; None when Notion does not find it.
        data_source: the followed data source; None when it is not found, or not clear which one it
            is.
        views: the views of that data source, whole, in the order of the tabs.
        memory: what properties, options and views were known by before.
        channels: the configured channels.
        notes: cards whose Attention holds what people wrote, as far as somebody asked.
    """

    database: Json | None
    data_source: Json | None
    views: tuple[Json, ...] = ()
    known_ids: KnownIds = field(default_factory=KnownIds)
    channels: tuple[str, ...] = ()
    notes: int = 0

    @property
    def schema(self) -> Mapping[str, Json]:
        """The properties by id."""
        return (
            {}
            if self.data_source is None
            else {p["id"]: p for p in self.data_source["properties"].values()}
        )

    def named(self, name: str) -> Json | None:
        """The property that is called exactly so."""
        return next((prop for prop in self.schema.values() if prop["name"] == name), None)

    def property(self, name: str) -> Json | None:
        """Our property of that name: Title by its type, others by the id they are known by, else by name."""
        if name == "Title":
            return next((prop for prop in self.schema.values() if prop["type"] == "title"), None)
        return self.schema.get(self.known_ids.properties.get(name, "")) or self.named(name)

    def options(self, name: str) -> tuple[Json, ...]:
        """The options of a property of ours; none when it is missing or has none."""
        found = self.property(name)
        if found is None or found["type"] not in OPTION_KINDS:
            return ()
        return tuple(found[found["type"]].get("options", ()))

    def option_names(self, name: str) -> tuple[str, ...]:
        """Their names, in order."""
        return tuple(option["name"] for option in self.options(name))

    def is_property(self, reference: str, name: str) -> bool:
        """Whether a view means our property by that reference: its name or its id, encoded or not."""
        found = self.property(name)
        return found is not None and (
            reference == found["name"] or unquote(reference) == unquote(found["id"])
        )

    @cached_property
    def plans(self) -> tuple[ViewPlan, ...]:
        """The views that the board should have."""
        return view_plans(self.channels)

    def plan(self, key: str) -> ViewPlan:
        """The planned view with that key."""
        return next(plan for plan in self.plans if plan.key == key)

    def wanted(self, plan: ViewPlan) -> tuple[str, ...]:
        """The options whose cards a planned view should show, as far as the board has them."""
        return (
            ()
            if plan.by is None
            else tuple(o for o in plan.options if o in self.option_names(plan.by))
        )

    def shows_what_it_should(self, view: Json, plan: ViewPlan) -> bool:
        """Whether a view's filter shows exactly the cards that the planned view should show."""
        if plan.by is None:
            return view.get("filter") is None
        by = plan.by
        shown = options_shown(
            view.get("filter"), lambda ref: self.is_property(ref, by), self.option_names(by)
        )
        return shown == frozenset(self.wanted(plan))

    def grouped_by_status(self, view: Json) -> bool:
        """Whether it is a Kanban board by Status."""
        group = (view.get("configuration") or {}).get("group_by") or {}
        return view["type"] == "board" and self.is_property(str(group.get("property_id")), "Status")

    @cached_property
    def planned_views(self) -> Mapping[str, Json]:
        """The views that are ours by plan key: by the id they are known by, else by name, else by what they show."""
        ours: dict[str, Json] = {}
        by_id = {view["id"]: view for view in self.views}
        for plan in self.plans:
            if self.known_ids.views.get(plan.key) in by_id:
                ours[plan.key] = by_id[self.known_ids.views[plan.key]]
        for fits in (self._same_name, self._same_cards):
            for plan in self.plans:
                taken = {view["id"] for view in ours.values()}
                free = (
                    ()
                    if plan.key in ours
                    else (view for view in self.views if view["id"] not in taken)
                )
                found = next((view for view in free if fits(view, plan)), None)
                if found is not None:
                    ours[plan.key] = found
        return ours

    def _same_name(self, view: Json, plan: ViewPlan) -> bool:
        # A table that people call as we call our board is no board.
        return view["name"] == plan.name and (plan is not PIPELINE or view["type"] == "board")

    def _same_cards(self, view: Json, plan: ViewPlan) -> bool:
        if plan.by is None:
            return self.grouped_by_status(view) and view.get("filter") is None
        return bool(self.wanted(plan)) and self.shows_what_it_should(view, plan)

    def seen(self) -> KnownIds:
        """What everything of ours that is there is to be known by from now on."""
        properties = {
            name: found["id"] for name in NAMES if (found := self.property(name)) is not None
        }
        wanted = board_schema(self.channels)
        options = {
            name: {
                o["name"]: o["id"]
                for o in self.options(name)
                if o["name"] in set(option_names(wanted[name]))
            }
            for name in SELECTS
        }
        views = {key: view["id"] for key, view in self.planned_views.items()}
        return KnownIds(properties=properties, options=options, views=views)


def option_names(shape: Json) -> list[str]:
    """The names of the options in one property of `board_schema`."""
    return [option["name"] for option in shape["select"]["options"]]
