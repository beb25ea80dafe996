"""The story of a card, in a browser: a user drags it, our steps take it, a worker moves its task.

The sandbox and the receiver are behind real HTTP, the database is a real PostgreSQL, the steps are
those of the flows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from browser_stage import card_of, column_of, expect, served, watched_tab
from kit.clock import Clock
from kit.stage import Stage
from sqlalchemy import URL

from models.postgres.engine import Sessions
from models.settings import Settings
from webhook.app import create_app as create_receiver

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page

SECRET = "secret_of_the_story"


@dataclass
class Story:
    """A board, its receiver and its database; `rings` has one entry per requested ingest."""

    stage: Stage
    url: str
    rings: list[str]
    complaints: list[str] = field(default_factory=list)

    async def drag(self, page: Page, title: str, column: str) -> None:
        """A person drags a card, and the sandbox has taken it."""
        async with page.expect_response(lambda answer: answer.request.method == "PATCH") as taken:
            await card_of(page, title).drag_to(column_of(page, column))
        assert (await taken.value).ok

    async def notion_tells(self) -> None:
        """Send the webhooks to the receiver, which stores them, and run the requested ingest."""
        self.rings.clear()
        self.stage.clock.pass_(60)
        assert await self.stage.sandbox.deliver_due() > 0
        assert self.rings
        await self.stage.ingest()
        assert {(event.error, event.processed) for event in await self.stage.events()} == {
            (None, True)
        }

    async def status_of(self, page_id: str) -> tuple[str, str] | None:
        task = await self.stage.task(page_id)
        return None if task is None else (task.status, task.board_status)


@pytest.fixture
async def story(sessions: Sessions, database: URL) -> AsyncIterator[Story]:
    clock, rings = Clock(), []
    settings = Settings(
        _env_file=None,
        notion_webhook_secret=SECRET,
        database_url=database.render_as_string(hide_password=False),
    )
    receiver = create_receiver(
        settings, sessions, clock=clock, trigger=lambda: rings.append("ring")
    )
    async with served(receiver) as receiver_url:
        made = Stage(
            sessions, clock, webhook_url=f"{receiver_url}/webhook/notion", webhook_secret=SECRET
        )
        async with served(made.app) as url:
            await made.open(url=url)
            yield Story(made, url, rings)
            await made.close()


@pytest.fixture
async def page(chromium: BrowserContext, story: Story) -> AsyncIterator[Page]:
    async with watched_tab(chromium, story.url, story.complaints) as tab:
        yield tab


async def _opened(page: Page, story: Story, cards: int) -> None:
    await page.goto(story.url)
    await expect(page.locator(".card")).to_have_count(cards)
    # Gone if the page were ever loaded again.
    await page.evaluate("window.loadedOnce = true")


async def test_a_card_dragged_to_queued_is_a_pending_task_by_its_webhook_alone(
    story: Story, page: Page
) -> None:
    card = await story.stage.add_valid(title="Giant squid")
    await story.stage.cycle()
    assert await story.status_of(card) == ("draft", "Draft")
    await _opened(page, story, 1)
    await story.drag(page, "Giant squid", "Queued")
    await story.notion_tells()
    assert await story.status_of(card) == ("pending", "Queued")
    moved = (await story.stage.history(card))[-1]
    ada = (await story.stage.ask("GET", "/v1/users/me"))["id"]
    assert (moved.actor, moved.property, moved.new_value) == (f"person:{ada}", "Status", "Queued")
    await expect(column_of(page, "Queued").locator(".title")).to_have_text(["Giant squid"])


async def test_a_task_that_a_worker_moves_moves_its_card_on_the_open_page_marked_as_showrunners(
    story: Story, page: Page
) -> None:
    card = await story.stage.add_valid(title="Giant squid", status="Queued")
    await story.stage.cycle()
    await _opened(page, story, 1)
    await expect(card_of(page, "Giant squid").locator(".by")).to_have_count(0)
    story.stage.clock.pass_(60)
    await story.stage.sql(
        "UPDATE tasks SET board_status = 'Assets Generating' WHERE notion_page_id = :page",
        page=card,
    )
    await story.stage.cycle()
    moved = column_of(page, "Assets Generating").locator(".card")
    await expect(moved.locator(".title")).to_have_text(["Giant squid"])
    await expect(moved.locator(".by")).to_have_text("Showrunner")
    await expect(moved.locator(".time")).to_have_text("0 min")
    await expect(page.locator("#announcements")).to_have_text("Showrunner changed “Giant squid”.")
    assert await page.evaluate("window.loadedOnce") is True


async def test_a_card_that_is_not_valid_comes_back_from_queued_with_its_reason(
    story: Story, page: Page
) -> None:
    card = await story.stage.add(
        title="Whale fall", channel="deep_sea_stories", status="Draft", priority="Normal"
    )
    await story.stage.cycle()
    await _opened(page, story, 1)
    await story.drag(page, "Whale fall", "Queued")
    await expect(column_of(page, "Queued").locator(".card")).to_have_count(1)
    await story.notion_tells()
    story.stage.clock.pass_(60)
    await story.stage.cycle()
    waiting = column_of(page, "Queued").locator(".card")
    await expect(waiting.locator(".attention")).to_have_text("Topic is empty.")
    story.stage.clock.pass_(120)
    await story.stage.cycle()
    back = column_of(page, "Draft").locator(".card")
    await expect(back.locator(".title")).to_have_text(["Whale fall"])
    await expect(back.locator(".attention")).to_have_text(
        "Topic is empty. This card was moved back from “Queued” to “Draft”, "
        "because it breaks the rules above; once corrected, "
        "drag it to “Queued” again."
    )
    assert await story.status_of(card) is None
    assert await page.evaluate("window.loadedOnce") is True


async def test_what_was_wrong_is_mended_in_the_open_card_and_the_card_is_queued_again(
    story: Story, page: Page
) -> None:
    card = await story.stage.add(
        title="Whale fall", channel="deep_sea_stories", status="Draft", priority="Normal"
    )
    await story.stage.cycle()
    await _opened(page, story, 1)
    await expect(card_of(page, "Whale fall").locator(".attention")).to_have_text("Topic is empty.")
    await card_of(page, "Whale fall").click()
    await page.get_by_label("Topic", exact=True).fill("What lives on a dead whale")
    async with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        await page.keyboard.press("Escape")
    await story.drag(page, "Whale fall", "Queued")
    await story.notion_tells()
    await story.stage.cycle()
    assert await story.status_of(card) == ("pending", "Queued")
    await expect(card_of(page, "Whale fall").locator(".attention")).to_have_count(0)


async def test_the_panel_tells_the_story_as_it_happens(story: Story, page: Page) -> None:
    card = await story.stage.add_valid(title="Giant squid")
    await story.notion_tells()
    await _opened(page, story, 1)
    await page.get_by_role("button", name="Activity").click()
    await story.drag(page, "Giant squid", "Queued")
    await story.notion_tells()
    await page.get_by_role("tab", name="Webhooks").click()
    delivery = page.locator(".webhooks li", has_text="page.properties_updated")
    await expect(delivery.locator(".status")).to_have_text(["200"])
    await expect(delivery.locator(".what")).to_have_text(["“Giant squid”"])
    await page.get_by_role("tab", name="Requests").click()
    await story.stage.moves(card, "Processing")
    await story.stage.cycle()
    await expect(page.locator(".requests li", has_text="PATCH").first).to_contain_text(
        "pages/“Giant squid”"
    )
