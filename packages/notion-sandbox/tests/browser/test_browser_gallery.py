"""Galleries, and files of cards, as a person sees them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from browser_stage import BoardStage, card_of, expect

if TYPE_CHECKING:
    from playwright.async_api import Page

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SCHEMA = {"Title": {"title": {}}, "File": {"files": {}}, "Scene": {"number": {}}}


async def _gallery(board: BoardStage) -> str:
    """A database with a gallery of a card that has a picture, and one that has a sound."""
    source = await board.make_board("Pieces", SCHEMA)
    for title, name, kind in (
        ("Squid", "squid.png", "image/png"),
        ("Sea", "sea.mp3", "audio/mpeg"),
    ):
        upload = await board.upload(name, kind, PIXEL)
        file = {"type": "file_upload", "file_upload": {"id": upload}, "name": name}
        page_id = await board.add(title)
        await board.bot_writes(page_id, File={"files": [file]})
    found = await board.ask("GET", f"/v1/data_sources/{source}")
    cover = {"type": "property", "property_id": found["properties"]["File"]["id"]}
    body = {
        "database_id": found["parent"]["database_id"],
        "data_source_id": source,
        "name": "Gallery",
        "type": "gallery",
        "configuration": {"type": "gallery", "cover": cover},
    }
    await board.ask("POST", "/v1/views", body)
    return source


async def test_a_gallery_shows_pictures_and_the_names_of_other_files(
    board: BoardStage, page: Page
) -> None:
    source = await _gallery(board)
    await page.get_by_label("Board", exact=True).first.select_option(source)
    await page.get_by_role("tab", name="Gallery").click()
    picture = page.locator(".gallery li", has_text="Squid").locator(".cover img")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("image => image.complete ? image.naturalWidth : image.decode()")
    await expect(page.locator(".gallery li", has_text="Sea").locator(".cover")).to_have_text(
        "sea.mp3"
    )


async def test_an_open_card_links_its_files_and_shows_its_pictures(
    board: BoardStage, page: Page
) -> None:
    source = await _gallery(board)
    await page.get_by_label("Board", exact=True).first.select_option(source)
    await page.get_by_role("tab", name="Gallery").click()
    await card_of(page, "Squid").click()
    link = page.get_by_role("dialog").get_by_role("link", name="squid.png")
    await expect(link.locator("img")).to_be_visible()
    assert "/files/" in str(await link.get_attribute("href"))


async def test_the_board_with_the_most_properties_is_open_at_first(
    board: BoardStage, page: Page
) -> None:
    await _gallery(board)
    await page.evaluate("localStorage.clear()")
    await page.goto(board.url)
    await expect(page.get_by_role("tab", name="Gallery")).to_have_count(0)
    await expect(card_of(page, "Whale fall")).to_be_visible()
