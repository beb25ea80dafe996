"""Filters and orders of queries."""

from typing import Any

import pytest
from query_kit import condition as of
from query_kit import filled_board
from sandbox_harness import Harness, Json, Text


@pytest.fixture
async def source(box: Harness, text: Text) -> Any:
    """Three pages: one, two, three."""
    return await filled_board(box, text)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (of("Name", "title", equals="two"), "two"),
        (of("Name", "title", does_not_equal="two"), "one three"),
        (of("Topic", "rich_text", starts_with="error:"), "one"),
        (of("Topic", "rich_text", ends_with="ne"), "two"),
        (of("Topic", "rich_text", contains="API"), "one"),
        (of("Topic", "rich_text", does_not_contain="API"), "two three"),
        (of("Topic", "rich_text", is_empty=True), "three"),
        (of("Topic", "rich_text", is_not_empty=True), "one two"),
        (of("Link", "url", contains="example"), "one"),
        (of("Kind", "select", equals="a"), "two"),
        (of("Kind", "select", equals=["A", "B"]), "one two"),
        (of("Kind", "select", does_not_equal="A"), "one three"),
        (of("Kind", "select", does_not_equal=["A", "B"]), "three"),
        (of("Kind", "select", is_empty=True), "three"),
        (of("Stage", "status", equals="Not started"), "three"),
        (of("Stage", "status", equals="Complete"), "one"),
        (of("Stage", "status", does_not_equal="Done"), "two three"),
        (of("Score", "number", equals=0), "two"),
        (of("Score", "number", does_not_equal=0), "one three"),
        (of("Score", "number", greater_than=0), "one"),
        (of("Score", "number", less_than=1), "two"),
        (of("Score", "number", greater_than_or_equal_to=0), "one two"),
        (of("Score", "number", less_than_or_equal_to=0), "two"),
        (of("Score", "number", is_empty=True), "three"),
        (of("Done", "checkbox", equals=True), "one"),
        (of("Done", "checkbox", does_not_equal=True), "two three"),
        (of("Due", "date", equals="2026-11-23"), "two"),
        (of("Due", "date", before="2026-11-23"), "one"),
        (of("Due", "date", after="2026-11-20"), "two"),
        (of("Due", "date", on_or_before="2026-11-23"), "one two"),
        (of("Due", "date", on_or_after="2026-11-23T12:00:00.000Z"), "two"),
        (of("Due", "date", past_week={}), "one two"),
        (of("Due", "date", next_week={}), "two"),
        (of("Due", "date", this_week={}), "two"),
        (of("Due", "date", past_month={}), "one two"),
        (of("Due", "date", next_month={}), "two"),
        (of("Due", "date", past_year={}), "one two"),
        (of("Due", "date", next_year={}), "two"),
        (of("Due", "date", is_empty=True), "three"),
        (of("Made", "created_time", after="2026-11-23T10:05:00Z"), "two three"),
    ],
)
async def test_a_property_filter_finds_the_matching_pages(
    box: Harness, source: str, condition: Json, expected: str
) -> None:
    assert sorted(await box.titles(source, filter=condition)) == sorted(expected.split())


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"equals": "2026-11-23T10:06:00.000Z"}, "two"),
        ({"equals": "2026-11-23"}, "one two three"),
        ({"before": "2026-11-23T10:06:00.000Z"}, "one"),
        ({"after": "2026-11-23T10:06:00.000Z"}, "three"),
        ({"on_or_before": "2026-11-23T10:06:00.000Z"}, "one two"),
        ({"on_or_after": "2026-11-23T10:06:00.000Z"}, "two three"),
        ({"on_or_after": "2026-11-23T11:06:00+01:00"}, "two three"),
        ({"on_or_after": "2026-11-23T10:06:59.999Z"}, "two three"),
        ({"equals": "today"}, "one two three"),
        ({"before": "yesterday"}, ""),
        ({"after": "one_week_ago"}, "one two three"),
        ({"before": "one_month_from_now"}, "one two three"),
        ({"past_week": {}}, "one two three"),
        ({"this_week": {}}, "one two three"),
        ({"is_empty": True}, ""),
        ({"is_not_empty": True}, "one two three"),
    ],
)
@pytest.mark.parametrize("name", ["created_time", "last_edited_time"])
async def test_a_timestamp_filter_compares_the_floored_time(
    box: Harness, source: str, name: str, condition: Json, expected: str
) -> None:
    found = await box.titles(source, filter={"timestamp": name, name: condition})
    assert sorted(found) == sorted(expected.split())


async def test_an_edit_moves_a_page_in_the_filter_by_edit_time(box: Harness, source: str) -> None:
    box.clock.advance(minutes=5)
    (one,) = (await box.query(source, filter=of("Name", "title", equals="one")))["results"]
    await box.write(one["id"], Score={"number": 9})
    recent = {
        "timestamp": "last_edited_time",
        "last_edited_time": {"on_or_after": "2026-11-23T10:07:00Z"},
    }
    assert await box.titles(source, filter=recent) == ["three", "one"]


async def test_filters_nest_two_levels(box: Harness, source: str) -> None:
    nested = {
        "or": [
            {"and": [of("Kind", "select", equals="B"), of("Score", "number", equals=1)]},
            {"and": [of("Kind", "select", is_empty=True)]},
        ]
    }
    assert await box.titles(source, filter=nested) == ["three", "one"]
    path = f"/v1/data_sources/{source}/query"
    assert (await box.refused("POST", path, {"filter": {"and": [nested]}}))[:2] == (
        400,
        "validation_error",
    )


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (of("Nope", "number", equals=1), "Could not find property with name or id: Nope"),
        (of("Kind", "status", equals="A"), "database property select does not match filter status"),
        (of("Kind", "select", equals="Nope"), 'select option "Nope" not found for property "Kind"'),
        (of("Kind", "select", equals=["A", "Nope"]), 'Available options: "B", "A".'),
        (of("Kind", "select", starts_with="A"), "there is no such operator"),
        (of("Name", "title", is_empty=False), "should be `true`"),
        (of("Name", "title", equals="a", contains="b"), "exactly one operator"),
        (
            of("Age", "formula", number={"equals": 1}),
            "Unable to filter based on a formula of unknown type",
        ),
        (
            {"timestamp": "last_edited_time", "last_edited_time": {"after": "soon"}},
            "a valid ISO 8601 date string",
        ),
        ({"timestamp": "edited", "edited": {}}, '"created_time" or "last_edited_time"'),
        ({"number": {"equals": 1}}, "body.filter.property should be defined"),
        ({"and": [of("Score", "number", equals=1)] * 101}, "≤ `100`"),
    ],
)
async def test_a_filter_that_notion_refuses_is_refused(
    box: Harness, source: str, condition: Json, message: str
) -> None:
    status, code, found = await box.refused(
        "POST", f"/v1/data_sources/{source}/query", {"filter": condition}
    )
    assert (status, code) == (400, "validation_error")
    assert message in found


@pytest.mark.parametrize(
    ("sorts", "expected"),
    [
        ([{"timestamp": "created_time", "direction": "descending"}], "three two one"),
        ([{"timestamp": "last_edited_time", "direction": "ascending"}], "one two three"),
        ([{"property": "Made", "direction": "descending"}], "three two one"),
        ([{"property": "Name", "direction": "ascending"}], "one three two"),
        ([{"property": "Name", "direction": "descending"}], "two three one"),
        ([{"property": "Score", "direction": "ascending"}], "two one three"),
        ([{"property": "Score", "direction": "descending"}], "one two three"),
        ([{"property": "Kind", "direction": "ascending"}], "one two three"),
        ([{"property": "Due", "direction": "descending"}], "two one three"),
        (
            [
                {"property": "Done", "direction": "ascending"},
                {"property": "Name", "direction": "descending"},
            ],
            "two three one",
        ),
    ],
)
async def test_results_come_in_the_order_asked_for_with_empty_values_last(
    box: Harness, source: str, sorts: Any, expected: str
) -> None:
    assert await box.titles(source, sorts=sorts) == expected.split()


async def test_an_order_by_an_unknown_property_is_refused(box: Harness, source: str) -> None:
    body = {"sorts": [{"property": "Nope", "direction": "ascending"}]}
    refused = await box.refused("POST", f"/v1/data_sources/{source}/query", body)
    assert refused == (
        400,
        "validation_error",
        "Could not find sort property with name or id: Nope",
    )
