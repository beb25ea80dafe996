"""Filters of a query: Notion's JSON compiled to a test of a page.

Source: Notion's "Filter database entries" page. Compounds nest two levels, lists hold at most 100
conditions. A filter on a formula that the API made is refused, as Notion does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notion_sandbox.errors import (
    body_error,
    missing_error,
    shape_error,
    unsupported,
    validation_error,
)
from notion_sandbox.query.intervals import Interval, date_interval
from notion_sandbox.query.operators import (
    OPERATOR_TESTS,
    Test,
    existence_test,
    interval_test,
    member_test,
    option_ids_named,
    option_test,
)
from notion_sandbox.schema.property_values import ELSEWHERE, KINDS, find_property
from notion_sandbox.schema.readers import READERS, TIMES
from notion_sandbox.store.objects import Property, Schema
from notion_sandbox.store.state import State

MAX_CONDITIONS = 100
_TIMESTAMPS = ("created_time", "last_edited_time")
_ALSO_SERVES = {
    "people": ("created_by", "last_edited_by"),
    "rich_text": ("title", "url", "email", "phone_number"),
}
"""By kind of condition: the other kinds of properties that Notion lets it test."""

Bounds = dict[str, Interval]
"""By timestamp name: an interval outside of which nothing can match."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled filter: the test, and the bounds that let an index do most of the work."""

    test: Test | None
    bounds: Bounds


class FilterCompiler:
    """Compiles the filter of one query.

    Args:
        state: Names behind mentions and related pages.
        schema: The properties of the data source.
        now: What "today" and "past_week" mean.
    """

    def __init__(self, state: State, schema: Schema, *, now: datetime) -> None:
        self._state = state
        self._schema = schema
        self._now = now

    def compile(self, body: Any) -> Filter:
        """The filter of a request; None matches everything.

        Raises:
            NotionError: validation_error for what Notion refuses, sandbox_unsupported for what the
                sandbox has not.
        """
        return Filter(None, {}) if body is None else self._compile(body, "body.filter", depth=0)

    def together(self, parts: Sequence[Filter]) -> Filter:
        """A filter that matches what all of them match."""
        tests = [part.test for part in parts if part.test is not None]
        return Filter(_all_of(tests) if tests else None, _narrowest(parts))

    def _compile(self, body: Any, path: str, *, depth: int) -> Filter:
        if not isinstance(body, dict):
            raise shape_error(path, "an object", body)
        compound = next((word for word in ("and", "or") if word in body), None)
        if compound is None:
            return self._condition(body, path)
        if depth == 2 or len(body) > 1:  # noqa: PLR2004 - Notion's depth
            raise body_error(
                f"{path}.{compound} should be not present, instead was `{compound}`: "
                "filters nest 2 levels."
            )
        parts = body[compound]
        if not isinstance(parts, list):
            raise shape_error(f"{path}.{compound}", "an array", parts)
        if len(parts) > MAX_CONDITIONS:
            limit = f"≤ `{MAX_CONDITIONS}`, instead was `{len(parts)}`."
            raise body_error(f"{path}.{compound}.length should be {limit}")
        compiled = [
            self._compile(part, f"{path}.{compound}[{i}]", depth=depth + 1)
            for i, part in enumerate(parts)
        ]
        if compound == "or":
            return Filter(_any_of([part.test for part in compiled if part.test is not None]), {})
        return Filter(
            _all_of([part.test for part in compiled if part.test is not None]), _narrowest(compiled)
        )

    def _condition(self, body: dict[str, Any], path: str) -> Filter:
        if "timestamp" in body:
            name = body["timestamp"]
            if name not in _TIMESTAMPS:
                raise shape_error(
                    f"{path}.timestamp", 'either "created_time" or "last_edited_time"', name
                )
            return self._time_condition(name, _only(body, name, path), f"{path}.{name}")
        if "property" not in body:
            raise missing_error(f"{path}.property")
        key = body["property"]
        prop = find_property(self._schema, key) if isinstance(key, str) else None
        if prop is None:
            raise validation_error(f"Could not find property with name or id: {key}")
        kinds = [kind for kind in body if kind not in ("property", "type")]
        if len(kinds) != 1:
            raise body_error(
                f"{path} should have exactly one condition, "
                f"instead had `{', '.join(kinds) or 'none'}`."
            )
        return self._property_condition(prop, kinds[0], body[kinds[0]], path)

    def _property_condition(self, prop: Property, kind: str, condition: Any, path: str) -> Filter:
        path = f"{path}.{kind}"
        _check_kind(prop, kind, path)
        if kind in _TIMESTAMPS:
            return self._time_condition(kind, condition, path)
        operator, operand = _single(condition, path)
        read = READERS[prop.kind](self._state, prop)
        if operator in ("is_empty", "is_not_empty") and kind != "checkbox":
            return Filter(existence_test(read, operator, operand, path), {})
        path = f"{path}.{operator}"
        if kind == "date":
            return Filter(
                interval_test(read, date_interval(operator, operand, now=self._now, path=path)), {}
            )
        if kind == "multi_select":
            return Filter(
                member_test(read, operator, option_ids_named(prop, operand, path), path), {}
            )
        if kind in ("select", "status"):
            return Filter(
                option_test(read, operator, option_ids_named(prop, operand, path), path), {}
            )
        return Filter(OPERATOR_TESTS[kind](read, operator, operand, path), {})

    def _time_condition(self, name: str, condition: Any, path: str) -> Filter:
        operator, operand = _single(condition, path)
        read = TIMES[name]
        if operator in ("is_empty", "is_not_empty"):
            return Filter(existence_test(read, operator, operand, path), {})
        interval = date_interval(operator, operand, now=self._now, path=f"{path}.{operator}")
        return Filter(interval_test(read, interval), {name: interval})


def _check_kind(prop: Property, kind: str, path: str) -> None:
    if kind in ELSEWHERE:
        raise unsupported(f"filters of type {kind!r}")
    if kind not in KINDS:
        raise body_error(f"{path} should be not present.")
    if kind != prop.kind and prop.kind not in _ALSO_SERVES.get(kind, ()):
        raise validation_error(f"database property {prop.kind} does not match filter {kind}")
    if kind == "formula":
        raise validation_error("Unable to filter based on a formula of unknown type")
    if kind not in READERS and kind not in _TIMESTAMPS:
        raise unsupported(f"filters on properties of type {kind!r}")


def _only(body: dict[str, Any], name: str, path: str) -> Any:
    for key in body:
        if key not in ("timestamp", "type", name):
            raise body_error(f"{path}.{key} should be not present.")
    if name not in body:
        raise missing_error(f"{path}.{name}")
    return body[name]


def _single(condition: Any, path: str) -> tuple[str, Any]:
    if not isinstance(condition, dict):
        raise shape_error(path, "an object", condition)
    if len(condition) != 1:
        raise body_error(
            f"{path} should have exactly one operator, "
            f"instead had `{', '.join(condition) or 'none'}`."
        )
    return next(iter(condition.items()))


def _any_of(tests: Sequence[Test]) -> Test:
    return lambda page: any(test(page) for test in tests)


def _all_of(tests: Sequence[Test]) -> Test:
    return lambda page: all(test(page) for test in tests)


def _narrowest(parts: Sequence[Filter]) -> Bounds:
    bounds: Bounds = {}
    for part in parts:
        for name, interval in part.bounds.items():
            bounds[name] = interval if name not in bounds else bounds[name].narrowed(interval)
    return bounds
