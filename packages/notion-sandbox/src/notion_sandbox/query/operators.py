"""The operators of filter conditions: each becomes a test of a page.

Source: Notion's "Filter database entries" page.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from notion_sandbox.errors import body_error, shape_error, validation_error
from notion_sandbox.query.intervals import Interval
from notion_sandbox.schema.readers import Reader
from notion_sandbox.store.objects import Page, Property
from notion_sandbox.values.checks import is_number, require_boolean, require_text, require_uuid

_TEXT_KINDS = ("title", "rich_text", "url", "email", "phone_number")
_LIST_KINDS = ("relation", "people", "created_by", "last_edited_by")

_MEMBERSHIP = {"contains": True, "does_not_contain": False}
_EQUALITY = {"equals": True, "does_not_equal": False}
EXISTENCE = ("is_empty", "is_not_empty")

Test = Callable[[Page], bool]


def match_all(_page: Page) -> bool:
    """The test that every page passes."""
    return True


Named = TypeVar("Named")


def _by_operator(table: Mapping[str, Named], operator: str, path: str) -> Named:
    """What a table has for an operator; NotionError validation_error for an unknown one."""
    if operator not in table:
        raise body_error(f"{path} should be not present: there is no such operator.")
    return table[operator]


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
        found |= _ids_named(prop, name)
    return found


def _ids_named(prop: Property, name: str) -> set[str]:
    option = prop.option_named(name)
    if option is not None:
        return {option.id}
    in_group = {option.id for option in prop.options if option.group == name}
    if not in_group:
        available = ", ".join(f'"{option.name}"' for option in prop.options)
        raise validation_error(
            f'{prop.kind} option "{name}" not found for property "{prop.name}". '
            f"Available options: {available}."
        )
    return in_group


def option_test(read: Reader, operator: str, ids: set[str], path: str) -> Test:
    """Whether a select or status is one of some options."""
    wanted = _by_operator(_EQUALITY, operator, path)
    return lambda page: (read(page) in ids) is wanted


_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda text, wanted: text == wanted,
    "does_not_equal": lambda text, wanted: text != wanted,
    "contains": lambda text, wanted: wanted in text,
    "does_not_contain": lambda text, wanted: wanted not in text,
    "starts_with": lambda text, wanted: text.startswith(wanted),
    "ends_with": lambda text, wanted: text.endswith(wanted),
}


def _text_test(read: Reader, operator: str, operand: Any, path: str) -> Test:
    compare = _by_operator(_TEXT_TESTS, operator, path)
    wanted = require_text(operand, path).casefold()
    return lambda page: compare(str(read(page) or "").casefold(), wanted)


_NUMBER_TESTS: dict[str, Callable[[float, float], bool]] = {
    "equals": lambda number, wanted: number == wanted,
    "greater_than": lambda number, wanted: number > wanted,
    "less_than": lambda number, wanted: number < wanted,
    "greater_than_or_equal_to": lambda number, wanted: number >= wanted,
    "less_than_or_equal_to": lambda number, wanted: number <= wanted,
}


def _number_test(read: Reader, operator: str, operand: Any, path: str) -> Test:
    if not is_number(operand) or not math.isfinite(operand):
        raise shape_error(path, "a number", operand)
    if operator == "does_not_equal":
        return lambda page: read(page) != operand
    compare = _by_operator(_NUMBER_TESTS, operator, path)
    return lambda page: (number := read(page)) is not None and compare(number, operand)


def _checkbox_test(read: Reader, operator: str, operand: Any, path: str) -> Test:
    equal = _by_operator(_EQUALITY, operator, path)
    wanted = require_boolean(operand, path) is equal
    return lambda page: bool(read(page)) is wanted


def _list_test(read: Reader, operator: str, operand: Any, path: str) -> Test:
    _by_operator(_MEMBERSHIP, operator, path)
    return member_test(read, operator, {require_uuid(operand, path)}, path)


def member_test(read: Reader, operator: str, wanted: set[str], path: str) -> Test:
    """Whether a list holds one of some ids."""
    contains = _by_operator(_MEMBERSHIP, operator, path)
    return lambda page: wanted.isdisjoint(read(page) or ()) is not contains


def _no_operator(_read: Reader, operator: str, _operand: Any, path: str) -> Test:
    no_tests: dict[str, Test] = {}
    return _by_operator(no_tests, operator, path)


OPERATOR_TESTS: dict[str, Callable[[Reader, str, Any, str], Test]] = {
    **dict.fromkeys(_TEXT_KINDS, _text_test),
    **dict.fromkeys(_LIST_KINDS, _list_test),
    "number": _number_test,
    "unique_id": _number_test,
    "checkbox": _checkbox_test,
    "files": _no_operator,
}
