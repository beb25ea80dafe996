"""Conversion of values when a property gets another type: each value is read from its text.

Notion documents that types can be changed ("Update a data source properties"), but not what happens
to the values. Its app keeps what the new type can hold, and so does the sandbox. A text that
becomes a select adds its options.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from random import Random

from notion_sandbox.errors import NotionError
from notion_sandbox.schema.options import new_option
from notion_sandbox.schema.property_values import TEXT_LIMITS
from notion_sandbox.store.objects import Property, Value
from notion_sandbox.store.state import State
from notion_sandbox.values.choices import MAX_OPTION_NAME
from notion_sandbox.values.dates import DateValue, parse_date
from notion_sandbox.values.rich_text import MAX_TEXT, RichText, TextPart, plain_text

_KINDS = (
    "rich_text",
    "number",
    "select",
    "multi_select",
    "status",
    "date",
    "checkbox",
    "url",
    "email",
    "phone_number",
)
_TICKED = ("yes", "true", "1")


def can_become(before: str, after: str) -> bool:
    """Whether the sandbox can change a property of one type into another.

    A title stays what it is.
    """
    return before in _KINDS and after in _KINDS


def convert(
    state: State, before: Property, after: Property, rng: Random, source_id: str
) -> tuple[Property, dict[str, Value]]:
    """The property with the options that its values add, and its values by page id.

    Args:
        state: Where the pages are, the trashed ones too.
        before: The property as it was.
        after: The property with its new type.
        rng: Source of ids and colours of new options.
        source_id: The data source.
    """
    values: dict[str, Value] = {}
    for page in state.pages_of(source_id):
        if before.id in page.values:
            text = _text(state, page.values[before.id], before)
            after = _with_options(after, text, rng)
            values[page.id] = _value(after, text)
    return after, values


def _text(state: State, value: Value, prop: Property) -> str:
    if isinstance(value, tuple):
        return plain_text(value, state.describe)
    if isinstance(value, DateValue):
        return value.start
    if isinstance(value, list) or prop.options:
        return ", ".join(option.name for option in prop.chosen(value))
    if prop.kind == "checkbox":
        return "Yes" if value else "No"
    return "" if value is None else str(value)


def _with_options(prop: Property, text: str, rng: Random) -> Property:
    if prop.kind not in ("select", "multi_select"):
        return prop
    missing = [name for name in _names(prop, text) if prop.option_named(name) is None]
    return replace(prop, options=(*prop.options, *(new_option(name, rng) for name in missing)))


def _names(prop: Property, text: str) -> list[str]:
    """The names of the options in a text; only a multi_select has more than one."""
    if prop.kind != "multi_select":
        text = text.replace(",", " ")
    parts = text.split(",")
    names = (part.strip()[:MAX_OPTION_NAME] for part in parts)
    return list(dict.fromkeys(filter(None, names)))


def _value(prop: Property, text: str) -> Value:
    """The value that a text becomes; an empty one when the type cannot hold it."""
    if prop.kind == "multi_select":
        return _option_ids(prop, text)
    if not text:
        return None
    if prop.kind in ("select", "status"):
        return next(iter(_option_ids(prop, text)), None)
    return _FROM_TEXT[prop.kind](text)


def _option_ids(prop: Property, text: str) -> list[str]:
    options = map(prop.option_named, _names(prop, text))
    return [option.id for option in options if option]


def _number(text: str) -> float | int | None:
    try:
        number = float(text)
    except ValueError:
        return None
    if number.is_integer():
        return int(number)
    return number if math.isfinite(number) else None


def _date(text: str) -> DateValue | None:
    try:
        return parse_date({"start": text.strip()}, "")
    except NotionError:
        return None


def _rich_text(text: str) -> RichText:
    starts = range(0, len(text), MAX_TEXT)
    return tuple(TextPart("text", text[start : start + MAX_TEXT]) for start in starts)


def _checkbox(text: str) -> bool:
    return text.strip().casefold() in _TICKED


def _shortened(limit: int) -> Callable[[str], str]:
    return lambda text: text[:limit]


_FROM_TEXT: dict[str, Callable[[str], Value]] = {
    "rich_text": _rich_text,
    "number": _number,
    "checkbox": _checkbox,
    "date": _date,
    **{kind: _shortened(limit) for kind, limit in TEXT_LIMITS.items()},
}
"""By kind of a property without options: its value for a text that is not empty."""
