"""Values as recorded answers of Notion show them, where its documentation is silent."""

from typing import Any

import pytest
from page_kit import PROPERTIES
from sandbox_harness import Harness, Text


@pytest.fixture
async def source(box: Harness) -> str:
    return await box.board(PROPERTIES)


async def test_the_zone_utc_is_allowed_on_a_date_that_ends_in_z_and_comes_back_as_null(
    box: Harness, source: str
) -> None:
    given = {
        "start": "2026-11-23T10:00:00Z",
        "end": "2026-11-23T11:00:00.000Z",
        "time_zone": "UTC",
    }
    page = await box.page(source, Due={"date": given})
    assert page["properties"]["Due"]["date"] == {
        "start": "2026-11-23T10:00:00.000+00:00",
        "end": "2026-11-23T11:00:00.000+00:00",
        "time_zone": None,
    }


@pytest.mark.parametrize(
    ("start", "zone"),
    [("2026-11-23T10:00:00Z", "Europe/Berlin"), ("2026-11-23T10:00:00+01:00", "UTC")],
)
async def test_no_other_zone_is_allowed_with_an_offset(
    box: Harness, source: str, start: str, zone: str
) -> None:
    body = {
        "parent": {"data_source_id": source},
        "properties": {"Due": {"date": {"start": start, "time_zone": zone}}},
    }
    status, code, message = await box.refused("POST", "/v1/pages", body)
    assert (status, code) == (400, "validation_error")
    assert "no UTC offset" in message


def _plain(parts: list[Any]) -> list[tuple[str, str]]:
    return [(part["type"], part["plain_text"]) for part in parts]


async def test_adjacent_texts_of_equal_style_come_back_as_one(box: Harness, source: str) -> None:
    bold = {"bold": True}
    page = await box.page(
        source,
        Topic={
            "rich_text": [
                {"text": {"content": "one "}},
                {"text": {"content": "two"}, "annotations": {"bold": False, "color": "default"}},
                {"text": {"content": "fat"}, "annotations": bold},
                {"text": {"content": "ter"}, "annotations": bold},
                {"text": {"content": "link", "link": {"url": "https://example.org"}}},
                {"equation": {"expression": "x"}},
                {"equation": {"expression": "y"}},
            ]
        },
    )
    assert _plain(page["properties"]["Topic"]["rich_text"]) == [
        ("text", "one two"),
        ("text", "fatter"),
        ("text", "link"),
        ("equation", "x"),
        ("equation", "y"),
    ]


async def test_a_database_and_its_first_data_source_have_one_description(
    box: Harness, text: Text
) -> None:
    body = {
        "parent": {"page_id": box.sandbox.root_page_id},
        "title": text("Films"),
        "description": text("What is made"),
    }
    database = await box.ok("POST", "/v1/databases", body)
    source = f"/v1/data_sources/{database['data_sources'][0]['id']}"
    first = await box.ok("GET", source)
    await box.ok("PATCH", f"/v1/databases/{database['id']}", {"description": text("Changed")})
    second = await box.ok("GET", source)
    await box.ok("PATCH", f"/v1/databases/{database['id']}", {"title": text("Renamed")})
    third = await box.ok("GET", source)
    shown = [item["description"][0]["plain_text"] for item in (first, second, third)]
    assert shown == ["What is made", "Changed", "Changed"]
