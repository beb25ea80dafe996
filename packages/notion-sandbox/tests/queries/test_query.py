"""Queries: pieces, cursors, the limit, the properties of results."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from query_kit import PROPERTIES, filled_board
from query_kit import condition as of
from sandbox_harness import Harness, MakeHarness, Text

from notion_sandbox.query.query import Query


@pytest.fixture
async def source(box: Harness, text: Text) -> Any:
    """Three pages: one, two, three."""
    return await filled_board(box, text)


async def test_pages_in_the_trash_are_not_found(box: Harness, source: str) -> None:
    (one,) = (await box.query(source, filter=of("Name", "title", equals="one")))["results"]
    await box.ok("PATCH", f"/v1/pages/{one['id']}", {"in_trash": True})
    assert await box.titles(source) == ["three", "two"]
    await box.ok("PATCH", f"/v1/pages/{one['id']}", {"in_trash": False})
    assert set(await box.titles(source)) == {"one", "two", "three"}


async def test_filter_properties_limits_what_results_show(box: Harness, source: str) -> None:
    path = f"/v1/data_sources/{source}/query?filter_properties=Score"
    assert list((await box.ok("POST", path, {}))["results"][0]["properties"]) == ["Score"]


async def test_a_list_has_the_keys_of_a_real_one(box: Harness, source: str) -> None:
    found = await box.query(source)
    assert set(found) == {
        "object",
        "results",
        "next_cursor",
        "has_more",
        "type",
        "page_or_data_source",
        "request_id",
    }
    assert (found["type"], found["page_or_data_source"]) == ("page_or_data_source", {})
    assert "request_id" not in found["results"][0]


async def _walk(box: Harness, source: str, size: Any, **body: Any) -> Any:
    titles, cursor, pieces = [], None, []
    while True:
        more = {} if cursor is None else {"start_cursor": cursor}
        piece = await box.query(source, page_size=size, **more, **body)
        pieces.append(piece)
        titles += [
            "".join(p["plain_text"] for p in page["properties"]["Name"]["title"])
            for page in piece["results"]
        ]
        cursor = piece["next_cursor"]
        assert piece["has_more"] is (cursor is not None)
        if cursor is None:
            return titles, pieces


@pytest.mark.parametrize(
    "sorts",
    [
        None,
        [{"timestamp": "last_edited_time", "direction": "descending"}],
        [
            {"property": "Score", "direction": "descending"},
            {"property": "Name", "direction": "ascending"},
        ],
        [{"property": "Name", "direction": "descending"}],
    ],
)
@pytest.mark.parametrize("size", [1, 3, 7, 100])
async def test_pieces_join_to_the_whole_whatever_their_size(
    box: Harness, text: Text, sorts: Any, size: Any
) -> None:
    source = await box.board(PROPERTIES)
    chance = Random(1)
    for number in range(17):
        await box.page(
            source,
            Name={"title": text(f"p{number}")},
            Score={"number": chance.choice([1, 2, None])},
        )
        box.clock.advance(seconds=25)
    body = {} if sorts is None else {"sorts": sorts}
    whole = await box.titles(source, **body)
    assert len(whole) == 17
    assert (await _walk(box, source, size, **body))[0] == whole


async def test_a_row_that_moves_while_it_is_read_makes_no_other_row_disappear(
    box: Harness, text: Text
) -> None:
    source = await box.board(PROPERTIES)
    pages = [await box.page(source, Name={"title": text(f"p{number}")}) for number in range(6)]
    by_edit = [{"timestamp": "last_edited_time", "direction": "ascending"}]
    first = await box.query(source, page_size=3, sorts=by_edit)
    box.clock.advance(minutes=5)
    await box.write(pages[2]["id"], Score={"number": 1})
    rest = await box.titles(source, sorts=by_edit, start_cursor=first["next_cursor"])
    assert rest == ["p3", "p4", "p5", "p2"]


async def test_a_cursor_is_opaque_and_good_for_its_own_query_only(
    box: Harness, source: str
) -> None:
    cursor = (await box.query(source, page_size=1))["next_cursor"]
    assert cursor.startswith("s:")
    path = f"/v1/data_sources/{source}/query"
    for body in (
        {"start_cursor": "nonsense"},
        {"start_cursor": cursor, "filter": of("Score", "number", equals=1)},
    ):
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
async def test_a_query_ends_at_the_limit_and_every_piece_has_its_request_status(
    make: MakeHarness, text: Text, body: Any
) -> None:
    box = make(query_limit=5)
    source = await box.board()
    for number in range(8):
        await box.page(source, Name={"title": text(f"p{number}")})
    titles, pieces = await _walk(box, source, 2, **body)
    newest_first = range(7, 2, -1)
    assert titles == [f"p{number}" for number in (range(5) if "sorts" in body else newest_first)]
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
    recent = {
        "timestamp": "last_edited_time",
        "last_edited_time": {"on_or_after": "2026-11-23T12:00:00Z"},
    }
    assert await box.titles(source, filter=recent) == ["new"]
    assert len(looked) == 1
