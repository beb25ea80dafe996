"""Queries as recorded answers of Notion show them, where its documentation is silent."""

from typing import Any

import pytest
from query_kit import PROPERTIES, condition, filled_board
from sandbox_harness import Harness, Text


@pytest.fixture
async def source(box: Harness, text: Text) -> str:
    found: str = await filled_board(box, text)
    return found


async def test_a_query_without_sorts_gives_the_newest_page_first(box: Harness, source: str) -> None:
    assert await box.titles(source) == ["three", "two", "one"]


async def test_a_query_by_edit_time_without_sorts_gives_the_newest_page_first(
    box: Harness, source: str, text: Text
) -> None:
    [oldest] = (await box.query(source, filter=condition("Name", "title", equals="one")))["results"]
    box.clock.advance(minutes=5)
    await box.write(oldest["id"], Topic={"rich_text": text("edited last")})
    since = {
        "timestamp": "last_edited_time",
        "last_edited_time": {"on_or_after": "2026-11-23T00:00:00Z"},
    }
    assert await box.titles(source, filter=since) == ["three", "two", "one"]


async def test_pieces_of_a_query_without_sorts_go_on_where_the_last_one_ended(
    box: Harness, source: str
) -> None:
    first = await box.query(source, page_size=2)
    rest = await box.titles(source, page_size=2, start_cursor=first["next_cursor"])
    assert rest == ["one"]


@pytest.mark.parametrize(
    ("name", "operator", "expected"),
    [
        ("Name", {"contains": "wo"}, ["two"]),
        ("Link", {"equals": "https://example.org"}, ["one"]),
        ("Mail", {"is_empty": True}, ["three", "two", "one"]),
        ("Phone", {"does_not_equal": "1"}, ["three", "two", "one"]),
    ],
)
async def test_a_rich_text_filter_serves_every_property_that_holds_text(
    box: Harness, source: str, name: str, operator: dict[str, Any], expected: list[str]
) -> None:
    await box.schema(source, {"Mail": {"email": {}}, "Phone": {"phone_number": {}}})
    assert await box.titles(source, filter={"property": name, "rich_text": operator}) == expected


@pytest.mark.parametrize("name", ["Kind", "Score", "Due", "Done"])
async def test_a_rich_text_filter_serves_no_other_property(
    box: Harness, source: str, name: str
) -> None:
    wanted = {"property": name, "rich_text": {"contains": "x"}}
    path = f"/v1/data_sources/{source}/query"
    assert (await box.refused("POST", path, {"filter": wanted}))[:2] == (400, "validation_error")


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ({"equals": "2026-11-23T12:00:41Z"}, ["two"]),
        ({"on_or_before": "2026-11-23T11:59:59Z"}, ["one"]),
        ({"after": "2026-11-23T12:00:59Z"}, []),
        ({"before": "2026-11-23T12:00:59Z"}, ["one"]),
        ({"on_or_after": "2026-11-23T12:00:59Z"}, ["two"]),
    ],
)
async def test_the_moment_of_a_date_filter_is_cut_to_the_minute(
    box: Harness, source: str, operator: dict[str, Any], expected: list[str]
) -> None:
    assert await box.titles(source, filter=condition("Due", "date", **operator)) == expected


async def test_the_moment_of_a_filter_on_the_edit_time_is_cut_to_the_minute(
    box: Harness, text: Text
) -> None:
    source = await box.board(PROPERTIES)
    await box.page(source, Name={"title": text("made at 10:05:30")})
    late = {"timestamp": "created_time", "created_time": {"on_or_after": "2026-11-23T10:05:59Z"}}
    assert await box.titles(source, filter=late) == ["made at 10:05:30"]
