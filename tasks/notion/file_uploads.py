"""Upload files to Notion: one part up to 20 MB, parts of 10 MiB beyond.

Source: Notion's "Uploading small files" and "Uploading larger files". An upload that nothing refers
to within an hour is deleted by Notion, so one that was given up leaves nothing behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from notion_client import AsyncClient

SINGLE_MAX: Final = 20_000_000
"""Bytes of a file that is sent in one part."""
PART: Final = 10 * 1024 * 1024
"""Bytes of each part of a larger file; Notion takes 5 to 20 MB, the last may be smaller."""

Json = dict[str, Any]


class _Send(Protocol):
    def __call__(self, call: Callable[[], Awaitable[Any]], *, writes: bool) -> Awaitable[Json]:
        """Send one request, as `NotionClient` does."""


class FileUploads:
    """The file uploads of a `NotionClient`; every method raises what its methods raise."""

    def __init__(self, sdk: AsyncClient, send: _Send) -> None:
        self._sdk = sdk
        self._send = send

    async def upload(self, path: Path, name: str, content_type: str | None) -> str:
        """Send a file, and return the id by which pages refer to the upload.

        Args:
            path: the file, which is read part by part.
            name: what the file is called in Notion, with its extension.
            content_type: None lets Notion decide by the name.

        Raises:
            OSError: the file cannot be read.
            NotionRejected, NotionForbidden: the workspace does not take this file.
        """
        size = (await asyncio.to_thread(path.stat)).st_size
        parts = -(-size // PART) if size > SINGLE_MAX else None
        body: Json = {"mode": "multi_part" if parts else "single_part", "filename": name}
        if content_type is not None:
            body["content_type"] = content_type
        if parts:
            body["number_of_parts"] = parts
        made = await self._send(partial(self._sdk.file_uploads.create, **body), writes=True)
        upload_id = str(made["id"])
        for number in range(parts or 1):
            content = await asyncio.to_thread(_read, path, number * PART, PART if parts else size)
            form: Json = {"file": (name, content, content_type or "application/octet-stream")}
            if parts:
                form["part_number"] = str(number + 1)
            sending = partial(self._sdk.file_uploads.send, upload_id, **form)
            await self._send(sending, writes=True)
        if parts:
            ending = partial(self._sdk.file_uploads.complete, upload_id)
            await self._send(ending, writes=True)
        return upload_id


def _read(path: Path, start: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)
