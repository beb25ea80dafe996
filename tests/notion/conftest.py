"""A client against a scripted server, with a clock of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from scripted_notion import Connect, Script
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from tasks.notion.client import NotionClient


@pytest.fixture
def script() -> Script:
    return Script([JSONResponse({"object": "page", "id": "p"})])


@pytest.fixture
async def connect(script: Script) -> AsyncIterator[Connect]:
    made: list[NotionClient] = []

    def client(**options: Any) -> NotionClient:
        methods = ["GET", "POST", "PATCH", "DELETE"]
        app = Starlette(routes=[Route("/{path:path}", script.answer, methods=methods)])
        options.setdefault("per_second", 10_000)
        made.append(
            NotionClient(
                "ntn_x",
                base_url="http://notion.test",
                budget=script,
                sleep=script.sleep,
                transport=httpx.ASGITransport(app),
                **options,
            )
        )
        return made[-1]

    yield client
    for one in made:
        await one.aclose()
