"""The board page in a real browser, on a sandbox behind real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx
import pytest
from browser_stage import (
    ACCOUNTS,
    SCHEMA,
    VERSION,
    BoardStage,
    chromium,
    served,
    watched_tab,
)

from notion_sandbox import Config, create_app

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page

__all__ = ["chromium"]


@pytest.fixture
async def stage() -> AsyncIterator[BoardStage]:
    """A sandbox, served, without a board yet."""
    app = create_app(Config(accounts=ACCOUNTS, requests_per_minute=10_000, aggregation_seconds=0))
    async with served(app) as url:
        # The server has no TLS, and reading certificates takes longer than most tests.
        client = httpx.AsyncClient(
            base_url=url, headers={"Notion-Version": VERSION}, trust_env=False, verify=False
        )
        async with client as http:
            yield BoardStage(url, app.state.sandbox, http)


@pytest.fixture
async def page(chromium: BrowserContext, stage: BoardStage) -> AsyncIterator[Page]:
    """A tab for the sandbox's page."""
    async with watched_tab(chromium, stage.url, stage.complaints) as tab:
        yield tab


@pytest.fixture
async def board(stage: BoardStage, page: Page) -> BoardStage:
    """A board with four cards, open in the tab."""
    await stage.make_board("Video plan", SCHEMA)
    await stage.add("Whale fall", status="Draft", channel="deep_sea", priority="High")
    await stage.add("Lanternfish", status="Draft", channel="deep_sea", priority="Low")
    await stage.add("Silk Road", status="Assets Ready", channel="history", priority="Normal")
    await stage.add(
        "Fire of London", status="Error: API Failure", channel="history", priority="High"
    )
    await page.goto(stage.url)
    await page.locator(".card").nth(3).wait_for()
    return stage
