"""Resumable uploads. Source: developers.google.com, "Resumable Uploads" (YouTube Data API)."""

import re
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from studio_sandbox.config import Config
from studio_sandbox.services.youtube.errors import youtube_error
from studio_sandbox.services.youtube.grants import UPLOAD, Grants
from studio_sandbox.services.youtube.metadata import metadata
from studio_sandbox.services.youtube.sessions import Sessions
from studio_sandbox.store.journal import Body
from studio_sandbox.wire.connection import drop
from studio_sandbox.wire.route import Call

PATH: Final = "/upload/youtube/v3/videos"
_CHUNK: Final = 256 * 1024
"""Every part but the last is a multiple of so many bytes."""
_RANGE: Final = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


class Uploading:
    """The two endpoints.

    Args:
        config: The projects.
        grants: Who may upload.
        sessions: The sessions.
    """

    def __init__(self, config: Config, grants: Grants, sessions: Sessions) -> None:
        self._config = config
        self._grants = grants
        self._sessions = sessions

    async def insert(self, call: Call) -> Response:
        """POST: begins a session, whose URL is in `Location`."""
        grant = self._grants.of(call, UPLOAD)
        query = call.request.query_params
        if query.get("uploadType") != "resumable":
            raise youtube_error("notEmulated", "studio-sandbox emulates uploadType=resumable.")
        part = query.get("part", "")
        if not {"snippet", "status"} >= set(part.split(",")) or "snippet" not in part:
            raise youtube_error("badRequest", "part must be snippet,status")
        account = self._config.account("youtube", grant["client"])
        if account is None:
            raise youtube_error("authError")
        video = metadata(call.json())
        session_id = self._sessions.begin(call, account, grant["channel"], video)
        base = f"{call.request.base_url}{PATH[1:]}"
        url = f"{base}?uploadType=resumable&part={part}&upload_id={session_id}"
        headers = {"Location": url, "X-GUploader-UploadID": session_id}
        return Response(b"", 200, headers=headers)

    async def upload(self, call: Call) -> Response:
        """PUT: bytes of the film, or the question how many have come."""
        # The URL of a session is known only to who began it, and needs no token.
        session_id = call.request.query_params.get("upload_id", "")
        if lost := call.struck_by("session_expired"):
            self._sessions.lose(session_id, lost.code or "404")
        session = self._sessions.find(session_id, call.now)
        content_range = call.request.headers.get("content-range")
        asked = content_range.startswith("bytes */") if content_range else False
        if "video_id" in session or asked:
            return await self._state(call, session_id, session)
        start, total = self._part(call, session, content_range)
        if start != self._sessions.received(session_id):
            return await self._state(call, session_id, session)
        return await self._store(call, session_id, total)

    def _part(self, call: Call, session: Body, header: str | None) -> tuple[int, int]:
        """Where the bytes of a request begin, and how many the whole film has.

        Raises:
            ServiceError: 400 for a range that cannot be.
        """
        sent = call.request.headers.get("content-length")
        length = None if sent is None else int(sent)
        if header is None:
            return 0, _agreed(session, session["size"] if length is None else length)
        found = _RANGE.fullmatch(header)
        if found is None or found[1] is None or found[3] == "*":
            raise youtube_error("badRequest", "Content-Range must be bytes FIRST-LAST/TOTAL")
        first, last, total = int(found[1]), int(found[2]), int(found[3])
        size = last - first + 1
        if not first <= last < total or length not in (None, size):
            raise youtube_error("badRequest", "Content-Range and Content-Length do not agree")
        if last < total - 1 and size % _CHUNK:
            raise youtube_error("badRequest", f"A part must be a multiple of {_CHUNK} bytes")
        return first, _agreed(session, total)

    async def _store(self, call: Call, session_id: str, total: int) -> Response:
        """Add the bytes to the film, as far as they come."""
        limit = call.fault.at if call.fault and call.fault.kind in ("cut", "error") else None
        is_cut = False
        # Unbuffered: what has come is in the file when the connection breaks.
        with self._sessions.path(session_id).open("ab", buffering=0) as file:
            async for chunk in _stream(call):
                left = len(chunk) if limit is None else max(0, limit - file.tell())
                file.write(chunk[:left])
                is_cut = left < len(chunk) or (limit is not None and file.tell() >= limit)
                if is_cut and call.struck_by("cut"):
                    break
        if is_cut and call.struck_by("cut"):
            return await drop(call.request)
        if is_cut and (error := call.struck_by("error")):
            raise youtube_error(error.code or "backendError", error.message)
        if self._sessions.received(session_id) < total:
            return self._incomplete(session_id)
        return self._created(session_id, call)

    async def _state(self, call: Call, session_id: str, session: Body) -> Response:
        """How much has come: 308, or the video when everything has."""
        async for _ in _stream(call):
            pass
        if "video_id" in session:
            return self._created(session_id, call)
        total = session["size"] or _total(call)
        if total is not None and self._sessions.received(session_id) >= total:
            return self._created(session_id, call)
        return self._incomplete(session_id)

    def _incomplete(self, session_id: str) -> Response:
        received = self._sessions.received(session_id)
        headers = {"Range": f"bytes=0-{received - 1}"} if received else {}
        return Response(b"", 308, headers=headers)

    def _created(self, session_id: str, call: Call) -> Response:
        video_id = self._sessions.finish(session_id, call.now)
        return JSONResponse(self._sessions.resource(video_id), 201)


def _agreed(session: Body, total: int | None) -> int:
    """How many bytes the whole film has.

    Raises:
        ServiceError: 400: it was not said, or otherwise when the session began.
    """
    if total is None or session["size"] not in (None, total):
        raise youtube_error("badRequest", "The size of the film is missing, or not as announced")
    return total


def _total(call: Call) -> int | None:
    """How many bytes the whole film has, by a request's Content-Range."""
    found = _RANGE.fullmatch(call.request.headers.get("content-range", ""))
    return int(found[3]) if found and found[3] != "*" else None


async def _stream(call: Call) -> AsyncIterator[bytes]:
    """The body, as far as it comes."""
    try:
        async for chunk in call.request.stream():
            yield chunk
    except ClientDisconnect:
        return
