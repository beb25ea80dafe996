"""A board at one moment: its schema and views as Notion returned them, and its known ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import unquote

from models.board.known_ids import KnownIds
from models.board.spec import NAMES, PIPELINE, ViewPlan, view_plans
from models.board.view_filters import options_shown
from models.rules.new_board import board_schema
from models.sync.pieces.source import PieceSource, read_source

Json = Mapping[str, Any]

SELECTS: Final = ("Status", "Priority", "Channel")
OPTION_KINDS: Final = ("select", "status")


@dataclass(frozen=True, kw_only=True)
class RelatedSource:
    """A database that one of the board's relations leads to.

    Attributes:
        relation: the board's relation property.
        data_source: its data source object; None when Notion does not show it to us.
        views: its complete views.
    """

    relation: Json
    data_source: Json | None
    views: tuple[Json, ...] = ()

    @property
    def database_id(self) -> str:
        """The database that holds the data source."""
        return str((self.data_source or {})["parent"]["database_id"])


@dataclass(frozen=True, kw_only=True)
class BoardSnapshot:
    """A board as Notion shows it now.

    Attributes:
        database: the database object; None when Notion does not find it.
        data_source: the followed data source; None when it is not found, or ambiguous.
        views: the complete views of that data source, in the order of the tabs.
        known_ids: ids of properties, options and views from earlier reads.
        channels: the configured channels.
        related: the databases of the pieces, by the board's relation.
        notes: number of cards whose Attention holds people's own text; 0 when not counted.
    """

    database: Json | None
    data_source: Json | None
    views: tuple[Json, ...] = ()
    known_ids: KnownIds = field(default_factory=KnownIds)
    channels: tuple[str, ...] = ()
    related: Mapping[str, RelatedSource] = field(default_factory=dict)
    notes: int = 0

    @property
    def schema(self) -> Mapping[str, Json]:
        """The properties by id."""
        properties = (self.data_source or {}).get("properties", {})
        return {prop["id"]: prop for prop in properties.values()}

    def named(self, name: str) -> Json | None:
        """The property with exactly this name."""
        return next((prop for prop in self.schema.values() if prop["name"] == name), None)

    def property(self, name: str) -> Json | None:
        """Our property of that name: Title by its type, others by known id, else by name."""
        if name == "Title":
            return next((prop for prop in self.schema.values() if prop["type"] == "title"), None)
        return self.schema.get(self.known_ids.properties.get(name, "")) or self.named(name)

    def options(self, name: str) -> tuple[Json, ...]:
        """The options of one of our properties; empty when it is missing or has none."""
        found = self.property(name)
        if found is None or found["type"] not in OPTION_KINDS:
            return ()
        return tuple(found[found["type"]].get("options", ()))

    def option_names(self, name: str) -> tuple[str, ...]:
        """Names of the options of one of our properties, in order."""
        return tuple(option["name"] for option in self.options(name))

    def is_property(self, reference: str, name: str) -> bool:
        """Whether a view's reference is our property: by name or id, percent-encoded or not."""
        found = self.property(name)
        if found is None:
            return False
        return reference == found["name"] or unquote(reference) == unquote(found["id"])

    @cached_property
    def plans(self) -> tuple[ViewPlan, ...]:
        """The views that the board should have."""
        return view_plans(self.channels)

    def plan(self, key: str) -> ViewPlan:
        """The planned view with that key."""
        return next(plan for plan in self.plans if plan.key == key)

    def desired_options(self, plan: ViewPlan) -> tuple[str, ...]:
        """The options whose cards a planned view should show, as far as the board has them."""
        if plan.by is None:
            return ()
        present = self.option_names(plan.by)
        return tuple(option for option in plan.options if option in present)

    def shows_what_it_should(self, view: Json, plan: ViewPlan) -> bool:
        """Whether a view's filter shows exactly the cards that the planned view should show."""
        if plan.by is None:
            return view.get("filter") is None
        by = plan.by
        shown = options_shown(
            view.get("filter"), lambda ref: self.is_property(ref, by), self.option_names(by)
        )
        return shown == frozenset(self.desired_options(plan))

    def grouped_by_status(self, view: Json) -> bool:
        """Whether a view is a Kanban board by Status."""
        group = (view.get("configuration") or {}).get("group_by") or {}
        return view["type"] == "board" and self.is_property(str(group.get("property_id")), "Status")

    @cached_property
    def planned_views(self) -> Mapping[str, Json]:
        """The view that stands for each plan, by plan key.

        Found by its known id, else by its name, else by the cards that it shows.
        """
        found: dict[str, Json] = {}
        by_id = {view["id"]: view for view in self.views}
        for plan in self.plans:
            known = self.known_ids.views.get(plan.key)
            if known in by_id:
                found[plan.key] = by_id[known]
        for matches in (self._same_name, self._same_cards):
            for plan in self.plans:
                if plan.key in found:
                    continue
                taken = {view["id"] for view in found.values()}
                free = (view for view in self.views if view["id"] not in taken)
                match = next((view for view in free if matches(view, plan)), None)
                if match is not None:
                    found[plan.key] = match
        return found

    def _same_name(self, view: Json, plan: ViewPlan) -> bool:
        # A table that has the name of our board view is not that view.
        return view["name"] == plan.name and (plan is not PIPELINE or view["type"] == "board")

    def _same_cards(self, view: Json, plan: ViewPlan) -> bool:
        if plan.by is None:
            return self.grouped_by_status(view) and view.get("filter") is None
        return bool(self.desired_options(plan)) and self.shows_what_it_should(view, plan)

    def piece_source(self, name: str) -> PieceSource | None:
        """The database of pieces behind a relation; None when it cannot be read."""
        found = self.related.get(name)
        if found is None or found.data_source is None:
            return None
        board_id = str((self.data_source or {})["id"])
        return read_source(found.data_source, found.relation, board_id, {})

    def ids(self) -> KnownIds:
        """The ids of everything of ours that the board has now."""
        found = {name: self.property(name) for name in NAMES}
        properties = {name: prop["id"] for name, prop in found.items() if prop is not None}
        views = {key: view["id"] for key, view in self.planned_views.items()}
        options = {name: self._option_ids(name) for name in SELECTS}
        return KnownIds(properties=properties, options=options, views=views)

    def _option_ids(self, name: str) -> dict[str, str]:
        desired = set(option_names(board_schema(self.channels)[name]))
        return {each["name"]: each["id"] for each in self.options(name) if each["name"] in desired}


def option_names(shape: Json) -> list[str]:
    """The names of the options in one property of `board_schema`."""
    return [option["name"] for option in shape["select"]["options"]]
