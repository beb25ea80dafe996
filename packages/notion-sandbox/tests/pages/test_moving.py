"""Moves of pages, and unique ids."""

from typing import Any

import pytest
from sandbox_harness import Harness, Text

NUMBERED = {"Name": {"title": {}}, "No": {"unique_id": {"prefix": "V"}}, "Topic": {"rich_text": {}}}


@pytest.fixture
async def shelf(box: Harness, text: Text) -> Any:
    """A page under the root."""
    parent = {"page_id": box.sandbox.root_page_id}
    return await box.ok(
        "POST", "/v1/pages", {"parent": parent, "properties": {"title": {"title": text("shelf")}}}
    )


async def move(box: Harness, page: str, **parent: str) -> Any:
    """Move a page."""
    return await box.ok("POST", f"/v1/pages/{page}/move", {"parent": parent})


async def test_a_moved_page_is_found_where_it_is_and_nowhere_else(box: Harness, text: Text) -> None:
    here, there = await box.board(), await box.board()
    page = await box.page(here, Name={"title": text("wanderer")})
    await box.page(here, Name={"title": text("stays")})
    await move(box, page["id"], data_source_id=there)
    assert (await box.titles(here), await box.titles(there)) == (["stays"], ["wanderer"])
    by_edit = [{"timestamp": "last_edited_time", "direction": "ascending"}]
    assert (await box.titles(here, sorts=by_edit), await box.titles(there, sorts=by_edit)) == (
        ["stays"],
        ["wanderer"],
    )


async def test_a_query_that_looks_back_sees_the_page_where_it_was(box: Harness, text: Text) -> None:
    here, there = await box.board(), await box.board()
    page = await box.page(here, Name={"title": text("wanderer")})
    box.clock.advance(seconds=60)
    await move(box, page["id"], data_source_id=there)
    box.clock.advance(seconds=1)
    box.sandbox.faults.add(stale_seconds=5, method="POST")
    assert (await box.titles(here), await box.titles(there)) == (["wanderer"], [])


async def test_a_move_gives_an_event_with_the_new_parent(box: Harness, shelf: Any) -> None:
    page = await box.page(await box.board())
    await box.listen()
    await move(box, page["id"], page_id=shelf["id"])
    (event,) = await box.deliver()
    assert (event["type"], event["data"]["parent"]) == (
        "page.moved",
        {"id": shelf["id"], "type": "page"},
    )


async def test_the_event_of_an_edit_before_a_move_has_the_new_parent_too(
    box: Harness, shelf: Any, text: Text
) -> None:
    page = await box.page(await box.board())
    await box.listen()
    await box.write(page["id"], Name={"title": text("edited")})
    await move(box, page["id"], page_id=shelf["id"])
    moved, updated = await box.deliver()
    assert (moved["type"], updated["type"]) == ("page.moved", "page.properties_updated")
    assert {event["data"]["parent"]["id"] for event in (moved, updated)} == {shelf["id"]}


async def test_a_move_to_where_it_is_changes_nothing(box: Harness) -> None:
    source = await box.board()
    page = await box.page(source)
    await box.listen()
    box.clock.advance(minutes=5)
    assert (await move(box, page["id"], data_source_id=source))["last_edited_time"] == page[
        "last_edited_time"
    ]
    assert await box.deliver() == []


async def test_values_of_the_same_name_and_type_move_along(box: Harness, text: Text) -> None:
    here, there = (
        await box.board(NUMBERED),
        await box.board({**NUMBERED, "Topic": {"rich_text": {}}}),
    )
    page = await box.page(here, Name={"title": text("a")}, Topic={"rich_text": text("deep")})
    moved = await move(box, page["id"], data_source_id=there)
    assert moved["properties"]["Topic"]["rich_text"][0]["plain_text"] == "deep"
    assert moved["properties"]["No"]["unique_id"] == {"prefix": "V", "number": 1}


@pytest.mark.parametrize(
    "parent", [None, {}, {"database_id": "x"}, {"page_id": "x"}, {"workspace": True}]
)
async def test_a_move_to_nowhere_is_refused(box: Harness, parent: Any) -> None:
    page = await box.page(await box.board())
    assert (await box.refused("POST", f"/v1/pages/{page['id']}/move", {"parent": parent}))[0] == 400


async def test_the_root_and_the_trash_do_not_move(box: Harness, shelf: Any) -> None:
    path, body = f"/v1/pages/{box.sandbox.root_page_id}/move", {"parent": {"page_id": shelf["id"]}}
    assert "top of the workspace" in (await box.refused("POST", path, body))[2]
    page = await box.page(await box.board())
    await box.ok("PATCH", f"/v1/pages/{page['id']}", {"in_trash": True})
    assert "archived" in (await box.refused("POST", f"/v1/pages/{page['id']}/move", body))[2]


async def test_a_page_cannot_move_into_a_board_of_its_own(box: Harness, shelf: Any) -> None:
    body = {"parent": {"type": "page_id", "page_id": shelf["id"]}}
    inner = (await box.ok("POST", "/v1/databases", body))["data_sources"][0]["id"]
    row = await box.page(inner)
    path = f"/v1/pages/{shelf['id']}/move"
    assert (await box.refused("POST", path, {"parent": {"page_id": row["id"]}}))[2].endswith(
        "under itself."
    )


async def test_a_number_is_never_given_twice(box: Harness) -> None:
    source = await box.board(NUMBERED)
    first = await box.page(source)
    await box.ok("PATCH", f"/v1/pages/{first['id']}", {"in_trash": True})
    assert (await box.page(source))["properties"]["No"]["unique_id"]["number"] == 2


async def test_pages_that_are_there_are_numbered_when_the_property_is_made(box: Harness) -> None:
    source = await box.board()
    pages = [await box.page(source) for _ in range(2)]
    await box.schema(source, {"No": {"unique_id": {}}})
    numbers = [
        (await box.ok("GET", f"/v1/pages/{page['id']}"))["properties"]["No"]["unique_id"]
        for page in pages
    ]
    assert numbers == [{"prefix": None, "number": 1}, {"prefix": None, "number": 2}]
    assert (await box.page(source))["properties"]["No"]["unique_id"]["number"] == 3


async def test_a_number_is_given_and_not_written(box: Harness) -> None:
    source = await box.board(NUMBERED)
    page = await box.page(source)
    body = {"properties": {"No": {"unique_id": {"number": 9}}}}
    assert (await box.refused("PATCH", f"/v1/pages/{page['id']}", body))[1] == "validation_error"
