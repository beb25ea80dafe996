"""What the board page needs besides Notion's API: its user, and a stream of changes."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from notion_sandbox.config import Clock
from notion_sandbox.request.call import LATEST
from notion_sandbox.request.http_json import json_response
from notion_sandbox.server.feed import Feed
from notion_sandbox.server.own_site import host_name, is_loopback
from notion_sandbox.store.state import State


class BoardControl:
    """The endpoints under /sandbox that serve the board page.

    Args:
        state: The objects.
        feed: The events that are streamed.
        clock: The time.
    """

    def __init__(self, *, state: State, feed: Feed, clock: Clock) -> None:
        self._state = state
        self._feed = feed
        self._clock = clock

    async def session(self, request: Request) -> Response:
        """GET /sandbox/session: the user of the board page with the token, for this machine only.

        The Host must be this machine too. Otherwise another site could point a domain name of its
        own at this server and read the token (DNS rebinding).
        """
        person = next((user for user in self._state.tokens.values() if user.kind == "person"), None)
        if person is None:
            return self._refused(404, "This sandbox has no person.")
        client = request.client.host if request.client else ""
        host = host_name(request.headers.get("host", ""))
        if not (is_loopback(client) and is_loopback(host)):
            return self._refused(403, "The token is shown on the machine of the sandbox only.")
        return self._ok(
            {
                "token": person.token,
                "user": {"id": person.id, "name": person.name},
                "version": LATEST,
            }
        )

    async def stream(self, request: Request) -> Response:
        """GET /sandbox/stream: Server-Sent Events.

        Their types are change, schema, board, request, webhook and fault.
        """
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        events = self._feed.stream(request.headers.get("last-event-id"))
        return StreamingResponse(events, headers=headers, media_type="text/event-stream")

    def _ok(self, body: dict[str, Any]) -> Response:
        return json_response(body, 200, self._clock(), {"Cache-Control": "no-store"})

    def _refused(self, status: int, message: str) -> Response:
        return json_response({"status": status, "message": message}, status, self._clock())
