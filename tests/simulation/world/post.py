"""The post between Notion and our receivers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass
class Letter:
    """A webhook that Notion has sent: it may still be lost, late, or delivered twice."""

    body: bytes
    headers: dict[str, str]
    delivered: int = 0
    handed_in: bool = False
    due: datetime = LONG_AGO


class PostOffice(httpx.AsyncBaseTransport):
    """Accept every webhook from Notion; while `shut` counts down, refuse with 503."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.shut = 0

    def waiting(self, now: datetime) -> list[Letter]:
        """Those that never arrived and may arrive by now."""
        return [letter for letter in self.letters if not letter.delivered and letter.due <= now]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.shut:
            self.shut -= 1
            return httpx.Response(503)
        headers = {name: request.headers[name] for name in ("content-type", "x-notion-signature")}
        self.letters.append(Letter(await request.aread(), headers))
        return httpx.Response(200)
