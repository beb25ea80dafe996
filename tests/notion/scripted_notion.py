"""A server that answers as the test wrote, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tasks.notion.client import NotionClient

Connect = Callable[..., NotionClient]


def error(status: int, code: str, **more: Any) -> JSONResponse:
    """An error object of Notion's."""
    headers = {"retry-after": str(more.pop("retry_after"))} if "retry_after" in more else None
    body = {
        "object": "error",
        "status": status,
        "code": code,
        "message": f"about {code}",
        "request_id": "r",
        **more,
    }
    return JSONResponse(body, status, headers)


@dataclass
class Script:
    """What the server says, in order; the last answer is repeated. Remembers what it was asked."""

    answers: list[Response | Exception] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        self.asked.append((request.method, request.url.path, dict(request.headers)))
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(said, Exception):
            raise said
        return said

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def acquire(self, *, background: bool = False) -> None:
        """The shared budget of a test lets everybody through."""

    async def hold(self, seconds: float) -> None:
        self.held.append(seconds)
