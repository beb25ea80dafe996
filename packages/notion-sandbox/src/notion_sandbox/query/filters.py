"""Filters of a query: Notion's JSON compiled to a test of a page.

Source: Notion's "Filter database entries" page. Compounds nest two levels, lists hold at most 100 conditions. A filter
on a formula that the API made is refused, as Notion does.
"""

import math
from collections.abc import Callable, Sequence
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
from notion_sandbox.schema.property_values import ELSEWHERE, KINDS, find_property
from notion_sandbox.schema.readers import READERS, TIMES, Reader
from notion_sandbox.store.objects import Page, Property, Schema
from notion_sandbox.store.state import State
from notion_sandbox.values.ids import parse_uuid

MAX_CONDITIONS = 100
_TEXT_KINDS = ("title", "rich_text", "url", "email", "phone_number")
_LIST_KINDS = ("relation", "people", "created_by", "last_edited_by")
_TIMESTAMPS = ("created_time", "last_edited_time")

Test = Callable[[Page], bool]
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
            NotionError: validation_error for what Notion refuses, sandbox_unsupported for what the sandbox has not.
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
                f"{path}.{compound} should be not present, instead was `{compound}`: filters nest 2 levels."
            )
        parts = body[compound]
        if not isinstance(parts, list):
            raise shape_error(f"{path}.{compound}", "an array", parts)
        if len(parts) > MAX_CONDITIONS:
            limit = f"≤ `{MAX_CONDITIONS}`, instead was `{len(parts)}`."
            raise body_error(f"{path}.{compound}.length should be {limit}")
        compiled = [self._compile(part, f"{path}.{compound}[{i}]", depth=depth + 1) for i, part in enumerate(parts)]
        if compound == "or":
            return Filter(_any_of([part.test for part in compiled if part.test is not None]), {})
        return Filter(_all_of([part.test for part in compiled if part.test is not None]), _narrowest(compiled))

    def _condition(self, body: dict[str, Any], path: str) -> Filter:
        if "timestamp" in body:
            name = body["timestamp"]
            if name not in _TIMESTAMPS:
                raise shape_error(f"{path}.timestamp", 'either "created_time" or "last_edited_time"', name)
            return self._time_condition(name, _only(body, name, path), f"{path}.{name}")
        if "property" not in body:
            raise missing_error(f"{path}.property")
        key = body["property"]
        prop = find_property(self._schema, key) if isinstance(key, str) else None
        if prop is None:
            raise validation_error(f"Could not find property with name or id: {key}")
        kinds = [kind for kind in body if kind not in ("property", "type")]
        if len(kinds) != 1:
            raise body_error(f"{path} should have exactly one condition, instead had `{', '.join(kinds) or 'none'}`.")
        return self._property_condition(prop, kinds[0], body[kinds[0]], path)

    def _property_condition(self, prop: Property, kind: str, condition: Any, path: str) -> Filter:
        path = f"{path}.{kind}"
        _check_kind(prop, kind, path)
        if kind in _TIMESTAMPS:
            return self._time_condition(kind, condition, path)
        operator, operand = _single(condition, path)
        read = READERS[prop.kind](self._state, prop)
        if operator in ("is_empty", "is_not_empty") and kind != "checkbox":
            return Filter(_existence(read, operator, operand, path), {})
        path = f"{path}.{operator}"
        if kind == "date":
            return Filter(_in_interval(read, date_interval(operator, operand, now=self._now, path=path)), {})
        if kind == "multi_select":
            return Filter(_member_test(read, operator, _option_ids(prop, operand, path), path), {})
        if kind in ("select", "status"):
            return Filter(_option_test(read, operator, _option_ids(prop, operand, path), path), {})
        return Filter(_TESTS[kind](read, operator, operand, path), {})

    def _time_condition(self, name: str, condition: Any, path: str) -> Filter:
        operator, operand = _single(condition, path)
        read = TIMES[name]
        if operator in ("is_empty", "is_not_empty"):
            return Filter(_existence(read, operator, operand, path), {})
        interval = date_interval(operator, operand, now=self._now, path=f"{path}.{operator}")
        return Filter(_in_interval(read, interval), {name: interval})


def _check_kind(prop: Property, kind: str, path: str) -> None:
    if kind in ELSEWHERE:
        raise unsupported(f"filters of type {kind!r}")
    if kind not in KINDS:
        raise body_error(f"{path} should be not present.")
    # Notion's people condition serves its authors' properties too.
    if kind != prop.kind and not (kind == "people" and prop.kind in ("created_by", "last_edited_by")):
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
        raise body_error(f"{path} should have exactly one operator, instead had `{', '.join(condition) or 'none'}`.")
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


def _unknown(path: str) -> Exception:
    return body_error(f"{path} should be not present: there is no such operator.")


def _existence(read: Reader, operator: str, operand: Any, path: str) -> Test:
    if operand is not True:
        raise shape_error(f"{path}.{operator}", "`true`", operand)
    empty = operator == "is_empty"
    return lambda page: (read(page) is None) is empty


def _in_interval(read: Reader, interval: Interval) -> Test:
    return lambda page: (moment := read(page)) is not None and interval.contains(moment)


def _option_ids(prop: Property, operand: Any, path: str) -> set[str]:
    names = operand if isinstance(operand, list) else [operand]
    found: set[str] = set()
    for name in names:
        if not isinstance(name, str):
            raise shape_error(path, "a string or an array of strings", operand)
        option = prop.option_named(name)
        in_group = {option.id for option in prop.options if option.group == name}
        if option is None and not in_group:
            available = ", ".join(f'"{option.name}"' for option in prop.options)
            raise validation_error(
                f'{prop.kind} option "{name}" not found for property "{prop.name}". Available options: {available}.'
            )
        found |= in_group if option is None else {option.id}
    return found


def _option_test(read: Reader, operator: str, ids: set[str], path: str) -> Test:
    if operator == "equals":
        return lambda page: read(page) in ids
    if operator == "does_not_equal":
        return lambda page: read(page) not in ids
    raise _unknown(path)


_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda text, wanted: text == wanted,
    "does_not_equal": lambda text, wanted: text != wanted,
    "contains": lambda text, wanted: wanted in text,
    "does_not_contain": lambda text, wanted: wanted not in text,
    "starts_with": lambda text, wanted: text.startswith(wanted),
    "ends_with": lambda text, wanted: text.endswith(wanted),
}


def _text_test(read: Reader, operator: str, operand: Any, path: str) -> Test:
    if operator not in _TEXT_TESTS:
        raise _unknown(path)
    if not isinstance(operand, str):
        raise shape_error(path, "a string", operand)
    compare, wanted = _TEXT_TESTS[operator], operand.casefold()
    return lambda page: compare(str(read(page) or "").casefold(), wanted)


_NUMBER_TESTS: dict[str, Callable[[float, float], bool]] = {
    "equals": lambda number, wanted: number == wanted,
    "greater_than": lambda number, wanted: number > wanted,
    "less_than": lambda number, wanted: number < wanted,
    "greater_than_or_equal_to": lambda number, wanted: number >= wanted,
    "less_than_or_equal_to": lambda number, wanted: number <= wanted,
}


def _number_test(read: Reader, operator: str, operand: Any, path: str) -> Test:
    if isinstance(operand, bool) or not isinstance(operand, int | float) or not math.isfinite(operand):
        raise shape_error(path, "a number", operand)
    if operator == "does_not_equal":
        return lambda page: read(page) != operand
    if operator not in _NUMBER_TESTS:
        raise _unknown(path)
    compare = _NUMBER_TESTS[operator]
    return lambda page: (number := read(page)) is not None and compare(number, operand)


def _checkbox_test(read: Reader, operator: str, operand: Any, path: str) -> Test:
    if operator not in ("equals", "does_not_equal"):
        raise _unknown(path)
    if not isinstance(operand, bool):
        raise shape_error(path, "a boolean", operand)
    wanted = operand is (operator == "equals")
    return lambda page: bool(read(page)) is wanted


def _list_test(read: Reader, operator: str, operand: Any, path: str) -> Test:
    wanted = parse_uuid(operand)
    if operator in ("contains", "does_not_contain") and wanted is None:
        raise shape_error(path, "a valid uuid", operand)
    return _member_test(read, operator, {wanted or ""}, path)


def _member_test(read: Reader, operator: str, wanted: set[str], path: str) -> Test:
    if operator not in ("contains", "does_not_contain"):
        raise _unknown(path)
    return lambda page: wanted.isdisjoint(read(page) or ()) is (operator == "does_not_contain")


def _no_other(_read: Reader, _operator: str, _operand: Any, path: str) -> Test:
    raise _unknown(path)


_TESTS: dict[str, Callable[[Reader, str, Any, str], Test]] = {
    **dict.fromkeys(_TEXT_KINDS, _text_test),
    **dict.fromkeys(_LIST_KINDS, _list_test),
    "number": _number_test,
    "unique_id": _number_test,
    "checkbox": _checkbox_test,
    "files": _no_other,
}
