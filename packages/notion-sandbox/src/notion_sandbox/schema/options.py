"""The options of select, multi_select and status properties in requests.

Source: Notion's "Property object" page and public reports: a list of options replaces the old one,
a colour cannot be changed, a rename of an option is accepted and has no effect.
"""

from dataclasses import replace
from random import Random
from typing import Any

from notion_sandbox.errors import body_error, missing_error, shape_error, validation_error
from notion_sandbox.schema.rendering import STATUS_GROUPS
from notion_sandbox.store.objects import Option, Property
from notion_sandbox.values.checks import require_items, require_object, require_one_of
from notion_sandbox.values.choices import check_option_name
from notion_sandbox.values.ids import new_uuid
from notion_sandbox.values.rich_text import OPTION_COLORS
from notion_sandbox.values.types import Json

OPTION_KINDS = ("select", "multi_select", "status")
MAX_OPTIONS = 100
_STATUS_DEFAULTS = (
    ("Not started", "default", "To-do"),
    ("In progress", "blue", "In progress"),
    ("Done", "green", "Complete"),
)


def parse_options(
    prop: Property, config: dict[str, Any], path: str, rng: Random
) -> tuple[Option, ...]:
    """The options a property has after a request: those listed, or the present ones when none are.

    Args:
        prop: The property with its present options.
        config: What stands under its type.
        path: Where that stands in the request.
        rng: Source of ids, and of colours for options without one.

    Raises:
        NotionError: validation_error.
    """
    if config.get("options") is None:
        return prop.options or _default_options(prop, rng)
    items = require_items(config["options"], f"{path}.options", MAX_OPTIONS)
    if prop.kind == "status" and not items:
        raise body_error(f"{path}.options.length should be ≥ `1`, instead was `0`.")
    options = tuple(_parse_option(prop, item, item_path, rng) for item_path, item in items)
    names = {option.name.casefold() for option in options}
    if len(names) != len(options):
        raise validation_error(f"The options of {prop.name} must have different names.")
    return options


def new_option(name: str, rng: Random) -> Option:
    """A new option for a value that names it, in a random colour."""
    return Option(new_uuid(rng), name, rng.choice(OPTION_COLORS))


def _default_options(prop: Property, rng: Random) -> tuple[Option, ...]:
    if prop.kind != "status":
        return ()
    return tuple(
        Option(new_uuid(rng), name, color, group) for name, color, group in _STATUS_DEFAULTS
    )


def _parse_option(prop: Property, value: Any, path: str, rng: Random) -> Option:
    item = require_object(value, path)
    name, color = item.get("name"), item.get("color")
    if color is not None and color not in OPTION_COLORS:
        raise shape_error(f"{path}.color", "one of Notion's colors", color)
    if name is not None:
        check_option_name(name, f"{path}.name")
    existing = _existing(prop, item)
    if existing is not None:
        return _updated(prop, existing, item, path)
    if name is None:
        raise missing_error(f"{path}.name")
    option = Option(new_uuid(rng), name, color or rng.choice(OPTION_COLORS))
    if prop.kind == "status":
        option = replace(option, group=_parse_group(item.get("group"), f"{path}.group"))
    return replace(option, description=_description(item, None, path))


def _existing(prop: Property, item: Json) -> Option | None:
    """The present option that a request names, by its id or else by its name."""
    by_id = prop.option(item.get("id"))
    if by_id is None and item.get("name") is not None:
        return prop.option_named(item["name"])
    return by_id


def _updated(prop: Property, present: Option, item: Json, path: str) -> Option:
    if item.get("color") not in (None, present.color):
        raise validation_error(f"Cannot update color of {prop.kind} with name: {present.name}")
    return replace(present, description=_description(item, present.description, path))


def _description(item: Json, present: str | None, path: str) -> str | None:
    text = item.get("description", present)
    if text is not None and not isinstance(text, str):
        raise shape_error(f"{path}.description", "a string or `null`", text)
    return text or None


def _parse_group(name: Any, path: str) -> str:
    groups = [group for group, _ in STATUS_GROUPS]
    if name is None:
        return groups[0]
    return require_one_of(name, groups, path)
