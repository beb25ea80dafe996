"""A sandbox board, a database and our sync steps in one process, with one clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import httpx
import structlog
from notion_sandbox import Account, Config, create_app
from sqlalchemy import text
from sqlmodel import col, select

from kit.clock import Clock
from models.postgres.engine import Sessions
from models.rules.new_board import board_schema
from models.settings import Settings
from models.tables import webhook_events as inbox
from models.tables.card import Card
from models.tables.task import Task
from models.tables.task_history import TaskHistory
from models.tables.webhook_events import Delivery, WebhookEvent
from tasks.notion.client import NotionClient
from tasks.runtime.context import Context
from tasks.runtime.report import Report
from tasks.sync.cycle import cycle
from tasks.sync.import_board import import_cards
from tasks.sync.ingest import drain_inbox

BOT_TOKEN, PERSON_TOKEN = "ntn_bot", "ntn_person"
ACCOUNTS = (Account("bot", "Showrunner", BOT_TOKEN), Account("person", "Ada", PERSON_TOKEN))
CHANNELS = Path(__file__).parents[2] / "channel_configs"
CHANNEL = "deep_sea_stories"


def rich(content: str) -> dict[str, Any]:
    return {"rich_text": [{"text": {"content": content}}] if content else []}


def properties(
    *,
    title: str | None = None,
    channel: str | None = None,
    topic: str | None = None,
    story: str | None = None,
    status: str | None = None,
    priority: str | None = None,
) -> dict[str, Any]:
    """Property JSON as a person's client would send it."""
    given: dict[str, Any] = {}
    if title is not None:
        given["Title"] = {"title": [{"text": {"content": piece}} for piece in _pieces(title)]}
    if topic is not None:
        given["Topic"] = {"rich_text": [{"text": {"content": piece}} for piece in _pieces(topic)]}
    if story is not None:
        given["Story Direction"] = rich(story)
    for name, value in (("Channel", channel), ("Status", status), ("Priority", priority)):
        if value is not None:
            given[name] = {"select": {"name": value} if value else None}
    return given


def _pieces(content: str) -> list[str]:
    return [content[i : i + 1000] for i in range(0, len(content), 1000)]


Alter = Callable[[httpx.Request, httpx.Response], httpx.Response]


class Between(httpx.AsyncBaseTransport):
    """The network between us and Notion, which may alter what arrives."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.alter: Alter = lambda _request, response: response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        await response.aread()
        return self.alter(request, response)


class Stage:
    """What a test acts with: people on the board, workers on the database, cycles of ours."""

    def __init__(self, sessions: Sessions, clock: Clock, **config: Any) -> None:
        config.setdefault("requests_per_minute", 1_000_000)
        config.setdefault("accounts", ACCOUNTS)
        self.clock = clock
        app = create_app(Config(pump=False, **config), clock=clock, rng=Random(7))
        self.app = app
        self.sandbox = app.state.sandbox
        self.sessions = sessions
        self.database_id = self.data_source_id = ""
        self.people: httpx.AsyncClient
        self._way: dict[str, Any] = {}
        self.ctx: Context
        self.between: Between | None

    async def open(self, schema: dict[str, Any] | None = None, *, url: str | None = None) -> None:
        """Make the board and connect to it: at `url` over real HTTP, or in process."""
        base_url, transport = (
            (url, None) if url else ("http://sandbox", httpx.ASGITransport(self.app))
        )
        self.people = httpx.AsyncClient(
            transport=transport,
            base_url=base_url,
            headers={"Authorization": f"Bearer {PERSON_TOKEN}", "Notion-Version": "2026-03-11"},
        )
        made = await self.ask(
            "POST",
            "/v1/databases",
            {
                "parent": {"type": "page_id", "page_id": self.sandbox.root_page_id},
                "title": [{"text": {"content": "Videos"}}],
                "initial_data_source": {
                    "properties": schema or board_schema(["deep_sea_stories", "history_in_ten"])
                },
            },
        )
        self.database_id, self.data_source_id = made["id"], made["data_sources"][0]["id"]
        self.between = Between(transport) if transport is not None else None
        self._way = {"base_url": base_url, "transport": self.between}
        self.ctx = self.connected(BOT_TOKEN)

    def connected(self, token: str) -> Context:
        """A process of ours that was started with that token."""
        settings = Settings(
            _env_file=None,
            notion_database_id=self.database_id,
            channel_configs=CHANNELS,
            notion_api_token=token,
        )
        client = NotionClient(token, per_second=10_000, sleep=self.clock.sleep, **self._way)
        return Context(settings, self.sessions, client, clock=self.clock, sleep=self.clock.sleep)

    async def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """A request of a person's client."""
        answer = await self.people.request(method, path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def add(self, **values: Any) -> str:
        """A person makes a card; its page id."""
        parent = {"type": "data_source_id", "data_source_id": self.data_source_id}
        made = await self.ask(
            "POST", "/v1/pages", {"parent": parent, "properties": properties(**values)}
        )
        return str(made["id"])

    async def add_valid(self, **values: Any) -> str:
        """A person makes a card with everything it needs."""
        whole = {
            "title": "Giant squid",
            "channel": CHANNEL,
            "topic": "Architeuthis",
            "status": "Draft",
        }
        return await self.add(**{**whole, "priority": "Normal", **values})

    async def edit(self, page_id: str, **values: Any) -> None:
        """A person edits a card."""
        await self.ask("PATCH", f"/v1/pages/{page_id}", {"properties": properties(**values)})

    async def trash(self, page_id: str, *, in_trash: bool = True) -> None:
        """A person trashes or restores a card."""
        await self.ask("PATCH", f"/v1/pages/{page_id}", {"in_trash": in_trash})

    async def shows(self, page_id: str) -> dict[str, Any]:
        """What the card shows, by property name: text, option names, ISO dates."""
        page = await self.ask("GET", f"/v1/pages/{page_id}")
        return {name: _plain(prop) for name, prop in page["properties"].items()}

    async def cycle(self) -> Report:
        """One push cycle, as the flow runs it."""
        report = Report()
        await cycle(self.ctx, report, "test-correlation")
        return report

    async def webhook(
        self, page_id: str, event_type: str = "page.properties_updated", **payload: Any
    ) -> None:
        """Notion's webhook about a page reaches the inbox."""
        async with self.sessions.begin() as session:
            delivery = Delivery(
                event_id=f"event-{self.clock().isoformat()}",
                event_type=event_type,
                page_id=page_id,
                payload=payload,
            )
            await inbox.put(session, delivery, now=self.clock(), correlation_id="receiver")

    async def ingest(self) -> Report:
        """One ingest run."""
        report = Report()
        await drain_inbox(self.ctx, report, gathering=True)
        return report

    async def imports(self) -> None:
        """One import of the whole board, as `showrunner import` does it."""
        await import_cards(self.ctx, Report())

    async def task(self, page_id: str) -> Task | None:
        async with self.sessions() as session:
            return (
                await session.scalars(select(Task).where(Task.notion_page_id == page_id))
            ).one_or_none()

    async def card(self, page_id: str) -> Card:
        async with self.sessions() as session:
            return (await session.scalars(select(Card).where(Card.notion_page_id == page_id))).one()

    async def history(self, page_id: str) -> list[TaskHistory]:
        async with self.sessions() as session:
            query = (
                select(TaskHistory)
                .where(TaskHistory.notion_page_id == page_id)
                .order_by(col(TaskHistory.id))
            )
            return list(await session.scalars(query))

    async def events(self) -> list[WebhookEvent]:
        async with self.sessions() as session:
            return list(await session.scalars(select(WebhookEvent).order_by(col(WebhookEvent.id))))

    async def sql(self, statement: str, **values: Any) -> None:
        """A worker writes plain SQL, at the stage's time."""
        async with self.sessions.begin() as session:
            await session.execute(
                text("SELECT set_config('showrunner.now', :now, true)"),
                {"now": self.clock().isoformat()},
            )
            await session.execute(text(statement), values)

    async def moves(self, page_id: str, board_status: str) -> UUID:
        """A worker moves the task of a card."""
        task = await self.task(page_id)
        assert task is not None
        await self.sql(
            "UPDATE tasks SET board_status = :to WHERE id = :id", to=board_status, id=task.id
        )
        return task.id

    @asynccontextmanager
    async def requests(self) -> AsyncIterator[Callable[[], list[str]]]:
        """The requests of our connection since the context began, as `METHOD path`."""
        start = self.sandbox.api.log.total

        def made() -> list[str]:
            return [
                f"{entry['method']} {entry['path']}"
                for entry in self.sandbox.api.log.since(start)
                if entry["user"] == "Showrunner"
            ]

        yield made

    async def release_connections(self) -> None:
        """Close the pool's connections, because a restore refuses to run beside any."""
        await self.sessions.kw["bind"].dispose()

    async def close(self) -> None:
        await self.people.aclose()
        await self.ctx.notion.aclose()
        await self.sandbox.close()
        structlog.contextvars.clear_contextvars()


def _plain(prop: dict[str, Any]) -> Any:
    value = prop[prop["type"]]
    match prop["type"]:
        case "title" | "rich_text":
            return "".join(part["plain_text"] for part in value)
        case "select" | "status":
            return value["name"] if value else None
        case "date":
            return value["start"] if value else None
        case "formula":
            return value.get("string")
        case _:
            return value
