"""Blocks and comments: order, events, refusals, restarts."""

from pathlib import Path
from typing import Any

import pytest
from sandbox_harness import PERSON, Harness, Json, MakeHarness, Text


@pytest.fixture
def paragraph(text: Text) -> Any:
    """A block in a request: `paragraph("words")`."""
    return lambda content: {"paragraph": {"rich_text": text(content)}}


async def append(box: Harness, parent: str, *children: Json, **more: Any) -> Any:
    """Append blocks; returns the new ones."""
    path = f"/v1/blocks/{parent}/children"
    return (await box.ok("PATCH", path, {"children": list(children), **more}))["results"]


async def texts_under(box: Harness, parent: str) -> list[str]:
    """The texts under a page or block."""
    blocks = (await box.ok("GET", f"/v1/blocks/{parent}/children"))["results"]
    return [
        "".join(part["plain_text"] for part in block[block["type"]]["rich_text"])
        for block in blocks
    ]


async def test_a_change_of_content_sets_the_pages_edit_time_and_gives_an_event(
    box: Harness, paragraph: Any
) -> None:
    page = await box.page(await box.board())
    await box.listen()
    box.clock.advance(minutes=3)
    (outer,) = await append(box, page["id"], paragraph("outer"))
    (inner,) = await append(box, outer["id"], paragraph("inner"))
    (event,) = await box.deliver()
    assert event["type"] == "page.content_updated"
    assert event["data"]["updated_blocks"] == [
        {"id": block["id"], "type": "block"} for block in (outer, inner)
    ]
    after = await box.ok("GET", f"/v1/pages/{page['id']}")
    assert after["last_edited_time"] > page["last_edited_time"]


async def test_a_block_that_is_trashed_and_restored_is_in_its_old_place(
    box: Harness, paragraph: Any
) -> None:
    page = (await box.page(await box.board()))["id"]
    blocks = await append(box, page, *(paragraph(word) for word in "abc"))
    path = f"/v1/blocks/{blocks[1]['id']}"
    assert (await box.ok("DELETE", path))["in_trash"] is True
    assert await texts_under(box, page) == ["a", "c"]
    assert "archived" in (await box.refused("PATCH", path, {"paragraph": {"color": "red"}}))[2]
    await box.ok("PATCH", path, {"in_trash": False})
    assert await texts_under(box, page) == ["a", "b", "c"]


async def test_a_block_that_is_edited_or_trashed_gives_an_event(
    box: Harness, paragraph: Any
) -> None:
    page = await box.page(await box.board())
    (block,) = await append(box, page["id"], paragraph("a"))
    await box.listen()
    for method, body in (("PATCH", paragraph("b")), ("DELETE", None)):
        box.clock.advance(minutes=1)
        await box.ok(method, f"/v1/blocks/{block['id']}", body)
        (event,) = await box.deliver()
        assert event["data"]["updated_blocks"] == [{"id": block["id"], "type": "block"}]


async def test_the_older_version_appends_after_a_block_by_its_own_key(
    box: Harness, paragraph: Any
) -> None:
    page = (await box.page(await box.board()))["id"]
    first, _ = await append(box, page, paragraph("first"), paragraph("last"))
    body = {"children": [paragraph("between")], "after": first["id"]}
    path = f"/v1/blocks/{page}/children"
    assert (await box.refused("PATCH", path, body))[1] == "validation_error"
    response = await box.raw("PATCH", path, body, **{"Notion-Version": "2025-09-03"})
    assert response.json()["results"][0]["archived"] is False
    assert await texts_under(box, page) == ["first", "between", "last"]


@pytest.mark.parametrize(
    ("child", "code", "part"),
    [
        ({"nonsense": {}}, "validation_error", "exactly one block type"),
        ({"type": "paragraph"}, "validation_error", "paragraph should be defined"),
        ({"paragraph": {}}, "validation_error", "rich_text should be defined"),
        (
            {"paragraph": {"rich_text": [], "colour": 1}},
            "validation_error",
            "colour should be not present",
        ),
        (
            {"paragraph": {"rich_text": [], "color": "mauve"}},
            "validation_error",
            "one of Notion's colors",
        ),
        (
            {"to_do": {"rich_text": [], "checked": 1}},
            "validation_error",
            "checked should be a boolean",
        ),
        (
            {"divider": {"children": [{"divider": {}}]}},
            "validation_error",
            "children should be not present",
        ),
        ({"image": {}}, "validation_error", "external should be defined"),
        ({"table": {"table_width": 2}}, "sandbox_unsupported", "blocks of type 'table'"),
        (7, "validation_error", "should be an object"),
    ],
)
async def test_a_block_that_cannot_be_is_refused(
    box: Harness, child: Any, code: str, part: str
) -> None:
    page = (await box.page(await box.board()))["id"]
    _, found, message = await box.refused(
        "PATCH", f"/v1/blocks/{page}/children", {"children": [child]}
    )
    assert (found, part in message) == (code, True), message
    assert (await box.ok("GET", f"/v1/blocks/{page}/children"))["results"] == []


def nested(depth: int) -> Json:
    """A toggle with so many levels under it."""
    inner = [nested(depth - 1)] if depth else []
    return {"toggle": {"rich_text": [], "children": inner}}


async def test_blocks_nest_two_levels_in_one_request(box: Harness) -> None:
    page = (await box.page(await box.board()))["id"]
    await append(box, page, nested(2))
    _, code, message = await box.refused(
        "PATCH", f"/v1/blocks/{page}/children", {"children": [nested(3)]}
    )
    assert (code, "nest 2 levels" in message) == ("validation_error", True)


async def test_a_request_appends_at_most_a_hundred_blocks(box: Harness, paragraph: Any) -> None:
    page = (await box.page(await box.board()))["id"]
    body = {"children": [paragraph("x")] * 101}
    assert "≤ `100`" in (await box.refused("PATCH", f"/v1/blocks/{page}/children", body))[2]


async def test_content_and_comments_survive_a_restart(
    make: MakeHarness, tmp_path: Path, paragraph: Any, text: Text
) -> None:
    box = make(state_dir=tmp_path)
    page = (await box.page(await box.board()))["id"]
    await append(
        box, page, paragraph("kept"), {"code": {"rich_text": text("1"), "language": "python"}}
    )
    await box.ok(
        "POST",
        "/v1/comments",
        {"parent": {"page_id": page}, "rich_text": text("why?")},
        token=PERSON,
    )
    before = await box.ok("GET", f"/v1/blocks/{page}/children")
    await box.close()
    again = make(state_dir=tmp_path)
    assert (await again.ok("GET", f"/v1/blocks/{page}/children"))["results"] == before["results"]
    (comment,) = (await again.ok("GET", f"/v1/comments?block_id={page}"))["results"]
    assert comment["display_name"] == {"type": "user", "resolved_name": "Ada Editor"}


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({}, "either `parent` or `discussion_id`"),
        ({"parent": {"page_id": "x"}, "discussion_id": "x"}, "either `parent` or `discussion_id`"),
        ({"parent": {"page_id": "x"}}, "rich_text should be defined"),
        ({"parent": {"page_id": "x"}, "rich_text": []}, "page_id should be a valid uuid"),
        ({"parent": {}, "rich_text": []}, "`page_id` or `block_id`"),
        ({"discussion_id": "x", "rich_text": []}, "discussion_id should be a valid uuid"),
    ],
)
async def test_a_comment_that_cannot_be_is_refused(box: Harness, body: Json, part: str) -> None:
    assert part in (await box.refused("POST", "/v1/comments", body))[2]


async def test_a_comment_may_go_under_a_name_of_its_own(box: Harness, text: Text) -> None:
    body = {"parent": {"page_id": box.sandbox.root_page_id}, "rich_text": text("hi")}
    custom = {"display_name": {"type": "custom", "custom": {"name": "Reviewer"}}}
    made = await box.ok("POST", "/v1/comments", {**body, **custom})
    assert made["display_name"] == {"type": "custom", "resolved_name": "Reviewer"}


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({"filter": {"property": "object", "value": "database"}}, 'either "page" or "data_source"'),
        ({"filter": {"value": "page"}}, '"object"'),
        ({"sort": {"timestamp": "created_time", "direction": "ascending"}}, '"last_edited_time"'),
        (
            {"sort": {"timestamp": "last_edited_time", "direction": "up"}},
            '"ascending" or "descending"',
        ),
        ({"query": 7}, "query should be a string"),
        ({"page_size": 101}, "≤ `100`"),
        ({"start_cursor": "nonsense"}, "start_cursor provided is invalid"),
    ],
)
async def test_a_search_that_cannot_be_is_refused(box: Harness, body: Json, part: str) -> None:
    _, code, message = await box.refused("POST", "/v1/search", body)
    assert (code, part in message) == ("validation_error", True), message


async def test_a_search_gives_the_last_edited_first_unless_it_is_asked_otherwise(
    box: Harness, text: Text
) -> None:
    source = await box.board()
    made = []
    for _ in range(3):
        box.clock.advance(minutes=1)
        made.append((await box.page(source, Name={"title": text("found")}))["id"])
    await box.write(made[1], Name={"title": text("found again")})
    box.clock.advance(minutes=1)
    await box.write(made[0], Name={"title": text("found again")})

    async def order(**sort: str) -> list[int]:
        body = {"query": "found", **({"sort": sort} if sort else {})}
        return [
            made.index(item["id"]) for item in (await box.ok("POST", "/v1/search", body))["results"]
        ]

    first = await order()
    assert first[0] == 0
    assert await order(property="relevance") == first
    assert await order(timestamp="last_edited_time", direction="ascending") == first[::-1]


async def test_a_search_finds_the_trash_when_it_is_asked_to(box: Harness, text: Text) -> None:
    page = await box.page(await box.board(), Name={"title": text("lost")})
    await box.ok("PATCH", f"/v1/pages/{page['id']}", {"in_trash": True})
    body = {"query": "lost", "filter": {"property": "object", "value": "page", "in_trash": True}}
    assert [found["id"] for found in (await box.ok("POST", "/v1/search", body))["results"]] == [
        page["id"]
    ]
    assert (await box.ok("POST", "/v1/search", {"query": "lost"}))["results"] == []


async def test_a_data_source_whose_database_is_in_the_trash_is_found_there_only(
    box: Harness,
) -> None:
    source = await box.board()
    database = (await box.ok("GET", f"/v1/data_sources/{source}"))["parent"]["database_id"]
    await box.ok("PATCH", f"/v1/databases/{database}", {"in_trash": True})
    body: dict[str, Any] = {"filter": {"property": "object", "value": "data_source"}}
    assert (await box.ok("POST", "/v1/search", body))["results"] == []
    body["filter"]["in_trash"] = True
    assert [found["id"] for found in (await box.ok("POST", "/v1/search", body))["results"]] == [
        source
    ]
