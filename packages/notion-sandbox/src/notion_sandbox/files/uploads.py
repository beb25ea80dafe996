"""The rules of file uploads: what may be announced, sent, completed and attached.

Source: Notion's "Create a file upload", "Send a file upload", "Complete a file upload", "Uploading
larger files" and "Importing external files". Notion publishes the rules and few of its messages, so
the texts of refusals are the sandbox's own where no recording shows one.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from notion_sandbox.errors import body_error, missing_error, shape_error, validation_error
from notion_sandbox.files.content_types import base_type, extension_of, type_of
from notion_sandbox.store.file_upload import FileUpload
from notion_sandbox.values.dates import floor_to_minute
from notion_sandbox.values.rich_text import check_length

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
    mode = body.get("mode", "single_part")
    if mode not in _MODES:
        raise shape_error("body.mode", "one of " + ", ".join(f'"{name}"' for name in _MODES), mode)
    parts = _parts(body.get("number_of_parts"), mode)
    url = _external_url(body.get("external_url"), mode)
    declared = body.get("content_type")
    if declared is not None and (not isinstance(declared, str) or extension_of(declared) is None):
        raise shape_error("body.content_type", "a MIME type that Notion takes", declared)
    filename = _filename(body.get("filename"), declared, required=mode != "single_part")
    inferred = None if filename is None else type_of(filename)
    return FileUpload(
        upload_id,
        mode,
        "pending",
        filename,
        declared or inferred,
        now,
        author,
        now,
        floor_to_minute(now) + LIFETIME,
        declared_type=declared,
        parts=parts,
        external_url=url,
    )


def _parts(value: Any, mode: str) -> int | None:
    path = "body.number_of_parts"
    if mode != "multi_part":
        if value is not None:
            raise body_error(f"{path} should be not present unless the mode is `multi_part`.")
        return None
    if value is None:
        raise missing_error(path)
    if isinstance(value, bool) or not isinstance(value, int):
        raise shape_error(path, "a number", value)
    if not 1 <= value <= MAX_PARTS:
        raise shape_error(path, f"from 1 to {MAX_PARTS}", value)
    return value


def _external_url(value: Any, mode: str) -> str | None:
    path = "body.external_url"
    if mode != "external_url":
        if value is not None:
            raise body_error(f"{path} should be not present unless the mode is `external_url`.")
        return None
    if value is None:
        raise missing_error(path)
    if not isinstance(value, str):
        raise shape_error(path, "a string", value)
    check_length(value, MAX_URL, path)
    found = urlsplit(value)
    # Notion wants HTTPS; a test's own server on this machine has none.
    if found.scheme != "https" and (found.scheme, found.hostname in _LOCAL) != ("http", True):
        raise shape_error(path, "an HTTPS URL", value)
    return value


def _filename(value: Any, declared: str | None, *, required: bool) -> str | None:
    path = "body.filename"
    if value is None:
        if required:
            raise missing_error(path)
        return None
    if not isinstance(value, str) or not value:
        raise shape_error(path, "a non-empty string", value)
    if len(value.encode()) > MAX_FILENAME:
        raise body_error(f"{path} should have at most `{MAX_FILENAME}` bytes.")
    if type_of(value) is not None:
        return value
    ending = None if declared is None or "." in value else extension_of(declared)
    if ending is None:
        raise shape_error(path, "a name with an extension that Notion takes", value)
    return value + ending


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
        upload: As it is.
        content: The bytes.
        filename: The name that the form gives its file.
        content_type: The MIME type that the form gives its file.
        number: The form's `part_number`.
        limit: Bytes of a file in this workspace.
        now: The present.

    Raises:
        NotionError: validation_error.
    """
    _check_pending(upload)
    if upload.mode == "external_url":
        raise validation_error("A file upload with mode `external_url` takes no file.")
    part = _part_number(upload, number)
    _check_size(upload, part, len(content), limit)
    if upload.declared_type is not None and content_type is not None:
        given, wanted = base_type(content_type), base_type(upload.declared_type)
        if given not in (wanted, "application/octet-stream"):
            raise validation_error(
                f"The content type of the file is `{given}`, not `{wanted}` as announced."
            )
    sent = replace(upload, sizes={**upload.sizes, str(part): len(content)}, edited_at=now)
    return (_named(sent, filename, content_type) if upload.parts is None else sent), part


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
    if not number.isascii() or not number.isdecimal() or not 1 <= int(number) <= upload.parts:
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
    """What Notion says of a file that is too large for the workspace (recorded)."""
    allowed = f"{limit // MEBIBYTE} MiB" if limit >= MEBIBYTE else f"{limit} bytes"
    return (
        f"The file size is not within the allowed limit of {allowed}. "
        "Please try again with a new file upload."
    )


def _named(upload: FileUpload, filename: str | None, content_type: str | None) -> FileUpload:
    """A single part's file: its name and type are the form's where none was announced."""
    declared = content_type if content_type and extension_of(content_type) else None
    name = upload.filename or _filename(filename or "file", declared, required=True)
    kind = upload.content_type or declared or type_of(name or "")
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
    """The upload once something shows it: it does not expire any more.

    Raises:
        NotionError: validation_error for one that is not uploaded, or has expired.
    """
    if upload.status != "uploaded":
        raise validation_error(
            f"The file upload {upload.id} has the status `{upload.status}`, not `uploaded`."
        )
    return replace(upload, expires_at=None)
