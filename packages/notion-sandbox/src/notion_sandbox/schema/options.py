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
from notion_sandbox.values.choices import check_option_name
from notion_sandbox.values.ids import new_uuid
from notion_sandbox.values.rich_text import OPTION_COLORS

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
        rng: Source of ids and of the colours of options that name none.

    Raises:
        NotionError: validation_error.
    """
    listed = config.get("options")
    if listed is None:
        return prop.options or (_status_defaults(rng) if prop.kind == "status" else ())
    if not isinstance(listed, list):
        raise shape_error(f"{path}.options", "an array", listed)
    if len(listed) > MAX_OPTIONS:
        raise body_error(
            f"{path}.options.length should be ≤ `{MAX_OPTIONS}`, instead was `{len(listed)}`."
        )
    if prop.kind == "status" and not listed:
        raise body_error(f"{path}.options.length should be ≥ `1`, instead was `0`.")
    options = tuple(
        _parse_option(prop, item, f"{path}.options[{index}]", rng)
        for index, item in enumerate(listed)
    )
    names = [option.name.casefold() for option in options]
    if len(set(names)) != len(names):
        raise validation_error(f"The options of {prop.name} must have different names.")
    return options


def new_option(name: str, rng: Random) -> Option:
    """An option that a value brings along, in a colour of chance."""
    return Option(new_uuid(rng), name, rng.choice(OPTION_COLORS))


def _status_defaults(rng: Random) -> tuple[Option, ...]:
    return tuple(
        Option(new_uuid(rng), name, color, group) for name, color, group in _STATUS_DEFAULTS
    )


def _parse_option(prop: Property, item: Any, path: str, rng: Random) -> Option:
    if not isinstance(item, dict):
        raise shape_error(path, "an object", item)
    option_id, name, color = item.get("id"), item.get("name"), item.get("color")
    if color is not None and color not in OPTION_COLORS:
        raise shape_error(f"{path}.color", "one of Notion's colors", color)
    if name is not None:
        check_option_name(name, f"{path}.name")
    existing = prop.option(option_id) if option_id is not None else None
    if existing is None and name is not None:
        existing = prop.option_named(name)
    if existing is not None:
        if color is not None and color != existing.color:
            raise validation_error(f"Cannot update color of {prop.kind} with name: {existing.name}")
        return replace(existing, description=_description(item, existing.description, path))
    if name is None:
        raise missing_error(f"{path}.name")
    group = _parse_group(item.get("group"), f"{path}.group") if prop.kind == "status" else None
    description = _description(item, None, path)
    return Option(new_uuid(rng), name, color or rng.choice(OPTION_COLORS), group, description)


def _description(item: dict[str, Any], present: str | None, path: str) -> str | None:
    text = item.get("description", present)
    if text is not None and not isinstance(text, str):
        raise shape_error(f"{path}.description", "a string or `null`", text)
    return text or None


def _parse_group(name: Any, path: str) -> str:
    groups = [group for group, _ in STATUS_GROUPS]
    if name is None:
        return groups[0]
    if name not in groups:
        raise shape_error(path, f"one of {', '.join(groups)}", name)
    return str(name)
