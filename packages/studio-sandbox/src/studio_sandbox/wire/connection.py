"""Connections that are closed without an answer, or in the middle of one.

ASGI cannot do this, so it takes uvicorn's transport, which is reached through its own `send`.
"""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from studio_sandbox.errors import ConnectionDropped

_SEND = "studio_sandbox.send"


def remember_send(scope: Scope, send: Send) -> None:
    """Keep the web server's own `send`."""
    scope[_SEND] = send


def _transport(scope: Scope) -> Any:
    cycle = getattr(scope.get(_SEND), "__self__", None)
    transport = getattr(cycle, "transport", None)
    if transport is None:
        raise ConnectionDropped("The connection was closed without an answer.")
    return transport


async def drop(request: Request) -> Response:
    """Close the connection without an answer.

    Raises:
        ConnectionDropped: There is no connection to close: the caller is in this process.
    """
    _transport(request.scope).abort()
    await asyncio.sleep(0)
    # This is never received: uvicorn ignores what is sent after the end of a connection.
    return Response(status_code=500)


class Truncated(Response):
    """The beginning of an answer, after which the connection is closed.

    Args:
        whole: The answer.
        size: How many bytes of its body are sent; None for half of them.
    """

    def __init__(self, whole: Response, size: int | None) -> None:
        super().__init__(whole.body, whole.status_code)
        self.raw_headers = whole.raw_headers
        self._size = len(self.body) // 2 if size is None else size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the beginning, and close the connection once it has been sent."""
        transport = _transport(scope)
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})
        sent = bytes(self.body)[: self._size]
        await send({"type": "http.response.body", "body": sent, "more_body": True})
        transport.close()
        # The server counts the answer as unfinished until it knows that the connection is closed.
        while (await receive())["type"] != "http.disconnect":
            pass
