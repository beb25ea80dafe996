"""The operators of filter conditions: each becomes a test of a page.

Source: Notion's "Filter database entries" page.
"""

import math
from collections.abc import Callable
from typing import Any

from notion_sandbox.errors import body_error, shape_error, validation_error
from notion_sandbox.query.intervals import Interval
from notion_sandbox.schema.readers import Reader
from notion_sandbox.store.objects import Page, Property
from notion_sandbox.values.ids import parse_uuid

_TEXT_KINDS = ("title", "rich_text", "url", "email", "phone_number")
_LIST_KINDS = ("relation", "people", "created_by", "last_edited_by")

Test = Callable[[Page], bool]


def _unknown(path: str) -> Exception:
    return body_error(f"{path} should be not present: there is no such operator.")


def existence_test(read: Reader, operator: str, operand: Any, path: str) -> Test:
    """Whether a value is empty, or is not."""
    if operand is not True:
        raise shape_error(f"{path}.{operator}", "`true`", operand)
    empty = operator == "is_empty"
    return lambda page: (read(page) is None) is empty


def interval_test(read: Reader, interval: Interval) -> Test:
    """Whether a moment lies in an interval; an empty value does not."""
    return lambda page: (moment := read(page)) is not None and interval.contains(moment)


def option_ids_named(prop: Property, operand: Any, path: str) -> set[str]:
    """The ids of the options that a condition names; a status group's name stands for its options.

    Raises:
        NotionError: validation_error for a name that no option has.
    """
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
                f'{prop.kind} option "{name}" not found for property "{prop.name}". '
                f"Available options: {available}."
            )
        found |= in_group if option is None else {option.id}
    return found


def option_test(read: Reader, operator: str, ids: set[str], path: str) -> Test:
    """Whether a select or status is one of some options."""
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
    if (
        isinstance(operand, bool)
        or not isinstance(operand, int | float)
        or not math.isfinite(operand)
    ):
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
    return member_test(read, operator, {wanted or ""}, path)


def member_test(read: Reader, operator: str, wanted: set[str], path: str) -> Test:
    """Whether a list holds one of some ids."""
    if operator not in ("contains", "does_not_contain"):
        raise _unknown(path)
    return lambda page: wanted.isdisjoint(read(page) or ()) is (operator == "does_not_contain")


def _no_other(_read: Reader, _operator: str, _operand: Any, path: str) -> Test:
    raise _unknown(path)


OPERATOR_TESTS: dict[str, Callable[[Reader, str, Any, str], Test]] = {
    **dict.fromkeys(_TEXT_KINDS, _text_test),
    **dict.fromkeys(_LIST_KINDS, _list_test),
    "number": _number_test,
    "unique_id": _number_test,
    "checkbox": _checkbox_test,
    "files": _no_other,
}
