"""An open card: its editors, and its way to the trash and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from browser_stage import BoardStage, card_of, column_of, expect, text

if TYPE_CHECKING:
    from playwright.async_api import Page


async def test_every_kind_of_property_is_edited_in_the_open_card(
    board: BoardStage, page: Page
) -> None:
    await card_of(page, "Whale fall").click()
    peek = page.get_by_role("dialog")
    for label, value in (
        ("Title", "Whale falls"),
        ("Story", "Bones"),
        ("Rating", "4.5"),
        ("Due", "2026-12-24"),
    ):
        await peek.get_by_label(label, exact=True).fill(value)
    await peek.get_by_label("Channel").select_option("history")
    await peek.get_by_label("Done").check()
    async with page.expect_response(lambda answer: "Done" in (answer.request.post_data or "")):
        await peek.get_by_label("Done").uncheck()
        await peek.get_by_label("Done").check()
    await page.keyboard.press("Escape")
    await expect(card_of(page, "Whale falls")).to_be_focused()
    await expect(card_of(page, "Whale falls")).to_contain_text("history")
    values = (await board.found("Whale falls"))["properties"]
    assert values["Story"]["rich_text"][0]["plain_text"] == "Bones"
    assert (values["Rating"]["number"], values["Due"]["date"]["start"]) == (4.5, "2026-12-24")
    assert values["Channel"]["select"]["name"] == "history"


async def test_what_is_still_being_typed_is_saved_by_esc(board: BoardStage, page: Page) -> None:
    await card_of(page, "Whale fall").click()
    await page.get_by_label("Story", exact=True).fill("Bones")
    async with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert (await board.found("Whale fall"))["properties"]["Story"]["rich_text"][0][
        "plain_text"
    ] == "Bones"


async def test_what_the_sync_writes_shows_in_the_open_card_but_not_over_what_is_typed(
    board: BoardStage, page: Page
) -> None:
    await card_of(page, "Whale fall").click()
    await page.get_by_label("Story", exact=True).fill("my own words")
    card = await board.found("Whale fall")
    await board.bot_writes(
        card["id"], Story={"rich_text": text("theirs")}, Attention={"rich_text": text("Look here.")}
    )
    await expect(page.get_by_label("Attention", exact=True)).to_have_value("Look here.")
    await expect(page.get_by_label("Story", exact=True)).to_have_value("my own words")


async def test_a_formula_is_read_only(board: BoardStage, page: Page) -> None:
    assert board.source
    await card_of(page, "Whale fall").click()
    row = page.locator('.row[data-type="formula"]')
    await expect(row).to_contain_text("Time in Status")
    await expect(row.locator("input, textarea, select")).to_have_count(0)


async def test_a_long_text_is_written_in_parts_that_notion_takes(
    board: BoardStage, page: Page
) -> None:
    long = "a" * 1999 + "🐋" + "b" * 2500
    await card_of(page, "Whale fall").click()
    await page.get_by_label("Story", exact=True).fill(long)
    async with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        await page.keyboard.press("Escape")
    parts = (await board.found("Whale fall"))["properties"]["Story"]["rich_text"]
    assert "".join(part["plain_text"] for part in parts) == long


async def test_a_card_is_trashed_and_restored(board: BoardStage, page: Page) -> None:
    await card_of(page, "Whale fall").click()
    await page.get_by_role("button", name="Move to trash").click()
    await expect(card_of(page, "Whale fall")).to_have_count(0)
    assert (await board.found("Whale fall"))["in_trash"] is True
    await page.locator('[data-view="trash"]').click()
    await page.get_by_role("button", name="Restore Whale fall").click()
    await expect(page.get_by_text("The trash is empty.")).to_be_visible()
    assert (await board.found("Whale fall"))["in_trash"] is False
    await page.locator('[data-view="all"]').click()
    await expect(column_of(page, "Draft").locator(".title")).to_have_text(
        ["Lanternfish", "Whale fall"]
    )


async def test_trashing_can_be_undone_at_once(board: BoardStage, page: Page) -> None:
    await card_of(page, "Whale fall").click()
    await page.get_by_role("button", name="Move to trash").click()
    await page.get_by_role("button", name="Undo").click()
    await expect(card_of(page, "Whale fall")).to_be_visible()
    assert (await board.found("Whale fall"))["in_trash"] is False
