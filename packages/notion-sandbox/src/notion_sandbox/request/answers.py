"""Requests as they are received, answers as they are sent, and dropping a connection."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope, Send

from notion_sandbox.request.call import Route
from notion_sandbox.request.http_json import json_response
from notion_sandbox.store.objects import User

_SEND = "sandbox.send"


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request of the API.

    Attributes:
        request: The request as Starlette has it.
        raw: The body; None for one that is too large.
        user: The caller; None for an unknown token.
        route: The endpoint; None for an unknown path.
        params: The parts of the path.
    """

    request: Request
    raw: bytes | None
    user: User | None
    route: Route | None
    params: dict[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent: a JSON object, or the text of an HTML page."""

    status: int
    body: dict[str, Any] | str
    headers: dict[str, str] = field(default_factory=dict)

    def response(self, at: datetime, headers: dict[str, str]) -> Response:
        """As the web server sends it, with the Date of the sandbox's own clock."""
        sent = {**self.headers, **headers}
        if isinstance(self.body, str):
            date = format_datetime(at, usegmt=True)
            return Response(
                self.body, self.status, headers={"Date": date, **sent}, media_type="text/html"
            )
        return json_response(self.body, self.status, at, sent)


def remember_send(scope: Scope, send: Send) -> None:
    """Keep the web server's own `send`: only through it can the connection be reached."""
    scope[_SEND] = send


async def drop_connection(request: Request) -> Response:
    """Close the connection without an answer.

    ASGI cannot do this, so it takes uvicorn's transport. Without a web server the caller is httpx
    in this process, which gets the exception that it would raise itself.

    Raises:
        RemoteProtocolError: There is no connection to close.
    """
    cycle = getattr(request.scope.get(_SEND), "__self__", None)
    transport = getattr(cycle, "transport", None)
    if transport is None:
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
    transport.abort()
    await asyncio.sleep(0)
    # This is never received: uvicorn ignores what is sent after the end of a connection.
    return Response(status_code=500)
