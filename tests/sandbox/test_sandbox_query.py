"""Queries: filters, orders, cursors, the cap."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from sandbox_harness import Harness, Json, MakeHarness, Text

from sandbox.query import Query

PROPERTIES = {
    "Name": {"title": {}},
    "Topic": {"rich_text": {}},
    "Kind": {"select": {"options": [{"name": "B"}, {"name": "A"}]}},
    "Stage": {"status": {}},
    "Due": {"date": {}},
    "Score": {"number": {}},
    "Done": {"checkbox": {}},
    "Link": {"url": {}},
    "Made": {"created_time": {}},
    "Age": {"formula": {"expression": 'dateBetween(now(), prop("Due"), "minutes")'}},
}


@pytest.fixture
async def source(box: Harness, text: Text) -> Any:
    """Three pages: one (all set), two (some set), three (nothing but its name)."""
    source = await box.board(PROPERTIES)
    await box.page(
        source,
        Name={"title": text("one")},
        Topic={"rich_text": text("Error: API")},
        Kind={"select": {"name": "B"}},
        Stage={"status": {"name": "Done"}},
        Due={"date": {"start": "2026-11-20"}},
        Score={"number": 1},
        Done={"checkbox": True},
        Link={"url": "https://example.org"},
    )
    box.clock.advance(minutes=1)
    await box.page(
        source,
        Name={"title": text("two")},
        Topic={"rich_text": text("fine")},
        Kind={"select": {"name": "A"}},
        Stage={"status": {"name": "In progress"}},
        Due={"date": {"start": "2026-11-23T12:00:00Z"}},
        Score={"number": 0},
    )
    box.clock.advance(minutes=1)
    await box.page(source, Name={"title": text("three")})
    return source


def _of(name: str, kind: str, **condition: Any) -> Any:
    return {"property": name, kind: condition}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (_of("Name", "title", equals="two"), "two"),
        (_of("Name", "title", does_not_equal="two"), "one three"),
        (_of("Topic", "rich_text", starts_with="error:"), "one"),
        (_of("Topic", "rich_text", ends_with="ne"), "two"),
        (_of("Topic", "rich_text", contains="API"), "one"),
        (_of("Topic", "rich_text", does_not_contain="API"), "two three"),
        (_of("Topic", "rich_text", is_empty=True), "three"),
        (_of("Topic", "rich_text", is_not_empty=True), "one two"),
        (_of("Link", "url", contains="example"), "one"),
        (_of("Kind", "select", equals="a"), "two"),
        (_of("Kind", "select", equals=["A", "B"]), "one two"),
        (_of("Kind", "select", does_not_equal="A"), "one three"),
        (_of("Kind", "select", does_not_equal=["A", "B"]), "three"),
        (_of("Kind", "select", is_empty=True), "three"),
        (_of("Stage", "status", equals="Not started"), "three"),
        (_of("Stage", "status", equals="Complete"), "one"),
        (_of("Stage", "status", does_not_equal="Done"), "two three"),
        (_of("Score", "number", equals=0), "two"),
        (_of("Score", "number", does_not_equal=0), "one three"),
        (_of("Score", "number", greater_than=0), "one"),
        (_of("Score", "number", less_than=1), "two"),
        (_of("Score", "number", greater_than_or_equal_to=0), "one two"),
        (_of("Score", "number", less_than_or_equal_to=0), "two"),
        (_of("Score", "number", is_empty=True), "three"),
        (_of("Done", "checkbox", equals=True), "one"),
        (_of("Done", "checkbox", does_not_equal=True), "two three"),
        (_of("Due", "date", equals="2026-11-23"), "two"),
        (_of("Due", "date", before="2026-11-23"), "one"),
        (_of("Due", "date", after="2026-11-20"), "two"),
        (_of("Due", "date", on_or_before="2026-11-23"), "one two"),
        (_of("Due", "date", on_or_after="2026-11-23T12:00:00.000Z"), "two"),
        (_of("Due", "date", past_week={}), "one two"),
        (_of("Due", "date", next_week={}), "two"),
        (_of("Due", "date", this_week={}), "two"),
        (_of("Due", "date", past_month={}), "one two"),
        (_of("Due", "date", next_month={}), "two"),
        (_of("Due", "date", past_year={}), "one two"),
        (_of("Due", "date", next_year={}), "two"),
        (_of("Due", "date", is_empty=True), "three"),
        (_of("Made", "created_time", after="2026-11-23T10:05:00Z"), "two three"),
    ],
)
async def test_a_property_filter_finds_what_it_says(box: Harness, source: str, condition: Json, expected: str) -> None:
    assert await box.titles(source, filter=condition) == expected.split()


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
        ({"on_or_after": "2026-11-23T10:06:00.001Z"}, "three"),
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
    assert await box.titles(source, filter={"timestamp": name, name: condition}) == expected.split()


async def test_an_edit_moves_a_page_in_the_filter_by_edit_time(box: Harness, source: str) -> None:
    box.clock.advance(minutes=5)
    (one,) = (await box.query(source, filter=_of("Name", "title", equals="one")))["results"]
    await box.write(one["id"], Score={"number": 9})
    recent = {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": "2026-11-23T10:07:00Z"}}
    assert await box.titles(source, filter=recent) == ["three", "one"]


async def test_filters_nest_two_levels(box: Harness, source: str) -> None:
    nested = {
        "or": [
            {"and": [_of("Kind", "select", equals="B"), _of("Score", "number", equals=1)]},
            {"and": [_of("Kind", "select", is_empty=True)]},
        ]
    }
    assert await box.titles(source, filter=nested) == ["one", "three"]
    path = f"/v1/data_sources/{source}/query"
    assert (await box.refused("POST", path, {"filter": {"and": [nested]}}))[:2] == (400, "validation_error")


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (_of("Nope", "number", equals=1), "Could not find property with name or id: Nope"),
        (_of("Kind", "status", equals="A"), "database property select does not match filter status"),
        (_of("Kind", "select", equals="Nope"), 'select option "Nope" not found for property "Kind"'),
        (_of("Kind", "select", equals=["A", "Nope"]), 'Available options: "B", "A".'),
        (_of("Kind", "select", starts_with="A"), "there is no such operator"),
        (_of("Name", "title", is_empty=False), "should be `true`"),
        (_of("Name", "title", equals="a", contains="b"), "exactly one operator"),
        (_of("Age", "formula", number={"equals": 1}), "Unable to filter based on a formula of unknown type"),
        ({"timestamp": "last_edited_time", "last_edited_time": {"after": "soon"}}, "a valid ISO 8601 date string"),
        ({"timestamp": "edited", "edited": {}}, '"created_time" or "last_edited_time"'),
        ({"number": {"equals": 1}}, "body.filter.property should be defined"),
        ({"and": [_of("Score", "number", equals=1)] * 101}, "≤ `100`"),
    ],
)
async def test_a_filter_that_notion_refuses_is_refused(
    box: Harness, source: str, condition: Json, message: str
) -> None:
    status, code, found = await box.refused("POST", f"/v1/data_sources/{source}/query", {"filter": condition})
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
            [{"property": "Done", "direction": "ascending"}, {"property": "Name", "direction": "descending"}],
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
    assert refused == (400, "validation_error", "Could not find sort property with name or id: Nope")


async def test_pages_in_the_trash_are_not_found(box: Harness, source: str) -> None:
    (one,) = (await box.query(source, filter=_of("Name", "title", equals="one")))["results"]
    await box.ok("PATCH", f"/v1/pages/{one['id']}", {"in_trash": True})
    assert await box.titles(source) == ["two", "three"]
    await box.ok("PATCH", f"/v1/pages/{one['id']}", {"in_trash": False})
    assert set(await box.titles(source)) == {"one", "two", "three"}


async def test_filter_properties_limits_what_results_show(box: Harness, source: str) -> None:
    path = f"/v1/data_sources/{source}/query?filter_properties=Score"
    assert list((await box.ok("POST", path, {}))["results"][0]["properties"]) == ["Score"]


async def test_a_list_has_the_keys_of_a_real_one(box: Harness, source: str) -> None:
    found = await box.query(source)
    assert set(found) == {"object", "results", "next_cursor", "has_more", "type", "page_or_data_source", "request_id"}
    assert (found["type"], found["page_or_data_source"]) == ("page_or_data_source", {})
    assert "request_id" not in found["results"][0]


async def _walk(box: Harness, source: str, size: Any, **body: Any) -> Any:
    titles, cursor, pieces = [], None, []
    while True:
        more = {} if cursor is None else {"start_cursor": cursor}
        piece = await box.query(source, page_size=size, **more, **body)
        pieces.append(piece)
        titles += ["".join(p["plain_text"] for p in page["properties"]["Name"]["title"]) for page in piece["results"]]
        cursor = piece["next_cursor"]
        assert piece["has_more"] is (cursor is not None)
        if cursor is None:
            return titles, pieces


@pytest.mark.parametrize(
    "sorts",
    [
        None,
        [{"timestamp": "last_edited_time", "direction": "descending"}],
        [{"property": "Score", "direction": "descending"}, {"property": "Name", "direction": "ascending"}],
        [{"property": "Name", "direction": "descending"}],
    ],
)
@pytest.mark.parametrize("size", [1, 3, 7, 100])
async def test_pieces_join_to_the_whole_whatever_their_size(box: Harness, text: Text, sorts: Any, size: Any) -> None:
    source = await box.board(PROPERTIES)
    chance = Random(1)
    for number in range(17):
        await box.page(source, Name={"title": text(f"p{number}")}, Score={"number": chance.choice([1, 2, None])})
        box.clock.advance(seconds=25)
    body = {} if sorts is None else {"sorts": sorts}
    whole = await box.titles(source, **body)
    assert len(whole) == 17
    assert (await _walk(box, source, size, **body))[0] == whole


async def test_a_row_that_moves_while_it_is_read_makes_no_other_row_disappear(box: Harness, text: Text) -> None:
    source = await box.board(PROPERTIES)
    pages = [await box.page(source, Name={"title": text(f"p{number}")}) for number in range(6)]
    by_edit = [{"timestamp": "last_edited_time", "direction": "ascending"}]
    first = await box.query(source, page_size=3, sorts=by_edit)
    box.clock.advance(minutes=5)
    await box.write(pages[2]["id"], Score={"number": 1})
    rest = await box.titles(source, sorts=by_edit, start_cursor=first["next_cursor"])
    assert rest == ["p3", "p4", "p5", "p2"]


async def test_a_cursor_is_opaque_and_good_for_its_own_query_only(box: Harness, source: str) -> None:
    cursor = (await box.query(source, page_size=1))["next_cursor"]
    assert cursor.startswith("s:")
    path = f"/v1/data_sources/{source}/query"
    for body in ({"start_cursor": "nonsense"}, {"start_cursor": cursor, "filter": _of("Score", "number", equals=1)}):
        status, code, message = await box.refused("POST", path, body)
        assert (status, code) == (400, "validation_error")
        assert message.startswith("The start_cursor provided is invalid: ")


@pytest.mark.parametrize("size", [0, 101, "5", True])
async def test_a_piece_has_1_to_100_results(box: Harness, source: str, size: Any) -> None:
    path = f"/v1/data_sources/{source}/query"
    assert (await box.refused("POST", path, {"page_size": size}))[:2] == (400, "validation_error")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"sorts": [{"property": "Name", "direction": "ascending"}]},
        {"filter": {"property": "Name", "title": {"contains": "p"}}},
    ],
)
async def test_a_query_ends_at_the_cap_and_every_piece_says_so(make: MakeHarness, text: Text, body: Any) -> None:
    box = make(query_limit=5)
    source = await box.board()
    for number in range(8):
        await box.page(source, Name={"title": text(f"p{number}")})
    titles, pieces = await _walk(box, source, 2, **body)
    assert titles == [f"p{number}" for number in range(5)]
    incomplete = {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
    assert [piece["request_status"] for piece in pieces] == [incomplete] * 3


async def test_a_query_that_fits_the_cap_exactly_is_complete(make: MakeHarness, text: Text) -> None:
    box = make(query_limit=4)
    source = await box.board()
    for number in range(4):
        await box.page(source, Name={"title": text(f"p{number}")})
    _, pieces = await _walk(box, source, 2)
    assert all("request_status" not in piece for piece in pieces)


async def test_in_trash_is_no_key_of_a_query(box: Harness, source: str) -> None:
    path = f"/v1/data_sources/{source}/query"
    assert (await box.refused("POST", path, {"in_trash": True}))[1] == "sandbox_unsupported"


async def test_a_query_by_edit_time_looks_at_the_matching_rows_only(
    box: Harness, text: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = await box.board()
    state = box.sandbox.state
    await box.page(source, Name={"title": text("old")})
    template = next(iter(state.pages[p] for p in state.pages if state.pages[p].data_source_id))
    for _ in range(2000):
        state.put_page(
            type(template)(
                f"old-{state.new_number()}",
                state.new_number(),
                source,
                None,
                template.created_at,
                template.created_by,
                template.edited_at,
                template.edited_by,
            )
        )
    box.clock.now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    await box.page(source, Name={"title": text("new")})
    looked = []
    original = Query._matching

    def counting(self: Query, keys: Any) -> Any:
        return original(self, (looked.append(key) or key for key in keys))

    monkeypatch.setattr(Query, "_matching", counting)
    recent = {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": "2026-11-23T12:00:00Z"}}
    assert await box.titles(source, filter=recent) == ["new"]
    assert len(looked) == 1
