"""References to files in requests: external links, and files that were uploaded.

Source: Notion's "File object". A reference to an upload is kept as `{"type": "file_upload",
"file_upload": {"id"}}`; responses carry a URL in its place.
"""

from typing import Any
from urllib.parse import urlsplit

from notion_sandbox.errors import missing_error, shape_error, unsupported
from notion_sandbox.values.checks import check_length, get_field, require_uuid
from notion_sandbox.values.ids import parse_uuid
from notion_sandbox.values.types import Json

FILES_PATH = "/files"
"""Where the sandbox serves what was uploaded."""
MAX_URL = 2000


def parse_file(item: Json, path: str) -> Json:
    """A reference to a file: `external`, `file_upload`, or `file` as a response carried it.

    Raises:
        NotionError: validation_error, or sandbox_unsupported for a file that Notion would hold and
            this sandbox does not.
    """
    if "file_upload" in item:
        given = get_field(item["file_upload"], "id")
        return _upload(require_uuid(given, f"{path}.file_upload.id"))
    if "file" in item:
        return _upload(_id_in_url(get_field(item["file"], "url"), f"{path}.file.url"))
    return {"type": "external", "external": {"url": parse_external(item, path)}}


def parse_external(item: Json, path: str) -> str:
    """The URL of `{"external": {"url"}}`.

    Raises:
        NotionError: validation_error.
    """
    external = item.get("external")
    if not isinstance(external, dict):
        raise missing_error(f"{path}.external")
    url = external.get("url")
    if not isinstance(url, str) or not url:
        raise shape_error(f"{path}.external.url", "a valid URL", url)
    check_length(url, MAX_URL, f"{path}.external.url")
    return url


def _upload(upload_id: str) -> Json:
    return {"type": "file_upload", "file_upload": {"id": upload_id}}


def _id_in_url(url: Any, path: str) -> str:
    """The upload behind a URL that a response gave for it."""
    if not isinstance(url, str):
        raise shape_error(path, "a valid URL", url)
    folder, _, rest = urlsplit(url).path.removeprefix("/").partition("/")
    found = parse_uuid(rest.partition("/")[0])
    if f"/{folder}" != FILES_PATH or found is None:
        raise unsupported("files of Notion's own that it did not serve itself")
    return found
