"""The board page in a real browser, on a sandbox behind real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx
import pytest
from browser_stage import (
    ACCOUNTS,
    ARGUMENTS,
    BROWSERS,
    MUST_RUN,
    SCHEMA,
    VERSION,
    WHY,
    BoardStage,
    driver,
    expect,
    find_browser,
    served,
    watched_tab,
)

from sandbox import Config, create_app

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page


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
        # One profile for all: each test has a port of its own, so the page remembers nothing of another test.
        yield await browser.new_context(viewport={"width": 1400, "height": 900})
        await browser.close()


@pytest.fixture
async def stage() -> AsyncIterator[BoardStage]:
    """A sandbox, served, without a board yet."""
    app = create_app(Config(accounts=ACCOUNTS, requests_per_minute=10_000, aggregation_seconds=0))
    async with served(app) as url:
        # Without certificates, which take longer to read than a test should.
        client = httpx.AsyncClient(base_url=url, headers={"Notion-Version": VERSION}, trust_env=False, verify=False)
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
    await stage.add("Fire of London", status="Error: API Failure", channel="history", priority="High")
    await page.goto(stage.url)
    await page.locator(".card").nth(3).wait_for()
    return stage
