"""Values that are lists: related pages, people, files (Notion: "Page property values")."""

from typing import Any

from notion_sandbox.values.checks import (
    get_field,
    require_items,
    require_object,
    require_text,
    require_uuid,
    require_value,
)
from notion_sandbox.values.files import parse_file
from notion_sandbox.values.types import Json

MAX_ITEMS = 100
MAX_FILE_NAME = 100


def parse_ids(value: Any, path: str) -> list[str]:
    """Read `[{"id"}, …]` of a relation or people property, each id once.

    Raises:
        NotionError: validation_error.
    """
    items = require_items(value, path, MAX_ITEMS)
    ids = [require_uuid(get_field(item, "id"), f"{item_path}.id") for item_path, item in items]
    return list(dict.fromkeys(ids))


def parse_files(value: Any, path: str) -> list[Json]:
    """Read the files of a files property: external links, and files that were uploaded.

    Raises:
        NotionError: validation_error, or sandbox_unsupported for files that Notion itself stores.
    """
    items = require_items(value, path, MAX_ITEMS)
    return [_parse_file(item, item_path) for item_path, item in items]


def _parse_file(value: Any, path: str) -> Json:
    item = require_object(value, path)
    file = parse_file(item, path)
    if item.get("name") is None and file["type"] == "file_upload":
        return file  # shown under the name that the file was uploaded with
    name = require_text(require_value(item, "name", path), f"{path}.name", limit=MAX_FILE_NAME)
    return {"name": name, **file}
