"""Test kit for boards: a sandbox in process, a page for boards, a network that can be cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import httpx
from notion_sandbox import Config, create_app

from kit.clock import Clock
from kit.stage import ACCOUNTS, BOT_TOKEN, PERSON_TOKEN
from models.board.drift import drift
from models.board.spec import DEFAULT_TITLE
from models.postgres.engine import Sessions
from models.rules.statuses import BoardStatus
from tasks.board.create import MadeBoard, make_board
from tasks.board.repair import Repair, repair
from tasks.board.snapshot import BoardAccess, take_snapshot
from tasks.notion.client import NotionClient

CHANNELS = ("deep_sea_stories", "history_in_ten")
STATUSES = tuple(status.value for status in BoardStatus)


class Killed(BaseException):
    """The process died: nothing of ours runs after it, no `except` of ours sees it."""


class Wire(httpx.AsyncBaseTransport):
    """The network of our connection; `after` a write may end the process or drop the answer.

    Attributes:
        writes: `METHOD path` of every request that changes something, in order.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.writes: list[str] = []
        self.after: Callable[[int], None] = lambda _: None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        if request.method != "GET":
            self.writes.append(f"{request.method} {request.url.path}")
            self.after(len(self.writes))
        return answer


class Workspace:
    """A sandbox with a person, our connection and boards."""

    def __init__(self, sessions: Sessions | None = None) -> None:
        config = Config(accounts=ACCOUNTS, pump=False, requests_per_minute=1_000_000)
        clock = Clock()
        app = create_app(config, clock=clock, rng=Random(7))
        self.sandbox = app.state.sandbox
        self.page_id = str(self.sandbox.root_page_id)
        self.wire = Wire(httpx.ASGITransport(app))
        self.people = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://sandbox",
            headers={"Authorization": f"Bearer {PERSON_TOKEN}", "Notion-Version": "2026-03-11"},
        )
        notion = NotionClient(
            BOT_TOKEN,
            per_second=10_000,
            base_url="http://sandbox",
            sleep=clock.sleep,
            transport=self.wire,
        )
        self.access = BoardAccess(notion=notion, channels=CHANNELS, sessions=sessions)

    async def make(self, title: str = DEFAULT_TITLE) -> MadeBoard:
        return await make_board(self.access, self.page_id, title)

    def with_channels(self, *channels: str) -> None:
        self.access = replace(self.access, channels=channels)

    async def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """A request of a person's client."""
        answer = await self.people.request(method, path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def everything(self) -> dict[str, Any]:
        """All databases with schemas and views, without the moments of their last edits."""
        found: dict[str, Any] = {}
        for database_id in list(self.sandbox.state.databases):
            database = await self.ask("GET", f"/v1/databases/{database_id}")
            stubs = (await self.ask("GET", f"/v1/views?database_id={database_id}"))["results"]
            found[database_id] = {
                "database": database,
                "sources": [
                    await self.ask("GET", f"/v1/data_sources/{s['id']}")
                    for s in database["data_sources"]
                ],
                "views": [await self.ask("GET", f"/v1/views/{stub['id']}") for stub in stubs],
            }
        return _lasting(found)

    def counts(self) -> dict[str, int]:
        """How many there are of what must be there once: databases, and views of all of them."""
        state = self.sandbox.state
        return {"databases": len(state.databases), "views": len(state.views)}

    async def close(self) -> None:
        await self.people.aclose()
        await self.access.notion.aclose()
        await self.sandbox.close()


class Board:
    """A made board and what a person does to it."""

    def __init__(self, workspace: Workspace, made: MadeBoard) -> None:
        self.workspace = workspace
        self.id = made.database_id
        self.source_id = str((made.snapshot.data_source or {})["id"])
        self.views = {key: str(view["id"]) for key, view in made.snapshot.planned_views.items()}

    async def slugs(self) -> list[str]:
        return [one.slug for one in drift(await take_snapshot(self.workspace.access, self.id))]

    async def repair(self) -> Repair:
        return await repair(
            self.workspace.access, await take_snapshot(self.workspace.access, self.id)
        )

    async def source(self) -> dict[str, Any]:
        return await self.workspace.ask("GET", f"/v1/data_sources/{self.source_id}")

    async def change(self, **properties: Any) -> None:
        """A person changes the schema; underscores stand for blanks."""
        body = {"properties": {name.replace("_", " "): value for name, value in properties.items()}}
        await self.workspace.ask("PATCH", f"/v1/data_sources/{self.source_id}", body)

    async def options(self, name: str) -> list[dict[str, Any]]:
        return list((await self.source())["properties"][name]["select"]["options"])

    async def set_options(self, name: str, options: list[dict[str, Any]]) -> None:
        await self.change(**{name: {"select": {"options": options}}})

    def rename_option(self, name: str, option: str, new: str) -> None:
        """As people do it in Notion: the API cannot."""
        self._change_option(name, option, name=new)

    def recolour(self, name: str, option: str, colour: str) -> None:
        """As people do it in Notion: the API cannot."""
        self._change_option(name, option, color=colour)

    def _change_option(self, of: str, option: str, /, **changes: str) -> None:
        state = self.workspace.sandbox.state
        source = state.sources[self.source_id]
        prop = next(prop for prop in source.schema.values() if prop.name == of)
        options = tuple(replace(o, **changes) if o.name == option else o for o in prop.options)
        state.put_source(
            replace(source, schema={**source.schema, prop.id: replace(prop, options=options)})
        )

    async def view(self, key: str) -> dict[str, Any]:
        return await self.workspace.ask("GET", f"/v1/views/{self.views[key]}")

    async def set_view(self, key: str, **body: Any) -> None:
        await self.workspace.ask("PATCH", f"/v1/views/{self.views[key]}", _as_sent(body))

    async def delete_view(self, key: str) -> None:
        await self.workspace.ask("DELETE", f"/v1/views/{self.views[key]}")


def _as_sent(value: Any) -> Any:
    """What Notion shows of a view as it takes it: without the names beside ids."""
    if isinstance(value, dict):
        return {key: _as_sent(item) for key, item in value.items() if key != "property_name"}
    return [_as_sent(item) for item in value] if isinstance(value, list) else value


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _lasting(item)
            for key, item in value.items()
            if key not in {"request_id"} | _MOMENTS
        }
    return [_lasting(item) for item in value] if isinstance(value, list) else value


_MOMENTS = {"last_edited_time", "last_edited_by"}
