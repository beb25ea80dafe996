"""The board page, as an editor uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from browser_stage import STATUSES, BoardStage, card_of, column_of, expect, text

if TYPE_CHECKING:
    from playwright.async_api import Page


async def _titles(page: Page, column: str) -> list[str]:
    return await column_of(page, column).locator(".card .title").all_inner_texts()


def _status(found: dict[str, Any]) -> Any:
    return found["properties"]["Status"]["select"]["name"]


async def test_the_columns_stand_in_order_with_their_counts(board: BoardStage, page: Page) -> None:
    assert board.source
    assert await page.locator(".column .pill").all_inner_texts() == list(STATUSES)
    assert await page.locator(".column .count").all_inner_texts() == [
        "2",
        "0",
        "0",
        "1",
        "0",
        "1",
        "0",
    ]
    assert await _titles(page, "Draft") == ["Lanternfish", "Whale fall"]
    await expect(page.locator(".column.slim")).to_have_count(4)
    await expect(column_of(page, "Draft")).to_have_attribute("aria-label", "Draft, 2 cards")


async def test_a_card_shows_what_an_editor_needs(board: BoardStage, page: Page) -> None:
    card = await board.found("Fire of London")
    await board.bot_writes(card["id"], Attention={"rich_text": text("The image service refused.")})
    await board.bot_writes(card["id"], Updated={"date": {"start": "2020-01-01"}})
    shown = card_of(page, "Fire of London")
    for shown_text in ("history", "High", "The image service refused.", " d "):
        await expect(shown).to_contain_text(shown_text)


async def test_a_card_that_is_dragged_changes_its_status_as_the_person(
    board: BoardStage, page: Page
) -> None:
    await card_of(page, "Whale fall").drag_to(column_of(page, "Queued"))
    await expect(column_of(page, "Queued").locator(".title")).to_have_text(["Whale fall"])
    await expect(column_of(page, "Draft").locator(".head .count")).to_have_text("1")
    async with page.expect_response("**/v1/pages/*"):
        await card_of(page, "Whale fall").drag_to(column_of(page, "Archived"))
    found = await board.found("Whale fall")
    assert (_status(found), await board.author_of(found)) == ("Archived", "Ada")


async def test_a_refused_move_is_undone_and_shown(board: BoardStage, page: Page) -> None:
    board.sandbox.faults.add(409, method="PATCH", who="person")
    await card_of(page, "Whale fall").focus()
    await page.keyboard.press("m")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator(".toast.bad")).to_contain_text(
        "could not be moved: Conflict occurred"
    )
    assert "409" in board.complaints.pop()
    await expect(column_of(page, "Draft").locator(".title")).to_have_text(
        ["Lanternfish", "Whale fall"]
    )


async def test_what_the_sync_changes_appears_by_itself_and_is_marked(
    board: BoardStage, page: Page
) -> None:
    card = await board.found("Whale fall")
    await board.bot_writes(card["id"], Status={"select": {"name": "Processing"}})
    moved = column_of(page, "Processing").locator(".card")
    await expect(moved.locator(".by")).to_have_text("Showrunner")
    await expect(page.locator("#announcements")).to_have_text("Showrunner changed “Whale fall”.")
    await board.ask(
        "PATCH",
        f"/v1/pages/{card['id']}",
        {"properties": {"Status": {"select": {"name": "Queued"}}}},
    )
    await expect(column_of(page, "Queued").locator(".card")).to_contain_text("Whale fall")
    await expect(page.locator(".by")).to_have_count(0)


async def test_cards_that_others_make_and_trash_appear_and_disappear(
    board: BoardStage, page: Page
) -> None:
    made = await board.add("Kraken", status="Queued")
    await expect(column_of(page, "Queued").locator(".title")).to_have_text(["Kraken"])
    await board.ask("PATCH", f"/v1/pages/{made}", {"in_trash": True})
    await expect(card_of(page, "Kraken")).to_have_count(0)


async def test_a_card_is_made_with_the_keyboard(board: BoardStage, page: Page) -> None:
    await card_of(page, "Silk Road").focus()
    await page.keyboard.press("n")
    await page.keyboard.type("Tea")
    await page.keyboard.press("Enter")
    await expect(card_of(page, "Tea")).to_be_focused()
    assert await _titles(page, "Assets Ready") == ["Tea", "Silk Road"]
    found = await board.found("Tea")
    assert (_status(found), await board.author_of(found)) == ("Assets Ready", "Ada")


async def test_a_card_is_made_in_the_column_of_the_plus(board: BoardStage, page: Page) -> None:
    await page.get_by_label("New card in Error: API Failure").first.click()
    await page.keyboard.type("Mummy")
    await page.keyboard.press("Enter")
    await expect(card_of(page, "Mummy")).to_be_focused()
    assert _status(await board.found("Mummy")) == "Error: API Failure"


async def test_arrow_keys_go_from_card_to_card_and_enter_opens(
    board: BoardStage, page: Page
) -> None:
    assert board.source
    await page.keyboard.press("ArrowDown")
    await expect(card_of(page, "Lanternfish")).to_be_focused()
    for key, title in (
        ("ArrowDown", "Whale fall"),
        ("ArrowDown", "Whale fall"),
        ("ArrowRight", "Silk Road"),
        ("ArrowRight", "Fire of London"),
        ("ArrowRight", "Fire of London"),
        ("ArrowLeft", "Silk Road"),
        ("ArrowLeft", "Lanternfish"),
    ):
        await page.keyboard.press(key)
        await expect(card_of(page, title)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog").get_by_label("Title")).to_have_value("Lanternfish")
    await page.keyboard.press("Escape")
    await expect(card_of(page, "Lanternfish")).to_be_focused()


async def test_m_moves_a_card_with_the_keyboard_and_esc_leaves_it(
    board: BoardStage, page: Page
) -> None:
    await card_of(page, "Whale fall").focus()
    await page.keyboard.press("m")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Escape")
    await expect(card_of(page, "Whale fall")).to_be_focused()
    assert _status(await board.found("Whale fall")) == "Draft"
    await page.keyboard.press("m")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowDown")
    async with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        await page.keyboard.press("Enter")
    await expect(column_of(page, "Processing").locator(".card")).to_be_focused()
    assert _status(await board.found("Whale fall")) == "Processing"


async def test_the_views_show_what_they_say(board: BoardStage, page: Page) -> None:
    assert board.source
    wanted = {
        "All Errors": ["Fire of London"],
        "Ready for Review": ["Silk Road"],
        "High Priority": ["Whale fall", "Fire of London"],
        "deep_sea": ["Lanternfish", "Whale fall"],
        "history": ["Silk Road", "Fire of London"],
        "All": ["Lanternfish", "Whale fall", "Silk Road", "Fire of London"],
    }
    for name, titles in wanted.items():
        chip = page.locator(".view", has_text=name).first
        await chip.click()
        await expect(page.locator(".card .title")).to_have_text(titles)
        await expect(chip).to_have_attribute("aria-selected", "true")
        await expect(chip.locator(".count")).to_have_text(str(len(titles)))


async def test_a_card_is_found_by_its_title(board: BoardStage, page: Page) -> None:
    assert board.source
    await page.keyboard.press("/")
    await page.keyboard.type("lon")
    await expect(page.locator(".card .title")).to_have_text(["Fire of London"])


async def test_the_panel_shows_requests_webhooks_and_faults_as_they_come(
    board: BoardStage, page: Page
) -> None:
    await page.get_by_role("button", name="Activity").click()
    await expect(page.locator(".figures")).to_contain_text("0 of 10000 requests")
    board.sandbox.outbox.subscribe("http://127.0.0.1:9/nobody", None)
    board.sandbox.faults.add(409, method="PATCH")
    card = await board.found("Whale fall")
    await board.bot_is_refused(card["id"])
    await board.bot_writes(card["id"], Status={"select": {"name": "Queued"}})
    rows = page.locator(".requests li")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("pages/“Whale fall”")
    await expect(rows.locator(".status")).to_have_text(["200", "409"])
    await expect(page.locator(".figures")).to_contain_text("2 of 10000 requests")
    await page.get_by_role("tab", name="Webhooks").click()
    await expect(page.locator(".webhooks li")).to_contain_text(["page.properties_updated"])
    await expect(page.locator(".webhooks .status")).to_have_text(["no answer"])
    await page.get_by_role("tab", name="Faults").click()
    await expect(page.locator(".faults .status")).to_have_text(["1 of 1"])
    await expect(page.locator("#active-faults")).to_be_hidden()
    await page.get_by_role("button", name="Token revoked").click()
    await expect(page.locator(".faults li")).to_have_count(2)
    await page.get_by_role("tab", name="Requests").click()
    await expect(page.locator("#active-faults")).to_have_text("Faults are set: 401")
    assert [fault.settings.status for fault in board.sandbox.faults.all()] == [409, 401]


async def test_without_a_board_there_is_a_message_and_the_first_one_appears(
    stage: BoardStage, page: Page
) -> None:
    await page.goto(stage.url)
    await expect(page.get_by_role("heading", name="No board yet")).to_be_visible()
    await stage.make_board("First", {"Name": {"title": {}}, "Stage": {"status": {}}})
    await expect(page.locator(".column .pill")).to_have_text(["Not started", "In progress", "Done"])
    await expect(page).to_have_title("First")


async def test_a_new_option_is_a_new_column_by_itself(board: BoardStage, page: Page) -> None:
    await board.add("Odd", status="Somewhere else")
    await expect(column_of(page, "Somewhere else").locator(".title")).to_have_text(["Odd"])


async def test_several_boards_are_chosen_from(board: BoardStage, page: Page) -> None:
    other = await board.make_board(
        "Other", {"Name": {"title": {}}, "Kind": {"select": {"options": [{"name": "One"}]}}}
    )
    await page.get_by_label("Board", exact=True).first.select_option(other)
    await expect(page.locator(".column .pill")).to_have_text(["One"])
    await page.reload()
    await expect(page.locator(".column .pill")).to_have_text(["One"])


async def test_a_board_of_many_cards_shows_a_column_piece_by_piece(
    board: BoardStage, page: Page
) -> None:
    await page.goto("about:blank")
    for number in range(70):
        await board.add(f"Number {number:02}", status="Archived")
    await page.goto(board.url)
    column = column_of(page, "Archived")
    await expect(column.locator(".head .count")).to_have_text("70")
    await expect(column.locator(".card")).to_have_count(30)
    await column.get_by_role("button", name="Show 30 more").click()
    await column.get_by_role("button", name="Show 10 more").click()
    await expect(column.locator(".card")).to_have_count(70)


async def test_empty_columns_are_strips_until_they_are_wanted(
    board: BoardStage, page: Page
) -> None:
    assert board.source
    await column_of(page, "Queued").get_by_role("button", name="Queued").first.click()
    await expect(page.locator(".column.slim")).to_have_count(3)
    await page.get_by_role("button", name="Fold empty").click()
    await expect(page.locator(".column.slim")).to_have_count(0)
    await page.reload()
    await page.locator(".card").first.wait_for()
    await expect(page.locator(".column.slim")).to_have_count(0)
