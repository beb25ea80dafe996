"""Uploads with mode `external_url`: the sandbox fetches them in the background.

Source: Notion's "Importing external files". Notion sends HEAD to the URL when the upload is
created; the sandbox does not, so a URL that HEAD would have refused becomes a failed import.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import httpx

from notion_sandbox.config import Clock
from notion_sandbox.files.events import announce
from notion_sandbox.files.uploads import finished, size_message
from notion_sandbox.store.file_upload import FileUpload
from notion_sandbox.store.state import State
from notion_sandbox.values.dates import zulu
from notion_sandbox.values.types import Json
from notion_sandbox.webhooks.outbox import Outbox

TIMEOUT_SECONDS = 60.0

_log = logging.getLogger("sandbox")


class Importer:
    """Fetches the files at the URLs of pending uploads.

    Args:
        state: The objects.
        outbox: Where the result is announced.
        clock: The time, for when a file was imported.
        http: Gives the client that fetches.
        limit: Bytes of a file in this workspace.
    """

    def __init__(
        self,
        state: State,
        outbox: Outbox,
        *,
        clock: Clock,
        http: Callable[[], httpx.AsyncClient],
        limit: int,
    ) -> None:
        self._state = state
        self._outbox = outbox
        self._clock = clock
        self._http = http
        self._limit = limit
        self._wake = asyncio.Event()
        self._busy: set[str] = set()

    def wake(self) -> None:
        """Make the background task check for pending uploads."""
        self._wake.set()

    async def run(self) -> int:
        """Fetch every pending file and wait for it. Returns the number of imports tried."""
        waiting = [upload for upload in self._state.uploads.waiting() if upload.is_import]
        pending = [upload for upload in waiting if upload.id not in self._busy]
        ids = {upload.id for upload in pending}
        self._busy |= ids
        try:
            await asyncio.gather(*map(self._import, pending))
        finally:
            self._busy -= ids
        return len(pending)

    async def pump(self) -> None:
        """Fetch for ever, each file as soon as its upload is made."""
        while True:
            self._wake.clear()
            try:
                await self.run()
            except Exception:  # noqa: BLE001 - a bug of the sandbox must not end all later imports
                _log.exception("Importing files failed")
            await self._wake.wait()

    async def _import(self, upload: FileUpload) -> None:
        content, error = await self._fetch(upload.external_url or "")
        now = self._clock()
        current = self._state.uploads.get(upload.id)
        if current is None or current.status != "pending":
            return
        result: Json = {"imported_time": zulu(now)}
        if error is None:
            self._state.uploads.put_part(upload.id, 1, content)
            sent = replace(current, sizes={"1": len(content)}, edited_at=now)
            result |= {"type": "success", "success": {}}
            done = finished(replace(sent, import_result=result))
            self._store(done, "completed", now, None)
        else:
            result |= {"type": "error", "error": error}
            failed = replace(current, status="failed", edited_at=now, import_result=result)
            self._store(failed, "upload_failed", now, {"file_import_result": result})

    def _store(self, upload: FileUpload, event: str, now: datetime, data: Json | None) -> None:
        self._state.uploads.put(upload)
        announce(self._state, self._outbox, upload, event, now, data)
        self._state.commit()

    async def _fetch(self, url: str) -> tuple[bytes, Json | None]:
        """The content and None, or nothing and the error."""
        received = bytearray()
        try:
            async with (
                asyncio.timeout(TIMEOUT_SECONDS),
                self._http().stream("GET", url, follow_redirects=True) as response,
            ):
                if not response.is_success:
                    message = f"The server answered {response.status_code}."
                    return b"", _error("download_error", message, response.status_code)
                async for chunk in response.aiter_bytes():
                    received += chunk
                    if len(received) > self._limit:
                        return b"", _error("validation_error", size_message(self._limit), None)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as failure:
            return b"", _error("download_error", f"{type(failure).__name__}: {failure}", None)
        return bytes(received), None


def _error(kind: str, message: str, status: int | None) -> Json:
    code = "invalid_size" if kind == "validation_error" else "download_error"
    return {
        "type": kind,
        "code": f"file_upload_{code}",
        "message": message,
        "parameter": None,
        "status_code": status,
    }
