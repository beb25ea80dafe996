"""What the browser's tests act with: people and a connection that use the API beside the page."""

from __future__ import annotations

import os
from typing import Any

import httpx
import pytest

from sandbox import Account, Sandbox

WHY = "The board page was not tried in a browser"
MUST_RUN = os.environ.get("CI") == "true"
if MUST_RUN:
    import playwright.async_api as driver
else:
    driver = pytest.importorskip("playwright.async_api", reason=f"{WHY}: playwright is not installed")
expect = driver.expect

VERSION = "2026-03-11"
BOT, PERSON = "ntn_browser", "person_browser"
ACCOUNTS = (Account("bot", "Showrunner", BOT), Account("person", "Ada", PERSON))
STATUSES = ("Draft", "Queued", "Processing", "Assets Ready", "Ready for Review", "Error: API Failure", "Archived")
SCHEMA: dict[str, Any] = {
    "Title": {"title": {}},
    "Channel": {"select": {"options": [{"name": "deep_sea"}, {"name": "history"}]}},
    "Status": {"select": {"options": [{"name": name, "color": "blue"} for name in STATUSES]}},
    "Priority": {"select": {"options": [{"name": name} for name in ("Low", "Normal", "High")]}},
    "Story": {"rich_text": {}},
    "Due": {"date": {}},
    "Rating": {"number": {}},
    "Done": {"checkbox": {}},
    "Updated": {"date": {}},
    "Time in Status": {"formula": {"expression": 'format(dateBetween(now(), prop("Updated"), "minutes")) + " min"'}},
    "Attention": {"rich_text": {}},
}


def text(content: str) -> list[dict[str, Any]]:
    return [{"text": {"content": content}}]


class BoardStage:
    """A served sandbox and somebody who uses its API. `complaints` is what the page said in the console."""

    def __init__(self, url: str, sandbox: Sandbox, http: httpx.AsyncClient) -> None:
        self.url = url
        self.sandbox = sandbox
        self.source = ""
        self.complaints: list[str] = []
        self._http = http

    async def ask(self, method: str, path: str, body: Any = None, *, token: str = PERSON) -> dict[str, Any]:
        answer = await self._http.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def make_board(self, title: str, schema: dict[str, Any]) -> str:
        body = {
            "parent": {"type": "page_id", "page_id": self.sandbox.root_page_id},
            "title": text(title),
            "initial_data_source": {"properties": schema},
        }
        self.source = (await self.ask("POST", "/v1/databases", body))["data_sources"][0]["id"]
        return self.source

    async def add(self, title: str, **selects: str) -> str:
        chosen = {name.title(): {"select": {"name": value}} for name, value in selects.items()}
        properties = {"Title": {"title": text(title)}, **chosen}
        body = {"parent": {"data_source_id": self.source}, "properties": properties}
        return str((await self.ask("POST", "/v1/pages", body))["id"])

    async def bot_writes(self, page_id: str, **properties: Any) -> None:
        await self.ask("PATCH", f"/v1/pages/{page_id}", {"properties": properties}, token=BOT)

    async def bot_is_refused(self, page_id: str) -> None:
        headers = {"Authorization": f"Bearer {BOT}"}
        assert not (await self._http.patch(f"/v1/pages/{page_id}", json={}, headers=headers)).is_success

    async def found(self, title: str) -> dict[str, Any]:
        """The page of this title, in the trash or not."""
        state = self.sandbox.state
        page_id = next(page.id for page in state.pages.values() if state.title_of(page) == title)
        return await self.ask("GET", f"/v1/pages/{page_id}")

    async def author_of(self, page: dict[str, Any]) -> str:
        user = await self.ask("GET", f"/v1/users/{page['last_edited_by']['id']}")
        return str(user["name"])
