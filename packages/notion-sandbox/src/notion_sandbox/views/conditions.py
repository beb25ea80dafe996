"""Filters, quick filters and sorts of views.

They have the shapes of a query's. They are stored with the ids of properties and shown with their
present names. A condition whose property or option was deleted, or whose property has another type
now, is outdated: it is neither shown nor applied.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from notion_sandbox.errors import NotionError
from notion_sandbox.query.filters import FilterCompiler
from notion_sandbox.query.query import parse_sorts
from notion_sandbox.schema.property_values import require_property
from notion_sandbox.store.objects import Schema
from notion_sandbox.store.state import State
from notion_sandbox.values.checks import (
    OBJECT_OR_NULL,
    first_key,
    require_object,
    require_text,
    with_paths,
)
from notion_sandbox.values.types import Json

_OPERATORS = ("and", "or")


class Conditions:
    """Reads and writes the conditions of views over one data source.

    Args:
        state: The objects.
        schema: The properties.
        now: What "today" means.
    """

    def __init__(self, state: State, schema: Schema, now: datetime) -> None:
        self._state = state
        self._schema = schema
        self._now = now

    def parse_filter(self, body: Any) -> Json | None:
        """A filter as it is stored; None for none.

        Raises:
            NotionError: validation_error, as a query with this filter gets it.
        """
        if body is None or body == {}:
            return None
        self._check(body)
        return self._with_ids(body)

    def parse_sorts(self, body: Any, *, only_properties: bool) -> list[Json] | None:
        """Sorts as they are stored; None for none.

        Args:
            body: The request's `sorts`.
            only_properties: Refuse sorts by timestamp, as an update of a view does.

        Raises:
            NotionError: validation_error, as a query with these sorts gets it.
        """
        if body is None:
            return None
        parse_sorts(self._state, self._schema, body)
        if only_properties:
            for path, item in with_paths(body, "body.sorts"):
                require_text(item.get("property"), f"{path}.property")
        return [self._with_id({"direction": "ascending", **item}) for item in body] or None

    def parse_quick(self, present: Mapping[str, Json] | None, body: Any) -> dict[str, Json] | None:
        """Quick filters after a request: those named are set, or with null removed.

        Null removes them all.

        Raises:
            NotionError: validation_error.
        """
        if body is None:
            return None
        quick = dict(present or {})
        given = require_object(body, "body.quick_filters", OBJECT_OR_NULL)
        for key, condition in given.items():
            prop = require_property(self._schema, key)
            if condition is None:
                quick.pop(prop.id, None)
            else:
                path = f"body.quick_filters.{key}"
                quick[prop.id] = require_object(condition, path, OBJECT_OR_NULL)
                self._check_quick(key, condition)
        return quick or None

    def shown_filter(self, stored: Json | None) -> Json | None:
        """A stored filter as responses carry it, without outdated conditions.

        None when nothing is left.
        """
        if stored is None:
            return None
        operator = first_key(stored, _OPERATORS)
        if operator is not None:
            parts = [part for part in map(self.shown_filter, stored[operator]) if part]
            return {operator: parts} if parts else None
        named = self._with_name(stored)
        if named and self._compiles(named):
            return named
        return None

    def shown_sorts(self, stored: list[Json] | None) -> list[Json] | None:
        """Stored sorts as responses carry them."""
        named = map(self._with_name, stored or ())
        return list(filter(None, named)) or None

    def shown_quick(self, stored: Mapping[str, Json] | None) -> dict[str, Json] | None:
        """Stored quick filters as responses carry them, by the names of their properties."""
        quick = {}
        for prop_id, condition in (stored or {}).items():
            prop = self._schema.get(prop_id)
            if prop and self._compiles_quick(prop.name, condition):
                quick[prop.name] = condition
        return quick or None

    def _check(self, body: Any) -> None:
        FilterCompiler(self._state, self._schema, now=self._now).compile(body)

    def _check_quick(self, key: str, condition: Json) -> None:
        """Refuse a quick filter that no query takes; an empty one is shown without a criterion."""
        if condition:
            self._check({"property": key, **condition})

    def _compiles(self, body: Json) -> bool:
        try:
            self._check(body)
        except NotionError:
            return False
        return True

    def _compiles_quick(self, name: str, condition: Json) -> bool:
        return not condition or self._compiles({"property": name, **condition})

    def _with_ids(self, body: Json) -> Json:
        operator = first_key(body, _OPERATORS)
        if operator is None:
            return self._with_id(body)
        return {operator: [self._with_ids(part) for part in body[operator]]}

    def _with_id(self, item: Json) -> Json:
        """The condition or sort with its property's id in place of its name."""
        if "timestamp" in item:
            return item
        return {**item, "property": require_property(self._schema, item["property"]).id}

    def _with_name(self, item: Json) -> Json | None:
        """The condition or sort with its property's name; None when the property was deleted."""
        if "timestamp" in item:
            return item
        prop = self._schema.get(item["property"])
        if prop is None:
            return None
        return {**item, "property": prop.name}
