"""Filters of a query: Notion's JSON compiled to a test of a page.

Source: Notion's "Filter database entries" page. Compounds nest two levels, lists hold at most 100
conditions. A filter on a formula that the API made is refused, as Notion does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notion_sandbox.errors import body_error, unsupported, validation_error
from notion_sandbox.query.intervals import Interval, date_interval
from notion_sandbox.query.operators import (
    EXISTENCE,
    OPERATOR_TESTS,
    Test,
    existence_test,
    interval_test,
    match_all,
    member_test,
    option_ids_named,
    option_test,
)
from notion_sandbox.schema.property_values import KINDS, UNSUPPORTED_KINDS, require_property
from notion_sandbox.schema.readers import READERS, TIMES
from notion_sandbox.store.objects import Property, Schema
from notion_sandbox.store.state import State
from notion_sandbox.values.checks import (
    first_key,
    refuse_other_keys,
    require_items,
    require_key,
    require_object,
    require_timestamp,
)
from notion_sandbox.values.types import Json

MAX_CONDITIONS = 100
MAX_DEPTH = 2
_TIMESTAMPS = ("created_time", "last_edited_time")
_OTHER_KINDS = {
    "people": ("created_by", "last_edited_by"),
    "rich_text": ("title", "url", "email", "phone_number"),
}
"""By kind of a condition: the other kinds of properties that it may test."""

Bounds = dict[str, Interval]
"""By timestamp name: an interval outside of which nothing can match."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled filter: the test, and the bounds that let an index do most of the work."""

    test: Test
    bounds: Bounds


MATCH_ALL = Filter(match_all, {})
"""The filter of a request without one."""


class FilterCompiler:
    """Compiles the filter of one query.

    Args:
        state: Where the names of mentioned and related pages are looked up.
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
                sandbox does not support.
        """
        if body is None:
            return MATCH_ALL
        return self._compile(body, "body.filter", depth=0)

    def _compile(self, value: Any, path: str, *, depth: int) -> Filter:
        body = require_object(value, path)
        operator = first_key(body, ("and", "or"))
        if operator is None:
            return self._condition(body, path)
        if depth == MAX_DEPTH or len(body) > 1:
            raise body_error(
                f"{path}.{operator} should be not present, instead was `{operator}`: "
                f"filters nest {MAX_DEPTH} levels."
            )
        items = require_items(body[operator], f"{path}.{operator}", MAX_CONDITIONS)
        parts = [self._compile(item, item_path, depth=depth + 1) for item_path, item in items]
        if operator == "or":
            return Filter(_any_of([part.test for part in parts]), {})
        return all_filters(parts)

    def _condition(self, body: Json, path: str) -> Filter:
        if "timestamp" in body:
            return self._timestamp_condition(body, path)
        key = require_key(body, "property", path)
        prop = require_property(self._schema, key)
        kinds = [kind for kind in body if kind not in ("property", "type")]
        kind = _only_one(kinds, "condition", path)
        return self._property_condition(prop, kind, body[kind], path)

    def _timestamp_condition(self, body: Json, path: str) -> Filter:
        name = require_timestamp(body["timestamp"], f"{path}.timestamp")
        refuse_other_keys(body, ("timestamp", "type", name), path)
        return self._time_condition(name, require_key(body, name, path), f"{path}.{name}")

    def _property_condition(self, prop: Property, kind: str, condition: Any, path: str) -> Filter:
        path = f"{path}.{kind}"
        _check_kind(prop, kind, path)
        if kind in _TIMESTAMPS:
            return self._time_condition(kind, condition, path)
        operator, operand = _single(condition, path)
        read = READERS[prop.kind](self._state, prop)
        if operator in EXISTENCE and kind != "checkbox":
            return Filter(existence_test(read, operator, operand, path), {})
        path = f"{path}.{operator}"
        match kind:
            case "date":
                interval = date_interval(operator, operand, now=self._now, path=path)
                test = interval_test(read, interval)
            case "multi_select":
                test = member_test(read, operator, option_ids_named(prop, operand, path), path)
            case "select" | "status":
                test = option_test(read, operator, option_ids_named(prop, operand, path), path)
            case _:
                test = OPERATOR_TESTS[kind](read, operator, operand, path)
        return Filter(test, {})

    def _time_condition(self, name: str, condition: Any, path: str) -> Filter:
        operator, operand = _single(condition, path)
        read = TIMES[name]
        if operator in EXISTENCE:
            return Filter(existence_test(read, operator, operand, path), {})
        interval = date_interval(operator, operand, now=self._now, path=f"{path}.{operator}")
        return Filter(interval_test(read, interval), {name: interval})


def _check_kind(prop: Property, kind: str, path: str) -> None:
    if kind in UNSUPPORTED_KINDS:
        raise unsupported(f"filters of type {kind!r}")
    if kind not in KINDS:
        raise body_error(f"{path} should be not present.")
    if prop.kind not in (kind, *_OTHER_KINDS.get(kind, ())):
        raise validation_error(f"database property {prop.kind} does not match filter {kind}")
    if kind == "formula":
        raise validation_error("Unable to filter based on a formula of unknown type")
    if kind not in (*READERS, *_TIMESTAMPS):
        raise unsupported(f"filters on properties of type {kind!r}")


def _single(value: Any, path: str) -> tuple[str, Any]:
    """The operator of a condition and its operand."""
    condition = require_object(value, path)
    operator = _only_one(list(condition), "operator", path)
    return operator, condition[operator]


def _only_one(names: list[str], what: str, path: str) -> str:
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise body_error(f"{path} should have exactly one {what}, instead had `{found}`.")
    return names[0]


def all_filters(parts: Sequence[Filter]) -> Filter:
    """A filter that matches what all of them match."""
    bounds: Bounds = {}
    for part in parts:
        for name, interval in part.bounds.items():
            bounds[name] = interval.narrowed(bounds.get(name, Interval()))
    return Filter(_all_of([part.test for part in parts]), bounds)


def _any_of(tests: Sequence[Test]) -> Test:
    return lambda page: any(test(page) for test in tests)


def _all_of(tests: Sequence[Test]) -> Test:
    return lambda page: all(test(page) for test in tests)
