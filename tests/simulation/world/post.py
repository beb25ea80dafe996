"""The post between Notion and our doors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass
class Letter:
    """A webhook on its way. Notion has its 200: from here on it may get lost, late, or come twice."""

    body: bytes
    headers: dict[str, str]
    delivered: int = 0
    handed_in: bool = False
    due: datetime = LONG_AGO


class PostOffice(httpx.AsyncBaseTransport):
    """Takes every webhook off Notion's hands; now and then it is shut, and Notion tries again later."""

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
