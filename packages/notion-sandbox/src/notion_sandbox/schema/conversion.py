"""What becomes of values when a property gets another type: they go by way of their text.

Notion documents that types can be changed ("Update a data source properties") and leaves the values
to its app, which keeps what the new type can hold: that is done here. A text that becomes a select
brings its options along.
"""

from dataclasses import replace
from random import Random

from notion_sandbox.errors import NotionError
from notion_sandbox.schema.options import new_option
from notion_sandbox.schema.property_values import TEXT_LIMITS
from notion_sandbox.store.objects import Page, Property, Value
from notion_sandbox.store.state import State
from notion_sandbox.values.choices import MAX_OPTION_NAME
from notion_sandbox.values.dates import DateValue, parse_date
from notion_sandbox.values.rich_text import MAX_TEXT, TextPart, plain_text

_KINDS = (
    *(
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
    ),
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
    """The property with the options that its values bring along, and its values by page id.

    Args:
        state: Where the pages are, the trashed ones too.
        before: The property as it was.
        after: As it shall be.
        rng: Source of ids and colours of new options.
        source_id: The data source.
    """
    values: dict[str, Value] = {}
    for page in state.pages.values():
        if page.data_source_id == source_id and before.id in page.values:
            text = _text(state, page, before)
            after = _with_options(after, text, rng)
            values[page.id] = _value(after, text)
    return after, values


def _text(state: State, page: Page, prop: Property) -> str:
    value = page.values.get(prop.id)
    if isinstance(value, tuple):
        return plain_text(value, state.describe)
    if isinstance(value, DateValue):
        return value.start
    if isinstance(value, list):
        return ", ".join(option.name for item in value if (option := prop.option(item)) is not None)
    if prop.options:
        option = prop.option(value)
        return "" if option is None else option.name
    if prop.kind == "checkbox":
        return "Yes" if value else "No"
    return "" if value is None else str(value)


def _with_options(prop: Property, text: str, rng: Random) -> Property:
    if prop.kind not in ("select", "multi_select"):
        return prop
    missing = [name for name in _names(prop, text) if prop.option_named(name) is None]
    return replace(prop, options=(*prop.options, *(new_option(name, rng) for name in missing)))


def _names(prop: Property, text: str) -> list[str]:
    parts = text.split(",") if prop.kind == "multi_select" else [text.replace(",", " ")]
    return list(dict.fromkeys(part.strip()[:MAX_OPTION_NAME] for part in parts if part.strip()))


def _value(prop: Property, text: str) -> Value:
    if not text:
        return [] if prop.kind == "multi_select" else None
    if prop.kind == "rich_text":
        return tuple(
            TextPart("text", text[at : at + MAX_TEXT]) for at in range(0, len(text), MAX_TEXT)
        )
    if prop.kind == "number":
        return _number(text)
    if prop.kind == "checkbox":
        return text.strip().casefold() in _TICKED
    if prop.kind == "date":
        return _date(text)
    if prop.kind in TEXT_LIMITS:
        return text[: TEXT_LIMITS[prop.kind]]
    ids = [
        option.id for name in _names(prop, text) if (option := prop.option_named(name)) is not None
    ]
    return ids if prop.kind == "multi_select" else next(iter(ids), None)


def _number(text: str) -> float | int | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() else number if abs(number) < float("inf") else None


def _date(text: str) -> DateValue | None:
    try:
        return parse_date({"start": text.strip()}, "")
    except NotionError:
        return None
