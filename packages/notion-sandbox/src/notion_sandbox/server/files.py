"""Serves uploaded files under their signed URLs; 403 when a URL has expired, as Notion's store."""

from starlette.requests import Request
from starlette.responses import Response

from notion_sandbox.config import Clock
from notion_sandbox.files.signing import is_valid
from notion_sandbox.store.state import State

_REFUSED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
# Uploaded files share the board page's origin, so their scripts must not run.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, max-age=3600",
}


class Files:
    """GET /files/{upload_id}/{name}?expires=&signature=.

    Args:
        state: The uploads and the key that signs.
        clock: The time, for URLs that expire.
    """

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        upload_id = request.path_params["upload_id"]
        expires, signature = (request.query_params.get(k, "") for k in ("expires", "signature"))
        key, now = self._state.meta["file_key"], self._clock()
        if not is_valid(key, upload_id, expires, signature, now):
            return Response(_REFUSED, 403, headers=_HEADERS, media_type="application/xml")
        upload = self._state.uploads.get(upload_id)
        if upload is None or upload.status != "uploaded":
            return Response("There is no such file.", 404, headers=_HEADERS)
        kind = upload.content_type or "application/octet-stream"
        return Response(
            self._state.uploads.content(upload_id), headers={**_HEADERS, "Content-Type": kind}
        )
