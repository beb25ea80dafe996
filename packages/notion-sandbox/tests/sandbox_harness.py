"""What the sandbox's tests share.

A clock moved by hand, a receiver of webhooks, a sandbox without a network.
"""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx

from notion_sandbox import Account, Config, create_app

Json = dict[str, Any]
Text = Callable[[str], list[Json]]
Serving = Callable[[Any], AbstractAsyncContextManager[str]]
BOT = "ntn_bot"
PERSON = "person_editor"
VERSION = "2026-03-11"


@dataclass
class HandClock:
    """A clock that moves only when a test advances it."""

    now: datetime = datetime(2026, 11, 23, 10, 5, 30, 123_000, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


@dataclass
class Receiver:
    """Receives webhooks; answers with the given statuses, then with 200."""

    statuses: list[int] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 0:
            raise httpx.ReadTimeout("no answer", request=request)
        return httpx.Response(status)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]


class Harness:
    """A sandbox, called without a network."""

    def __init__(self, clock: HandClock, config: Config, receiver: Receiver) -> None:
        self.clock = clock
        self.receiver = receiver
        self.webhooks = httpx.AsyncClient(transport=httpx.MockTransport(receiver), trust_env=False)
        self.app = create_app(config, clock=clock, rng=Random(7), http=self.webhooks)
        self.sandbox = self.app.state.sandbox
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://sandbox", trust_env=False
        )

    async def raw(
        self, method: str, path: str, body: Any = None, *, token: str = BOT, **headers: str
    ) -> httpx.Response:
        given = {"Authorization": f"Bearer {token}", "Notion-Version": VERSION, **headers}
        content = body
        if body is not None and not isinstance(body, bytes):
            content = json.dumps(body).encode()
        return await self.http.request(
            method, path, content=content, headers={k: v for k, v in given.items() if v}
        )

    async def ok(self, method: str, path: str, body: Any = None, *, token: str = BOT) -> Any:
        response = await self.raw(method, path, body, token=token)
        assert response.status_code == 200, response.text
        return response.json()

    async def refused(
        self, method: str, path: str, body: Any = None, *, token: str = BOT
    ) -> tuple[int, str, str]:
        response = await self.raw(method, path, body, token=token)
        error = response.json()
        assert response.status_code != 200, error
        assert error["object"] == "error"
        assert error["status"] == response.status_code
        return error["status"], error["code"], error["message"]

    async def board(self, properties: dict[str, Any] | None = None) -> str:
        """A database; returns the id of its data source."""
        body = {
            "parent": {"type": "page_id", "page_id": self.sandbox.root_page_id},
            "title": [{"text": {"content": "Board"}}],
            "initial_data_source": {"properties": properties or {"Name": {"title": {}}}},
        }
        return str((await self.ok("POST", "/v1/databases", body))["data_sources"][0]["id"])

    async def page(self, source: str, *, token: str = BOT, **properties: Any) -> Any:
        body = {"parent": {"data_source_id": source}, "properties": properties}
        return await self.ok("POST", "/v1/pages", body, token=token)

    async def write(self, page: str, *, token: str = BOT, **properties: Any) -> Any:
        return await self.ok("PATCH", f"/v1/pages/{page}", {"properties": properties}, token=token)

    async def query(self, source: str, **body: Any) -> Any:
        return await self.ok("POST", f"/v1/data_sources/{source}/query", body)

    async def titles(self, source: str, **body: Any) -> list[str]:
        found = await self.query(source, **body)
        return [
            "".join(p["plain_text"] for p in page["properties"]["Name"]["title"])
            for page in found["results"]
        ]

    async def schema(self, source: str, properties: dict[str, Any]) -> Any:
        return (await self.ok("PATCH", f"/v1/data_sources/{source}", {"properties": properties}))[
            "properties"
        ]

    async def listen(self, url: str = "http://receiver/webhook", secret: str = "secret_x") -> Any:
        body = {"url": url, "secret": secret}
        response = await self.http.post("/sandbox/webhook", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def deliver(self, **span: float) -> list[dict[str, Any]]:
        """Let time pass, deliver, and return the events that arrived."""
        before = len(self.receiver.requests)
        await self.sandbox.deliver_due(self.clock.advance(**(span or {"seconds": 1})))
        return self.receiver.events[before:]

    async def close(self) -> None:
        await self.http.aclose()
        await self.webhooks.aclose()
        await self.sandbox.close()


ACCOUNTS = (Account("bot", "Pipeline", BOT), Account("person", "Ada Editor", PERSON))


MakeHarness = Callable[..., Harness]
