"""A proxy and a server on this machine, and an environment that names the proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD")


def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the shell that runs the tests has set is not theirs."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


class Proxy:
    """Passes plain HTTP on to one server, whatever host is requested; refuses CONNECT.

    Attributes:
        asked: the request lines it got.
    """

    def __init__(self, port: int) -> None:
        self.asked: list[str] = []
        self.url = ""
        self._port = port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, _, headers = head.partition("\r\n")
        self.asked.append(line)
        method, target, version = line.split()
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        else:
            there, onward = await asyncio.open_connection("127.0.0.1", self._port)
            lines = [f"{method} {urlsplit(target).path} {version}", "Connection: close"]
            lines += [
                one for one in headers.split("\r\n") if not one.lower().startswith("connection")
            ]
            onward.write(("\r\n".join([one for one in lines if one]) + "\r\n\r\n").encode())
            writer.write(await there.read())
            onward.close()
        await writer.drain()
        writer.close()


@asynccontextmanager
async def proxying(port: int) -> AsyncIterator[Proxy]:
    """A proxy to the server on that port, while the context lasts."""
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield proxy
