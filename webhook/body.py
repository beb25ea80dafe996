"""Taking a request's body without letting its sender take the door: capped in bytes and in seconds."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from webhook.refusals import Refusal

BODY_MAX = 256 * 1024
"""Bytes. Four times what Notion sends at most."""
BODY_SECONDS = 5.0
"""Seconds the whole body may take."""
_LINGER_SECONDS = 2.0
_LENGTH_DIGITS_MAX = 18


async def read_body(request: Request, *, seconds: float = BODY_SECONDS) -> bytes:
    """The raw body, exactly as sent.

    A Content-Length above the cap is refused before a byte is read; a body that has none, or more
    bytes than it announced, is cut off as soon as it passes the cap.

    Raises:
        Refusal: 413 above `BODY_MAX`, 408 when it takes longer than `seconds`, 400 when the sender
            hung up.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal():
        # Python refuses to convert thousands of digits, so their number is judged first.
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
    """An answer given while the sender may still be sending: said at once, then the connection is closed.

    Closing with unread bytes makes TCP reset the connection, and most clients lose the answer with it. So what still
    comes is thrown away for a moment (2 s at most) before the end.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Answer, let the sender finish or hang up, close."""
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
