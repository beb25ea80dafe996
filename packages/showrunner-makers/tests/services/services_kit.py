"""A server that answers as the test wrote, and remembers what it was asked. It speaks HTTP/1.1."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

DROPPED = "dropped"
"""An answer that never comes: the connection is closed."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Said:
    """An answer; `cut` is how many bytes of the body are sent before the connection ends."""

    status: int
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None

    def encoded(self) -> bytes:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        told = {"content-length": str(len(body)), "connection": "close", **self.headers}
        lines = [f"HTTP/1.1 {self.status} x", *(f"{name}: {told[name]}" for name in told), "", ""]
        return "\r\n".join(lines).encode() + body[: self.cut]


Answers = list[Said | str] | Callable[[Asked], Said | str]


@dataclass
class Scripted:
    """The server.

    Attributes:
        answers: in order, the last one again and again; or a function of the request.
    """

    answers: Answers = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await _read(reader)
            if asked is None:
                return
            self.asked.append(asked)
            said = self._answer(asked)
            if isinstance(said, Said):
                writer.write(said.encoded())
                await writer.drain()
        finally:
            writer.close()

    def _answer(self, asked: Asked) -> Said | str:
        if callable(self.answers):
            return self.answers(asked)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode().strip().split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    method, target, _ = first.split(" ")
    parts = urlsplit(target)
    return Asked(
        method=method, path=parts.path, query=parse_qs(parts.query), headers=headers, body=body
    )


@asynccontextmanager
async def scripted(answers: Answers) -> AsyncIterator[Scripted]:
    """A server on this machine."""
    script = Scripted(answers)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0, limit=2**24)
    script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield script
    finally:
        server.close()
