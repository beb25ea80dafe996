"""Values that are lists: related pages, people, files (Notion: "Page property values")."""

from typing import Any

from notion_sandbox.errors import body_error, missing_error, shape_error
from notion_sandbox.values.files import parse_file
from notion_sandbox.values.ids import parse_uuid
from notion_sandbox.values.rich_text import check_length
from notion_sandbox.values.types import Json

MAX_ITEMS = 100
MAX_FILE_NAME = 100


def parse_ids(value: Any, path: str) -> list[str]:
    """Read `[{"id"}, …]` of a relation or people property, each id once.

    Raises:
        NotionError: validation_error.
    """
    ids: list[str] = []
    for index, item in enumerate(_items(value, path)):
        given = item.get("id") if isinstance(item, dict) else None
        object_id = parse_uuid(given)
        if object_id is None:
            raise shape_error(f"{path}[{index}].id", "a valid uuid", given)
        if object_id not in ids:
            ids.append(object_id)
    return ids


def parse_files(value: Any, path: str) -> list[Json]:
    """Read the files of a files property: links to elsewhere, and files that were uploaded.

    Raises:
        NotionError: validation_error, or sandbox_unsupported for files that Notion itself holds.
    """
    return [_parse_file(item, f"{path}[{index}]") for index, item in enumerate(_items(value, path))]


def _parse_file(item: Any, path: str) -> Json:
    if not isinstance(item, dict):
        raise shape_error(path, "an object", item)
    file, name = parse_file(item, path), item.get("name")
    if name is None and file["type"] == "file_upload":
        return file  # shown under the name that the file was uploaded with
    if name is None:
        raise missing_error(f"{path}.name")
    if not isinstance(name, str):
        raise shape_error(f"{path}.name", "a string", name)
    check_length(name, MAX_FILE_NAME, f"{path}.name")
    return {"name": name, **file}


def _items(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise shape_error(path, "an array", value)
    if len(value) > MAX_ITEMS:
        raise body_error(f"{path}.length should be ≤ `{MAX_ITEMS}`, instead was `{len(value)}`.")
    return value
