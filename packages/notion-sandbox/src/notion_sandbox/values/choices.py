"""Options as requests name them: one for select and status, several for multi_select."""

from dataclasses import dataclass
from typing import Any

from notion_sandbox.errors import body_error, missing_error, shape_error, validation_error
from notion_sandbox.values.rich_text import check_length

MAX_OPTION_NAME = 100
MAX_CHOICES = 100


@dataclass(frozen=True, slots=True)
class OptionChoice:
    """A choice as a request names it: by id, by name, or both. The id wins."""

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
    if not isinstance(value, dict):
        raise shape_error(path, "an object or `null`", value)
    option_id, name = value.get("id"), value.get("name")
    if option_id is None and name is None:
        raise missing_error(f"{path}.name")
    if option_id is not None and not isinstance(option_id, str):
        raise shape_error(f"{path}.id", "a string", option_id)
    if name is not None:
        check_option_name(name, f"{path}.name")
    return OptionChoice(option_id, name)


def parse_choices(value: Any, path: str) -> OptionChoices:
    """Read the choices of a multi_select, at most 100.

    Raises:
        NotionError: validation_error.
    """
    if not isinstance(value, list):
        raise shape_error(path, "an array", value)
    if len(value) > MAX_CHOICES:
        raise body_error(f"{path}.length should be ≤ `{MAX_CHOICES}`, instead was `{len(value)}`.")
    choices = [parse_choice(item, f"{path}[{index}]") for index, item in enumerate(value)]
    for index, choice in enumerate(choices):
        if choice is None:
            raise shape_error(f"{path}[{index}]", "an object", None)
    return OptionChoices(tuple(choice for choice in choices if choice is not None))


def check_option_name(name: Any, path: str) -> None:
    """Refuse a name that no option can have: not text, empty, over 100 characters, or with a comma.

    Raises:
        NotionError: validation_error in Notion's wording.
    """
    if not isinstance(name, str):
        raise shape_error(path, "a string", name)
    if not name:
        raise body_error(f"{path}.length should be ≥ `1`, instead was `0`.")
    check_length(name, MAX_OPTION_NAME, path)
    if "," in name:
        raise validation_error(f"Invalid select option, commas not allowed: {name}")
