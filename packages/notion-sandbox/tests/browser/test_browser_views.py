"""The saved views of a board, as tabs, read and queried through the public API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from browser_stage import STATUSES, BoardStage, card_of, column_of, expect, until

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

ERRORS = {"property": "Status", "select": {"equals": ["Error: API Failure"]}}
HIGH = {"property": "Priority", "select": {"equals": "High"}}


def _tab(page: Page, name: str) -> Locator:
    return page.get_by_role("tab", name=name)


async def _add_view(board: BoardStage, name: str, kind: str = "board", **given: Any) -> str:
    """A view of the board's database; `by` and `visible` name properties."""
    source = await board.ask("GET", f"/v1/data_sources/{board.source}")
    by, visible, sort = (
        given.pop("by", "Status"),
        given.pop("visible", None),
        given.pop("order", "manual"),
    )
    configuration: dict[str, Any] = {"type": kind}
    if kind == "board":
        group = source["properties"][by]
        configuration["group_by"] = {
            "type": group["type"],
            "property_id": group["id"],
            "sort": {"type": sort},
        }
        if given.pop("hide_empty", False):
            configuration["group_by"]["hide_empty_groups"] = True
    if visible is not None:
        configuration["properties"] = [
            {"property_id": item["id"], "visible": item["name"] in visible}
            for item in source["properties"].values()
        ]
    parent = {"database_id": source["parent"]["database_id"], "data_source_id": board.source}
    made = await board.ask(
        "POST",
        "/v1/views",
        {**parent, "name": name, "type": kind, "configuration": configuration, **given},
    )
    return str(made["id"])


@pytest.fixture
async def views(board: BoardStage, page: Page) -> dict[str, str]:
    """A board with saved views, which appear on the open page by themselves; their ids by name."""
    found = {
        "Board": await _add_view(board, "Board", visible=["Priority"]),
        "All Errors": await _add_view(board, "All Errors", filter=ERRORS),
        "High Priority": await _add_view(board, "High Priority", filter=HIGH),
        "By title": await _add_view(
            board,
            "By title",
            "table",
            sorts=[{"property": "Title", "direction": "ascending"}],
            visible=["Channel", "Status"],
        ),
    }
    await expect(page.locator(".view .label")).to_have_text(["Default view", *found, "Trash"])
    await expect(_tab(page, "Board")).to_have_attribute("aria-selected", "true")
    return found


async def test_without_a_board_view_the_pages_own_are_there(board: BoardStage, page: Page) -> None:
    assert board.source
    own = ["All", "All Errors", "Ready for Review", "High Priority", "deep_sea", "history"]
    await expect(page.locator(".view .label")).to_have_text([*own, "Default view", "Trash"])


@pytest.mark.usefixtures("views")
async def test_a_view_shows_what_its_filter_finds_and_each_tab_its_count(page: Page) -> None:
    await expect(page.locator(".view .count")).to_have_text(["4", "4", "1", "2", "4", ""])
    await _tab(page, "All Errors").click()
    await expect(page.locator(".card .title")).to_have_text(["Fire of London"])
    await _tab(page, "High Priority").click()
    await expect(page.locator(".card .title")).to_have_text(["Whale fall", "Fire of London"])
    assert await page.locator(".column .pill").all_inner_texts() == list(STATUSES)


async def test_what_no_longer_matches_leaves_the_view_and_what_matches_comes(
    board: BoardStage, views: dict[str, str], page: Page
) -> None:
    await page.goto(f"{board.url}/#view={views['All Errors']}")
    await expect(page.locator(".card .title")).to_have_text(["Fire of London"])
    whale, fire = await board.found("Whale fall"), await board.found("Fire of London")
    await board.bot_writes(whale["id"], Status={"select": {"name": "Error: API Failure"}})
    await expect(page.locator(".card .title")).to_have_text(["Fire of London", "Whale fall"])
    await expect(card_of(page, "Whale fall").locator(".by")).to_have_text("Showrunner")
    await board.bot_writes(fire["id"], Status={"select": {"name": "Queued"}})
    await expect(page.locator(".card .title")).to_have_text(["Whale fall"])
    await card_of(page, "Whale fall").drag_to(column_of(page, "Draft"))
    await expect(page.locator(".card")).to_have_count(0)
    await expect(_tab(page, "All Errors").locator(".count")).to_have_text("0")


@pytest.mark.usefixtures("views")
async def test_a_card_shows_the_properties_that_its_view_shows(page: Page) -> None:
    await expect(card_of(page, "Whale fall")).to_contain_text("High")
    await expect(card_of(page, "Whale fall")).not_to_contain_text("deep_sea")
    await _tab(page, "High Priority").click()
    await expect(card_of(page, "Whale fall")).to_contain_text("deep_sea")


async def test_a_board_is_made_of_the_property_that_its_view_groups_by(
    board: BoardStage, page: Page
) -> None:
    await _add_view(board, "Channels", by="Channel", order="descending")
    await expect(page.locator(".column .pill")).to_have_text(["history", "deep_sea"])
    await card_of(page, "Silk Road").drag_to(column_of(page, "deep_sea"))
    await expect(column_of(page, "deep_sea").locator(".card")).to_have_count(3)
    await expect(card_of(page, "Silk Road")).to_be_visible()
    await _add_view(board, "Busy", hide_empty=True)
    await _tab(page, "Busy").click()
    await expect(page.locator(".column .pill")).to_have_text(
        ["Draft", "Assets Ready", "Error: API Failure"]
    )


@pytest.mark.usefixtures("views")
async def test_a_table_shows_rows_in_its_order_and_they_open_with_the_keyboard(page: Page) -> None:
    await _tab(page, "By title").click()
    await expect(page.locator(".sheet th")).to_have_text(["Title", "Channel", "Status"])
    await expect(page.locator(".sheet .title")).to_have_text(
        ["Fire of London", "Lanternfish", "Silk Road", "Whale fall"]
    )
    await page.keyboard.press("ArrowDown")
    await expect(page.locator(".sheet tr", has_text="Fire of London")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.get_by_role("dialog").get_by_label("Title").fill("Zander")
    async with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        await page.keyboard.press("Escape")
    await expect(page.locator(".sheet .title")).to_have_text(
        ["Fire of London", "Silk Road", "Whale fall", "Zander"]
    )
    await expect(page.locator(".sheet tr", has_text="Zander")).to_be_focused()


@pytest.mark.usefixtures("views")
async def test_a_new_card_that_the_view_does_not_show_is_announced(page: Page) -> None:
    await _tab(page, "All Errors").click()
    await expect(page.locator(".card .title")).to_have_text(["Fire of London"])
    await page.get_by_role("button", name="New card", exact=True).first.click()
    await page.keyboard.type("Tea")
    await page.keyboard.press("Enter")
    await expect(page.locator(".toast")).to_contain_text(
        "“Tea” was made. This view does not show it."
    )
    await expect(page.locator(".card .title")).to_have_text(["Fire of London"])


async def test_arrows_go_from_tab_to_tab_and_the_address_keeps_the_choice(
    board: BoardStage, views: dict[str, str], page: Page
) -> None:
    await _tab(page, "Board").focus()
    await page.keyboard.press("ArrowRight")
    await expect(_tab(page, "All Errors")).to_be_focused()
    await expect(page.locator(".card .title")).to_have_text(["Fire of London"])
    assert page.url == f"{board.url}/#view={quote(views['All Errors'])}"
    await page.keyboard.press("End")
    await expect(page.get_by_text("The trash is empty.")).to_be_visible()
    await page.go_back()
    await expect(page.locator(".card .title")).to_have_text(["Fire of London"])
    await page.reload()
    await expect(_tab(page, "All Errors")).to_have_attribute("aria-selected", "true")
    await expect(page.locator(".card .title")).to_have_text(["Fire of London"])


async def test_a_view_that_is_renamed_or_deleted_is_so_on_the_open_page(
    board: BoardStage, views: dict[str, str], page: Page
) -> None:
    await _tab(page, "All Errors").click()
    await board.ask("PATCH", f"/v1/views/{views['All Errors']}", {"name": "Broken", "filter": HIGH})
    await expect(_tab(page, "Broken")).to_have_attribute("aria-selected", "true")
    await expect(page.locator(".card .title")).to_have_text(["Whale fall", "Fire of London"])
    await board.ask("DELETE", f"/v1/views/{views['All Errors']}")
    await expect(_tab(page, "Board")).to_have_attribute("aria-selected", "true")
    await expect(_tab(page, "Broken")).to_have_count(0)
    # A browser logs every 404 itself, and the page may have requested the view before it closed.
    board.complaints[:] = [complaint for complaint in board.complaints if "404" not in complaint]


async def test_the_server_keeps_no_query_of_the_page(
    board: BoardStage, views: dict[str, str], page: Page
) -> None:
    await page.goto(f"{board.url}/#view={views['All Errors']}")
    await expect(page.locator(".view .count")).to_have_text(["4", "4", "1", "2", "4", ""])
    await expect(page.locator(".card .title")).to_have_text(["Fire of London"])
    await until(lambda: board.sandbox.state.view_queries == {})
