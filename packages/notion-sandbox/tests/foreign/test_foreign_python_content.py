"""notion-client reads and writes cards, blocks, comments; finds users and pages."""

from __future__ import annotations

from typing import Any

import pytest
from notion_client import APIResponseError, Client
from notion_client.helpers import (
    collect_paginated_api,
    extract_page_id,
    is_full_block,
    is_full_page,
    is_full_page_or_data_source,
    is_full_user,
    is_mention_rich_text_item_response,
    iterate_paginated_api,
)
from python_stage import Board, Json, make_board, plain, text


@pytest.fixture
def sheet(notion: Client, facts: dict[str, Any]) -> Json:
    """A page outside of any board."""
    made: Json = notion.pages.create(
        parent={"page_id": facts["root_page_id"]}, properties={"title": {"title": text("Sheet")}}
    )
    return made


def paragraph(content: str) -> Json:
    """A block in a request."""
    return {"paragraph": {"rich_text": text(content)}}


def append(notion: Client, page: Json, *children: Json, **more: Any) -> list[Json]:
    """Append blocks; returns the new ones."""
    made: Json = notion.blocks.children.append(block_id=page["id"], children=list(children), **more)
    found: list[Json] = made["results"]
    return found


def texts_under(notion: Client, block_id: str) -> list[str]:
    """The texts under a page or block."""
    blocks = notion.blocks.children.list(block_id=block_id)["results"]
    return [plain(block[block["type"]]["rich_text"]) for block in blocks]


def test_a_card_is_full_and_its_url_holds_its_id(board: Board) -> None:
    page = board.card("Giant squid")
    assert is_full_page(page)
    assert is_full_page_or_data_source(page)
    # notion-client 3.1 accepts only notion.so as an address of Notion's app; without a scheme it
    # only searches for the id.
    assert extract_page_id(page["url"].removeprefix("https://")) == page["id"]


def test_values_are_read_back_as_they_were_written(notion: Client, board: Board) -> None:
    page = board.card(
        "a", Tags={"multi_select": [{"name": "sea"}]}, Updated={"date": {"start": "2026-11-23"}}
    )
    found = notion.pages.retrieve(page_id=page["id"])["properties"]
    assert [tag["name"] for tag in found["Tags"]["multi_select"]] == ["sea"]
    assert found["Updated"]["date"] == {"start": "2026-11-23", "end": None, "time_zone": None}


def test_people_files_addresses_and_numbers_are_values_too(
    notion: Client, facts: dict[str, Any]
) -> None:
    kinds = {
        "Who": {"people": {}},
        "Mail": {"email": {}},
        "Cut": {"files": {}},
        "No": {"unique_id": {}},
    }
    board = make_board(notion, facts["root_page_id"], **kinds)
    me = notion.users.me()
    file = {"name": "cut", "external": {"url": "https://example.com/cut.mp4"}}
    page = board.card(
        "a", Who={"people": [{"id": me["id"]}]}, Mail={"email": "a@b.c"}, Cut={"files": [file]}
    )
    found = page["properties"]
    assert (found["Who"]["people"][0]["name"], found["Mail"]["email"]) == (me["name"], "a@b.c")
    assert (found["Cut"]["files"][0]["type"], found["No"]["unique_id"]) == (
        "external",
        {"prefix": None, "number": 1},
    )


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ({"Length": {"number": "12"}}, "should be a number"),
        ({"Length": {"select": {"name": "x"}}}, "Length is expected to be number"),
        ({"Nope": {"number": 1}}, "Nope is not a property that exists"),
        ({"Tags": {"multi_select": [{"name": "a,b"}]}}, "commas not allowed"),
        ({"Topic": {"rich_text": [{"text": {"content": "x" * 2001}}]}}, "should be ≤ `2000`"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_the_reason(
    board: Board, value: dict[str, Any], part: str
) -> None:
    with pytest.raises(APIResponseError, match=part):
        board.card("a", **value)


def test_a_page_is_trashed_and_taken_out_again(notion: Client, board: Board) -> None:
    page = board.card("a")
    assert notion.pages.update(page_id=page["id"], in_trash=True)["in_trash"] is True
    assert notion.data_sources.query(data_source_id=board.source_id)["results"] == []
    assert notion.pages.update(page_id=page["id"], in_trash=False)["in_trash"] is False


def test_a_page_moves_into_a_board(notion: Client, board: Board, sheet: Json) -> None:
    moved = notion.pages.move(page_id=sheet["id"], parent={"data_source_id": board.source_id})
    assert moved["parent"]["data_source_id"] == board.source_id
    assert plain(moved["properties"]["Title"]["title"]) == "Sheet"
    assert len(notion.data_sources.query(data_source_id=board.source_id)["results"]) == 1


def test_icon_and_cover_are_kept(notion: Client, board: Board) -> None:
    cover = {"type": "external", "external": {"url": "https://example.com/c.png"}}
    page = notion.pages.update(page_id=board.card("a")["id"], icon={"emoji": "🐋"}, cover=cover)
    assert (page["icon"], page["cover"]) == ({"type": "emoji", "emoji": "🐋"}, cover)


def test_a_query_is_filtered_sorted_and_walked_through(notion: Client, board: Board) -> None:
    for number in range(5):
        board.card(f"card {number}", Length={"number": number})
    asked = {
        "data_source_id": board.source_id,
        "filter": {"property": "Length", "number": {"greater_than": 0}},
        "sorts": [{"property": "Length", "direction": "descending"}],
        "page_size": 3,
    }
    walked = list(iterate_paginated_api(notion.data_sources.query, **asked))
    assert [page["properties"]["Length"]["number"] for page in walked] == [4, 3, 2, 1]


def test_only_the_properties_that_are_asked_for_come(notion: Client, board: Board) -> None:
    board.card("a")
    found = notion.data_sources.query(data_source_id=board.source_id, filter_properties=["Title"])
    assert list(found["results"][0]["properties"]) == ["Title"]


def test_a_property_item_is_a_list_or_a_value(notion: Client, board: Board) -> None:
    page = board.card("one two", Length={"number": 4})
    ids = {name: prop["id"] for name, prop in page["properties"].items()}
    listed = notion.pages.properties.retrieve(page_id=page["id"], property_id=ids["Title"])
    assert (listed["type"], listed["results"][0]["title"]["plain_text"]) == (
        "property_item",
        "one two",
    )
    assert (
        notion.pages.properties.retrieve(page_id=page["id"], property_id=ids["Length"])["number"]
        == 4
    )


def test_a_mention_is_not_mistaken_for_text(board: Board) -> None:
    other = board.card("other")
    page = board.card(
        "a", Topic={"rich_text": [*text("see "), {"mention": {"page": {"id": other["id"]}}}]}
    )
    kinds = [
        is_mention_rich_text_item_response(part)
        for part in page["properties"]["Topic"]["rich_text"]
    ]
    assert kinds == [False, True]


def test_a_page_is_made_with_content(notion: Client, facts: dict[str, Any]) -> None:
    page = notion.pages.create(
        parent={"page_id": facts["root_page_id"]},
        properties={"title": {"title": text("Script")}},
        children=[{"heading_2": {"rich_text": text("Intro")}}, paragraph("Once.")],
    )
    assert texts_under(notion, page["id"]) == ["Intro", "Once."]


def test_blocks_are_appended_in_place(notion: Client, sheet: Json) -> None:
    first, last = append(notion, sheet, paragraph("first"), paragraph("last"))
    append(
        notion,
        sheet,
        paragraph("between"),
        position={"type": "after_block", "after_block": {"id": first["id"]}},
    )
    assert is_full_block(last)
    assert texts_under(notion, sheet["id"]) == ["first", "between", "last"]


def test_blocks_lie_in_blocks(notion: Client, sheet: Json) -> None:
    inner = {"toggle": {"rich_text": text("inner"), "children": [paragraph("core")]}}
    (toggle,) = append(notion, sheet, {"toggle": {"rich_text": text("outer"), "children": [inner]}})
    assert toggle["has_children"] is True
    (found,) = notion.blocks.children.list(block_id=toggle["id"])["results"]
    assert texts_under(notion, found["id"]) == ["core"]
    assert found["parent"] == {"type": "block_id", "block_id": toggle["id"]}


def test_a_block_is_updated_and_deleted(notion: Client, sheet: Json) -> None:
    (block,) = append(notion, sheet, {"to_do": {"rich_text": text("film"), "checked": False}})
    ticked = notion.blocks.update(block_id=block["id"], to_do={"checked": True})
    assert (ticked["to_do"]["checked"], plain(ticked["to_do"]["rich_text"])) == (True, "film")
    assert notion.blocks.delete(block_id=block["id"])["in_trash"] is True
    assert texts_under(notion, sheet["id"]) == []


def test_a_long_page_is_collected(notion: Client, sheet: Json) -> None:
    append(notion, sheet, *(paragraph(str(number)) for number in range(7)))
    found = collect_paginated_api(notion.blocks.children.list, block_id=sheet["id"], page_size=3)
    assert [plain(block["paragraph"]["rich_text"]) for block in found] == list("0123456")


def test_a_board_on_a_page_is_a_block_of_it(notion: Client, sheet: Json) -> None:
    board = make_board(notion, sheet["id"])
    (block,) = notion.blocks.children.list(block_id=sheet["id"])["results"]
    assert (block["id"], block["type"]) == (board.database["id"], "child_database")
    assert notion.blocks.delete(block_id=block["id"])["in_trash"] is True
    assert notion.databases.retrieve(database_id=block["id"])["in_trash"] is True


def test_comments_are_made_answered_and_listed(notion: Client, sheet: Json) -> None:
    first = notion.comments.create(parent={"page_id": sheet["id"]}, rich_text=text("Too long?"))
    notion.comments.create(discussion_id=first["discussion_id"], rich_text=text("No."))
    # `is_full_comment` of notion-client 3.1 expects a type, which no comment of Notion's has.
    assert (first["object"], first["display_name"]["type"]) == ("comment", "integration")
    listed = collect_paginated_api(notion.comments.list, block_id=sheet["id"], page_size=1)
    assert [plain(comment["rich_text"]) for comment in listed] == ["Too long?", "No."]
    assert (
        notion.comments.retrieve(comment_id=first["id"])["discussion_id"] == first["discussion_id"]
    )


def test_a_comment_on_a_block_belongs_to_the_block(notion: Client, sheet: Json) -> None:
    (block,) = append(notion, sheet, paragraph("claim"))
    notion.comments.create(parent={"block_id": block["id"]}, rich_text=text("Source?"))
    assert notion.comments.list(block_id=sheet["id"])["results"] == []
    (found,) = notion.comments.list(block_id=block["id"])["results"]
    assert found["parent"] == {"type": "block_id", "block_id": block["id"]}


def test_a_comment_is_changed_and_deleted(notion: Client, sheet: Json) -> None:
    comment = notion.comments.create(parent={"page_id": sheet["id"]}, rich_text=text("a"))
    assert (
        plain(notion.comments.update(comment_id=comment["id"], rich_text=text("b"))["rich_text"])
        == "b"
    )
    notion.comments.delete(comment_id=comment["id"])
    assert notion.comments.list(block_id=sheet["id"])["results"] == []


def test_everybody_is_listed_and_found(notion: Client) -> None:
    users = collect_paginated_api(notion.users.list, page_size=1)
    assert all(map(is_full_user, users))
    assert {user["type"] for user in users} == {"bot", "person"}
    assert [notion.users.retrieve(user_id=user["id"])["name"] for user in users] == [
        user["name"] for user in users
    ]


def test_a_search_finds_by_title_and_kind(notion: Client, board: Board) -> None:
    page = board.card("Narwhals of the north")
    found = notion.search(query="NARWHALS", filter={"property": "object", "value": "page"})
    assert [item["id"] for item in found["results"]] == [page["id"]]
    assert (
        notion.search(query="narwhals", filter={"property": "object", "value": "data_source"})[
            "results"
        ]
        == []
    )


def test_a_search_is_sorted_by_the_last_edit(notion: Client, board: Board) -> None:
    for number in range(3):
        board.card(f"Walrus {number}")
    sort = {"timestamp": "last_edited_time", "direction": "ascending"}
    found = collect_paginated_api(notion.search, query="walrus", sort=sort, page_size=2)
    times = [item["last_edited_time"] for item in found]
    assert (len(found), times) == (3, sorted(times))
