"""Test kit for the webhook receiver: a clock, deliveries of every shape, a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from sqlmodel import select
from starlette.types import ASGIApp

from models.postgres.engine import Sessions
from models.tables.webhook_events import WebhookEvent
from webhook.connections import Limits
from webhook.server import Server, listen
from webhook.signature import sign

SECRET = "secret_of_the_subscription"
PAGE = "153104cd-477e-809d-8dc4-ff2d96ae3090"
JSON = {"Content-Type": "application/json"}


def notion_event(**changes: Any) -> dict[str, Any]:
    """A webhook as Notion's reference describes it."""
    return {
        "id": "event-1",
        "timestamp": "2026-11-23T10:00:00.000Z",
        "type": "page.properties_updated",
        "authors": [{"id": "person-1", "type": "person"}],
        "attempt_number": 1,
        "entity": {"id": PAGE, "type": "page"},
        "data": {"parent": {"id": "db-1", "type": "database"}, "updated_properties": ["XGe%40"]},
    } | changes


def automation_event(**source: Any) -> dict[str, Any]:
    """What a database automation's "Send webhook" action sends."""
    return {
        "source": {"type": "automation", "automation_id": "a-1", "event_id": "run-1", "attempt": 1}
        | source,
        "data": {
            "object": "page",
            "id": PAGE,
            "properties": {"Status": {"id": "s", "type": "select"}},
        },
    }


def flat_event(**changes: Any) -> dict[str, Any]:
    """The shape of spec 3.3."""
    return {
        "id": "flat-1",
        "type": "page.updated",
        "object": {"id": PAGE, "properties": {}},
    } | changes


def encode(payload: Any) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


class Sender:
    """Posts to a receiver as Notion does, or with given headers."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def send(self, body: bytes, **headers: str) -> httpx.Response:
        """Post bytes; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post("/webhook/notion", content=body, headers=JSON | named)

    async def signed(self, payload: Any, *, secret: str = SECRET, **headers: str) -> httpx.Response:
        body = payload if isinstance(payload, bytes) else encode(payload)
        return await self.send(body, X_Notion_Signature=sign(body, secret), **headers)


async def inbox_rows(sessions: Sessions) -> list[WebhookEvent]:
    async with sessions() as session:
        return list(await session.scalars(select(WebhookEvent).order_by(WebhookEvent.event_id)))


@asynccontextmanager
async def served(app: ASGIApp, limits: Limits | None = None) -> AsyncIterator[str]:
    """The app on a free loopback port over real HTTP; yields its URL."""
    listener = listen("127.0.0.1", 0)
    server = Server(app, limits)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await server.ready.wait()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.stop()
        await serving
