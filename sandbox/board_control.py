"""What the board page needs beside Notion's API: whose page it is, which boards there are, the trash, live news."""

import ipaddress
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sandbox.api import Api
from sandbox.call import LATEST
from sandbox.config import Clock, Config
from sandbox.feed import Feed
from sandbox.http_json import json_response
from sandbox.rendering import Renderer
from sandbox.rich_text import plain_text
from sandbox.state import State

_MOST_TRASHED = 200


class BoardControl:
    """The endpoints under /sandbox that serve the board page.

    Args:
        config: The settings.
        state: The objects.
        api: Whose tokens count.
        feed: The news.
        clock: Tells the time.
    """

    def __init__(self, config: Config, *, state: State, api: Api, feed: Feed, clock: Clock) -> None:
        self._config = config
        self._state = state
        self._api = api
        self._feed = feed
        self._clock = clock

    async def session(self, request: Request) -> Response:
        """GET /sandbox/session: the person for whom the page acts, with their token; to this machine only.

        The Host must be this machine's too, or a page of another site could have its own name lead here.
        """
        person = next((user for user in self._state.tokens.values() if user.kind == "person"), None)
        if person is None:
            return self._refused(404, "This sandbox has no person.")
        if not (_is_loopback(request.client.host if request.client else "") and _is_loopback(request.url.hostname)):
            return self._refused(403, "The token is shown on the machine of the sandbox only.")
        return self._ok({"token": person.token, "user": {"id": person.id, "name": person.name}, "version": LATEST})

    async def boards(self, _request: Request) -> Response:
        """GET /sandbox/boards: every data source in the order they were made, and what the page shows of the rest."""
        living = [source for source in self._state.sources.values() if not self._state.is_trashed(source)]
        sources = sorted(living, key=lambda source: source.created_at)
        boards = [
            {
                "database_id": source.database_id,
                "data_source_id": source.id,
                "title": plain_text(source.title, self._state.describe) or "Untitled",
            }
            for source in sources
        ]
        bots = [{"id": user.id, "name": user.name} for user in self._state.tokens.values() if user.kind == "bot"]
        return self._ok({"boards": boards, "bots": bots, "requests_per_minute": self._config.requests_per_minute})

    async def trash(self, request: Request) -> Response:
        """GET /sandbox/trash?data_source_id=: its trashed pages, last trashed first, for whoever has a token."""
        if self._api.user(request) is None:
            return self._refused(401, "API token is invalid.")
        source_id = request.query_params.get("data_source_id")
        if source_id not in self._state.sources:
            return self._refused(404, "There is no such data source.")
        pages = [p for p in self._state.pages.values() if p.in_trash and p.data_source_id == source_id]
        pages.sort(key=lambda page: (page.edited_at, page.number), reverse=True)
        render = Renderer(self._state, self._clock(), legacy=False)
        shown = [render.page(page) for page in pages[:_MOST_TRASHED]]
        return self._ok({"total": len(pages), "results": shown})

    async def stream(self, request: Request) -> Response:
        """GET /sandbox/stream: news as Server-Sent Events: change, schema, board, request, webhook, fault."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        events = self._feed.stream(request.headers.get("last-event-id"))
        return StreamingResponse(events, headers=headers, media_type="text/event-stream")

    def _ok(self, body: dict[str, Any]) -> Response:
        return json_response(body, 200, self._clock(), {"Cache-Control": "no-store"})

    def _refused(self, status: int, message: str) -> Response:
        return json_response({"status": status, "message": message}, status, self._clock())


def _is_loopback(host: str | None) -> bool:
    if host is not None and (host == "localhost" or host.endswith(".localhost")):
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
