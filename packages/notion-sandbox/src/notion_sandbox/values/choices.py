"""Options as requests name them: one for select and status, several for multi_select."""

from dataclasses import dataclass
from typing import Any

from notion_sandbox.errors import body_error, missing_error, shape_error, validation_error
from notion_sandbox.values.checks import (
    OBJECT,
    OBJECT_OR_NULL,
    require_items,
    require_object,
    require_text,
)

MAX_OPTION_NAME = 100
MAX_CHOICES = 100


@dataclass(frozen=True, slots=True)
class OptionChoice:
    """An option as a request names it: by id, by name, or both. The id wins."""

    id: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class OptionChoices:
    """The choices of a multi_select, in order."""

    items: tuple[OptionChoice, ...]


def parse_choice(value: Any, path: str) -> OptionChoice | None:
    """Read one choice: `{"id"}`, `{"name"}` or both; null for none.

    Raises:
        NotionError: validation_error.
    """
    if value is None:
        return None
    body = require_object(value, path, OBJECT_OR_NULL)
    option_id, name = body.get("id"), body.get("name")
    if option_id is None and name is None:
        raise missing_error(f"{path}.name")
    if option_id is not None:
        require_text(option_id, f"{path}.id")
    if name is not None:
        check_option_name(name, f"{path}.name")
    return OptionChoice(option_id, name)


def parse_choices(value: Any, path: str) -> OptionChoices:
    """Read the choices of a multi_select, at most 100.

    Raises:
        NotionError: validation_error.
    """
    items = require_items(value, path, MAX_CHOICES)
    return OptionChoices(tuple(_parse_listed(item, item_path) for item_path, item in items))


def _parse_listed(item: Any, path: str) -> OptionChoice:
    choice = parse_choice(item, path)
    if choice is None:
        raise shape_error(path, OBJECT, None)
    return choice


def check_option_name(name: Any, path: str) -> None:
    """Refuse a name that no option can have: not text, empty, over 100 characters, or with a comma.

    Raises:
        NotionError: validation_error in Notion's wording.
    """
    text = require_text(name, path, limit=MAX_OPTION_NAME)
    if not text:
        raise body_error(f"{path}.length should be ≥ `1`, instead was `0`.")
    if "," in text:
        raise validation_error(f"Invalid select option, commas not allowed: {text}")
