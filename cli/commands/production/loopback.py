"""The answer of a sign-in in the browser, received on this machine (RFC 8252, section 7.3)."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from models.errors import GiveUp

_LINE_MAX: Final = 16 * 1024
"""Bytes of a request that are read."""
_DONE: Final = (
    "Showrunner got the answer. You can close this page; the command says what became of it."
)


@dataclass
class Redirect:
    """Waits for the browser to come back.

    Attributes:
        state: what the browser must bring back, so that no other page can answer in its place.
        address: where it comes back to.
    """

    state: str
    address: str = ""
    _answer: asyncio.Future[dict[str, str]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    async def code(self) -> str:
        """The code that the service gave.

        Raises:
            GiveUp: the person said no, or the service refused.
        """
        answer = await self._answer
        if not answer.get("code"):
            reason = answer.get("error", "it says nothing more")
            raise GiveUp(f"The sign-in brought no code: {reason}. Run the command again.")
        return answer["code"]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request of a browser."""
        try:
            line = (await reader.readline()).decode("ascii", errors="replace")
            while (await reader.readline()).strip():
                pass  # the headers say nothing that counts
            status, text = self._take(line)
            writer.write(_page(status, text))
            await writer.drain()
        except (ConnectionError, ValueError):
            pass  # a browser that went away, or no browser
        finally:
            writer.close()

    def _take(self, line: str) -> tuple[str, str]:
        method, _, rest = line.partition(" ")
        asked = urlsplit(rest.partition(" ")[0])
        given = {name: values[0] for name, values in parse_qs(asked.query).items()}
        if method != "GET" or asked.path != "/" or "state" not in given:
            return "404 Not Found", "There is nothing here."
        if not hmac.compare_digest(given["state"].encode(), self.state.encode()):
            return "400 Bad Request", "This answer belongs to another sign-in."
        if not self._answer.done():
            self._answer.set_result(given)
        return "200 OK", _DONE


def _page(status: str, text: str) -> bytes:
    body = f"<!doctype html><meta charset=utf-8><title>Showrunner</title><p>{text}</p>".encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\nReferrer-Policy: no-referrer\r\n\r\n"
    )
    return head.encode() + body


@asynccontextmanager
async def redirect(state: str, port: int) -> AsyncIterator[Redirect]:
    """Listen on this machine only.

    Args:
        port: 0 for any that is free.

    Raises:
        GiveUp: when the port is taken.
    """
    waiting = Redirect(state)
    try:
        server = await asyncio.start_server(waiting.serve, "127.0.0.1", port, limit=_LINE_MAX)
    except OSError as error:
        raise GiveUp(f"Port {port} cannot be used ({error.strerror}); name another one.") from error
    waiting.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield waiting
    finally:
        server.close()
