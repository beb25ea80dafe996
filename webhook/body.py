"""Read a request's body, capped in bytes and in seconds."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from webhook.refusals import Refusal

BODY_MAX = 256 * 1024
"""Bytes. Four times the largest body that Notion sends."""
BODY_SECONDS = 5.0
"""Time limit for receiving a whole body."""
_LINGER_SECONDS = 2.0
_LENGTH_DIGITS_MAX = 18


async def read_body(request: Request, *, seconds: float = BODY_SECONDS) -> bytes:
    """Read the raw body, exactly as sent.

    A Content-Length above the cap is refused before a byte is read. A body without one, or longer
    than it says, is refused as soon as it exceeds the cap.

    Raises:
        Refusal: 413 above `BODY_MAX`, 408 when it takes longer than `seconds`, 400 when the sender
            disconnected.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal():
        # Python refuses to convert thousands of digits, so their number is checked first.
        length = int(announced[:_LENGTH_DIGITS_MAX])
        if length > BODY_MAX or len(announced) > _LENGTH_DIGITS_MAX:
            raise Refusal(413, "body_too_large", size=length, unread=True)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_MAX:
                    raise Refusal(413, "body_too_large", size=len(body), unread=True)
    except TimeoutError:
        raise Refusal(408, "body_too_slow", size=len(body), unread=True) from None
    except ClientDisconnect:
        raise Refusal(400, "body_cut_off", size=len(body)) from None
    return bytes(body)


class CloseAfterResponse(JSONResponse):
    """A response sent while the sender may still be sending; then the connection is closed.

    Closing with unread bytes makes TCP reset the connection, and most clients lose the response.
    So the rest of the body is read and discarded for at most 2 s before.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Respond, let the sender finish or disconnect, close."""
        self.headers["connection"] = "close"
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                while (await receive()).get("more_body", False):
                    pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})
