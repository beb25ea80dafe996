"""The rules of file uploads: what may be created, sent, completed and attached.

Source: Notion's "Create a file upload", "Send a file upload", "Complete a file upload", "Uploading
larger files" and "Importing external files". Notion publishes the rules and few of its messages. A
message without a recording is the sandbox's own.
"""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from notion_sandbox.errors import body_error, missing_error, shape_error, validation_error
from notion_sandbox.files.content_types import base_type, extension_of, type_of
from notion_sandbox.store.file_upload import FileUpload
from notion_sandbox.values.checks import (
    is_whole_number,
    require_one_of,
    require_text,
    require_value,
)
from notion_sandbox.values.dates import floor_to_minute
from notion_sandbox.values.types import Json

MEBIBYTE = 1024 * 1024
MAX_PART = 20 * MEBIBYTE
MIN_PART = 5 * MEBIBYTE
MAX_PARTS = 10_000
MAX_FILENAME = 900
MAX_URL = 2000
LIFETIME = timedelta(hours=1)
_MODES = ("single_part", "multi_part", "external_url")
_LOCAL = ("127.0.0.1", "localhost", "::1")


def announced(body: dict[str, Any], *, upload_id: str, author: str, now: datetime) -> FileUpload:
    """The pending upload that a request makes.

    Raises:
        NotionError: validation_error.
    """
    expected = 'one of "single_part", "multi_part", "external_url"'
    mode = require_one_of(body.get("mode", "single_part"), _MODES, "body.mode", expected)
    parts = _parts(body, mode)
    url = _external_url(body, mode)
    declared = body.get("content_type")
    if declared is not None and (not isinstance(declared, str) or extension_of(declared) is None):
        raise shape_error("body.content_type", "a MIME type that Notion takes", declared)
    filename = _filename(body.get("filename"), declared)
    if filename is None and mode != "single_part":
        raise missing_error("body.filename")
    return FileUpload(
        upload_id,
        mode,
        "pending",
        filename,
        declared or (filename and type_of(filename)),
        now,
        author,
        now,
        floor_to_minute(now) + LIFETIME,
        declared_type=declared,
        parts=parts,
        external_url=url,
    )


def _only_in_mode(body: Json, key: str, mode: str, required: str) -> Any:
    """The value under a key that one mode requires and the others do not have."""
    if mode == required:
        return require_value(body, key, "body")
    if body.get(key) is not None:
        raise body_error(f"body.{key} should be not present unless the mode is `{required}`.")
    return None


def _parts(body: Json, mode: str) -> int | None:
    count = _only_in_mode(body, "number_of_parts", mode, "multi_part")
    if count is None:
        return None
    if not is_whole_number(count):
        raise shape_error("body.number_of_parts", "a number", count)
    if not 1 <= count <= MAX_PARTS:
        raise shape_error("body.number_of_parts", f"from 1 to {MAX_PARTS}", count)
    return int(count)


def _external_url(body: Json, mode: str) -> str | None:
    given = _only_in_mode(body, "external_url", mode, "external_url")
    if given is None:
        return None
    url = require_text(given, "body.external_url", limit=MAX_URL)
    found = urlsplit(url)
    # Notion requires HTTPS; a test's own server on this machine has none.
    is_local = found.scheme == "http" and found.hostname in _LOCAL
    if found.scheme != "https" and not is_local:
        raise shape_error("body.external_url", "an HTTPS URL", url)
    return url


def _filename(value: Any, declared: str | None) -> str | None:
    """A name with an extension that Notion accepts, if need be that of the declared MIME type."""
    path = "body.filename"
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise shape_error(path, "a non-empty string", value)
    if len(value.encode()) > MAX_FILENAME:
        raise body_error(f"{path} should have at most `{MAX_FILENAME}` bytes.")
    if type_of(value) is not None:
        return value
    extension = extension_of(declared or "")
    if extension is None or "." in value:
        raise shape_error(path, "a name with an extension that Notion takes", value)
    return value + extension


def with_part(
    upload: FileUpload,
    content: bytes,
    *,
    filename: str | None,
    content_type: str | None,
    number: str | None,
    limit: int,
    now: datetime,
) -> tuple[FileUpload, int]:
    """The upload after a part was sent, and the part's number.

    Args:
        upload: The upload before.
        content: The bytes.
        filename: The name that the form gives its file.
        content_type: The MIME type that the form gives its file.
        number: The form's `part_number`.
        limit: Bytes of a file in this workspace.
        now: The time of the request.

    Raises:
        NotionError: validation_error.
    """
    _check_pending(upload)
    if upload.mode == "external_url":
        raise validation_error("A file upload with mode `external_url` takes no file.")
    part = _part_number(upload, number)
    _check_size(upload, part, len(content), limit)
    _check_type(upload, content_type)
    sent = replace(upload, sizes={**upload.sizes, str(part): len(content)}, edited_at=now)
    if upload.parts is None:
        sent = _named(sent, filename, content_type)
    return sent, part


def _check_type(upload: FileUpload, content_type: str | None) -> None:
    if upload.declared_type is None or content_type is None:
        return
    given, wanted = base_type(content_type), base_type(upload.declared_type)
    if given not in (wanted, "application/octet-stream"):
        raise validation_error(
            f"The content type of the file is `{given}`, not `{wanted}` as announced."
        )


def _check_pending(upload: FileUpload) -> None:
    if upload.status != "pending":
        raise validation_error(
            f"The file upload {upload.id} has the status `{upload.status}`, not `pending`."
        )


def _part_number(upload: FileUpload, number: str | None) -> int:
    path = "body.part_number"
    if upload.parts is None:
        if number not in (None, "1"):
            raise body_error(f"{path} should be not present unless the mode is `multi_part`.")
        return 1
    if number is None:
        raise missing_error(path)
    if not re.fullmatch("[0-9]+", number) or not 1 <= int(number) <= upload.parts:
        raise shape_error(path, f"from 1 to {upload.parts}", number)
    return int(number)


def _check_size(upload: FileUpload, part: int, size: int, limit: int) -> None:
    others = sum(length for key, length in upload.sizes.items() if key != str(part))
    if others + size > limit:
        raise validation_error(size_message(limit))
    if size > MAX_PART:
        raise validation_error("A part of a file may have at most 20 MiB.")
    if upload.parts is not None and part < upload.parts and size < MIN_PART:
        raise validation_error("Every part of a file but the last must have at least 5 MiB.")


def size_message(limit: int) -> str:
    """Notion's message for a file that is too large for the workspace (recorded)."""
    allowed = f"{limit // MEBIBYTE} MiB" if limit >= MEBIBYTE else f"{limit} bytes"
    return (
        f"The file size is not within the allowed limit of {allowed}. "
        "Please try again with a new file upload."
    )


def _named(upload: FileUpload, filename: str | None, content_type: str | None) -> FileUpload:
    """The upload with the name and type of the form's file, where the upload has none."""
    known_type = content_type
    if extension_of(content_type or "") is None:
        known_type = None
    name = upload.filename or _filename(filename or "file", known_type)
    kind = upload.content_type or known_type or type_of(name or "")
    return finished(replace(upload, filename=name, content_type=kind))


def completed(upload: FileUpload, now: datetime) -> FileUpload:
    """The upload after all its parts were sent.

    Raises:
        NotionError: validation_error.
    """
    _check_pending(upload)
    if upload.parts is None:
        raise validation_error("Only file uploads with mode `multi_part` are completed.")
    missing = upload.parts - len(upload.sizes)
    if missing:
        raise validation_error(
            f"{missing} of the {upload.parts} parts of the file upload have not been sent."
        )
    return finished(replace(upload, edited_at=now))


def finished(upload: FileUpload) -> FileUpload:
    """The upload with everything sent."""
    return replace(upload, status="uploaded", content_length=sum(upload.sizes.values()))


def attached(upload: FileUpload) -> FileUpload:
    """The upload after a page or block refers to it: it no longer expires.

    Raises:
        NotionError: validation_error for one that is not uploaded, or has expired.
    """
    if upload.status != "uploaded":
        raise validation_error(
            f"The file upload {upload.id} has the status `{upload.status}`, not `uploaded`."
        )
    return replace(upload, expires_at=None)
