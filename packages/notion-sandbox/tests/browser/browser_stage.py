"""Helpers of the browser's tests: a browser tab, and users of the API beside the page."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp

from notion_sandbox import Account, Sandbox

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Locator, Page

WHY = "The board page was not tried in a browser"
MUST_RUN = os.environ.get("CI") == "true"
if MUST_RUN:
    import playwright.async_api as driver
else:
    driver = pytest.importorskip(
        "playwright.async_api", reason=f"{WHY}: playwright is not installed"
    )
expect = driver.expect

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
]
VERSION = "2026-03-11"
BOT, PERSON = "ntn_browser", "person_browser"
ACCOUNTS = (Account("bot", "Showrunner", BOT), Account("person", "Ada", PERSON))
STATUSES = (
    "Draft",
    "Queued",
    "Processing",
    "Assets Ready",
    "Ready for Review",
    "Error: API Failure",
    "Archived",
)
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
    "Time in Status": {
        "formula": {"expression": 'format(dateBetween(now(), prop("Updated"), "minutes")) + " min"'}
    },
    "Attention": {"rich_text": {}},
}


def find_browser() -> str | None:
    """The path of the first suitable browser on this machine; None without one."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[BrowserContext]:
    found = find_browser()
    if found is None:
        sentence = f"{WHY}: none of {', '.join(BROWSERS)} is installed."
        if MUST_RUN:
            pytest.fail(sentence)
        pytest.skip(sentence)
    expect.set_options(timeout=20_000)
    async with driver.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        # One profile for all: each test has a port of its own, so the page stores nothing for
        # another test.
        yield await browser.new_context(viewport={"width": 1400, "height": 900})
        await browser.close()


def text(content: str) -> list[dict[str, Any]]:
    return [{"text": {"content": content}}]


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """The app on a free port of this machine, over real HTTP; its URL.

    A sandbox's streams end with it.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", date_header=False))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    sandbox = getattr(app.state, "sandbox", None)  # type: ignore[attr-defined]
    if sandbox is not None:
        sandbox.feed.close()
    server.should_exit = True
    await running


@asynccontextmanager
async def watched_tab(
    chromium: BrowserContext, url: str, complaints: list[str]
) -> AsyncIterator[Page]:
    """A tab that fails when the page logs to the console or sends requests to other servers."""
    tab = await chromium.new_page()
    asked: set[str] = set()
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: asked.add(request.url))
    yield tab
    await tab.close()
    assert complaints == []
    assert {asked_url for asked_url in asked if not asked_url.startswith(f"{url}/")} == set()


async def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - the page has no event for it
            await asyncio.sleep(0.05)


def column_of(page: Page, name: str) -> Locator:
    return page.locator(f'[data-column="{name}"]')


def card_of(page: Page, title: str) -> Locator:
    return page.locator(".card", has_text=title)


class BoardStage:
    """A served sandbox and a user of its API.

    `complaints` are the messages of the page in the console.
    """

    def __init__(self, url: str, sandbox: Sandbox, http: httpx.AsyncClient) -> None:
        self.url = url
        self.sandbox = sandbox
        self.source = ""
        self.complaints: list[str] = []
        self._http = http

    async def ask(
        self, method: str, path: str, body: Any = None, *, token: str = PERSON
    ) -> dict[str, Any]:
        answer = await self._http.request(
            method, path, json=body, headers={"Authorization": f"Bearer {token}"}
        )
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

    async def upload(self, name: str, kind: str, content: bytes) -> str:
        """A file that the bot uploaded, which can be attached; its id."""
        body = {"filename": name, "content_type": kind}
        made = await self.ask("POST", "/v1/file_uploads", body, token=BOT)
        answer = await self._http.post(
            f"/v1/file_uploads/{made['id']}/send",
            files={"file": (name, content, kind)},
            headers={"Authorization": f"Bearer {BOT}"},
        )
        assert answer.is_success, answer.text
        return str(made["id"])

    async def bot_writes(self, page_id: str, **properties: Any) -> None:
        await self.ask("PATCH", f"/v1/pages/{page_id}", {"properties": properties}, token=BOT)

    async def bot_is_refused(self, page_id: str) -> None:
        headers = {"Authorization": f"Bearer {BOT}"}
        assert not (
            await self._http.patch(f"/v1/pages/{page_id}", json={}, headers=headers)
        ).is_success

    async def found(self, title: str) -> dict[str, Any]:
        """The page of this title, in the trash or not."""
        state = self.sandbox.state
        page_id = next(page.id for page in state.pages.values() if state.title_of(page) == title)
        return await self.ask("GET", f"/v1/pages/{page_id}")

    async def author_of(self, page: dict[str, Any]) -> str:
        user = await self.ask("GET", f"/v1/users/{page['last_edited_by']['id']}")
        return str(user["name"])
