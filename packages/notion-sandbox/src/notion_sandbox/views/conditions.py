"""Filters, quick filters and sorts of views.

Kept with the ids of properties, shown with their present names.

They have the shapes of a query's. A condition that the schema has outgrown (its property, type or
options are gone) is left out of what is shown and of what the view finds.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from notion_sandbox.errors import NotionError, shape_error, validation_error
from notion_sandbox.query.filters import FilterCompiler
from notion_sandbox.query.query import parse_sorts
from notion_sandbox.schema.property_values import find_property
from notion_sandbox.store.objects import Schema
from notion_sandbox.store.state import State
from notion_sandbox.values.types import Json


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
        """A filter as it is kept; None for none.

        Raises:
            NotionError: validation_error, as a query with this filter gets it.
        """
        if body is None or body == {}:
            return None
        self._check(body)
        return self._with_ids(body)

    def parse_sorts(self, body: Any, *, only_properties: bool) -> list[Json] | None:
        """Sorts as they are kept; None for none.

        Args:
            body: The request's `sorts`.
            only_properties: Refuse sorts by timestamp, as an update of a view does.

        Raises:
            NotionError: validation_error, as a query with these sorts gets it.
        """
        if body is None:
            return None
        parse_sorts(self._state, self._schema, body)
        for index, item in enumerate(body):
            if only_properties and "property" not in item:
                raise shape_error(f"body.sorts[{index}].property", "a string", None)
        return [self._with_id({"direction": "ascending", **item}) for item in body] or None

    def parse_quick(self, present: Mapping[str, Json] | None, body: Any) -> dict[str, Json] | None:
        """Quick filters after a request: those named are set, or with null removed.

        Null removes them all.

        Raises:
            NotionError: validation_error.
        """
        if body is None:
            return None
        if not isinstance(body, dict):
            raise shape_error("body.quick_filters", "an object or `null`", body)
        quick = dict(present or {})
        for key, condition in body.items():
            prop = find_property(self._schema, key)
            if condition is None and prop is not None:
                quick.pop(prop.id, None)
                continue
            if prop is None:
                raise validation_error(f"Could not find property with name or id: {key}")
            if not isinstance(condition, dict):
                raise shape_error(f"body.quick_filters.{key}", "an object or `null`", condition)
            # An empty quick filter stands in the bar without a criterion.
            if condition:
                self._check({"property": key, **condition})
            quick[prop.id] = condition
        return quick or None

    def shown_filter(self, kept: Json | None) -> Json | None:
        """A kept filter as responses carry it, without what the schema has outgrown.

        None when nothing is left.
        """
        if kept is None:
            return None
        for word in ("and", "or"):
            if word in kept:
                parts = [
                    part for item in kept[word] if (part := self.shown_filter(item)) is not None
                ]
                return {word: parts} if parts else None
        named = self._with_name(kept)
        return named if named is not None and self._compiles(named) else None

    def shown_sorts(self, kept: list[Json] | None) -> list[Json] | None:
        """Kept sorts as responses carry them."""
        return [
            named for item in kept or () if (named := self._with_name(item)) is not None
        ] or None

    def shown_quick(self, kept: Mapping[str, Json] | None) -> dict[str, Json] | None:
        """Kept quick filters as responses carry them, by the names of their properties."""
        quick = {}
        for key, condition in (kept or {}).items():
            prop = self._schema.get(key)
            if prop is not None and (
                not condition or self._compiles({"property": prop.name, **condition})
            ):
                quick[prop.name] = condition
        return quick or None

    def _check(self, body: Any) -> None:
        FilterCompiler(self._state, self._schema, now=self._now).compile(body)

    def _compiles(self, body: Json) -> bool:
        try:
            self._check(body)
        except NotionError:
            return False
        return True

    def _with_ids(self, body: Json) -> Json:
        for word in ("and", "or"):
            if word in body:
                return {word: [self._with_ids(part) for part in body[word]]}
        return self._with_id(body)

    def _with_id(self, item: Json) -> Json:
        prop = find_property(self._schema, item["property"]) if "property" in item else None
        return item if prop is None else {**item, "property": prop.id}

    def _with_name(self, item: Json) -> Json | None:
        if "property" not in item:
            return item
        prop = self._schema.get(item["property"])
        return None if prop is None else {**item, "property": prop.name}
