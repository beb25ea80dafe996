"""notion-client makes boards, changes their schema, and reads them through views."""

from __future__ import annotations

from typing import Any

import pytest
from notion_client import APIResponseError, Client
from notion_client.helpers import (
    collect_paginated_api,
    is_full_data_source,
    is_full_database,
    is_full_view,
)
from python_stage import STATUSES, Board, make_board, plain, text


def test_a_database_and_its_data_source_are_full(board: Board, facts: dict[str, Any]) -> None:
    assert is_full_database(board.database)
    assert is_full_data_source(board.source)
    assert board.database["parent"] == {"type": "page_id", "page_id": facts["root_page_id"]}
    assert board.database["data_sources"] == [{"id": board.source_id, "name": "Videos"}]


def test_the_schema_has_the_order_and_types_it_was_given(board: Board) -> None:
    types = {name: prop["type"] for name, prop in board.properties.items()}
    assert list(types) == ["Title", "Topic", "Status", "Tags", "Updated", "Length"]
    assert types["Tags"] == "multi_select"
    assert [option["name"] for option in board.properties["Status"]["select"]["options"]] == list(
        STATUSES
    )


def test_relations_to_three_other_databases_are_made_with_the_board(
    notion: Client, facts: dict[str, Any]
) -> None:
    others = [make_board(notion, facts["root_page_id"]) for _ in range(3)]
    names = ("Assets", "Videos", "Audio")
    relations = {
        name: {"relation": {"data_source_id": other.source_id, "single_property": {}}}
        for name, other in zip(names, others, strict=True)
    }
    board = make_board(notion, facts["root_page_id"], **relations)
    pointed = [board.properties[name]["relation"]["data_source_id"] for name in names]
    assert pointed == [other.source_id for other in others]


def test_a_two_way_relation_names_the_other_side(notion: Client, board: Board) -> None:
    dual = {
        "relation": {
            "data_source_id": board.source_id,
            "dual_property": {"synced_property_name": "Made from"},
        }
    }
    other = make_board(notion, board.database["parent"]["page_id"], Makes=dual)
    back = notion.data_sources.retrieve(data_source_id=board.source_id)["properties"]["Made from"]
    assert back["relation"]["data_source_id"] == other.source_id
    assert back["relation"]["dual_property"]["synced_property_name"] == "Makes"


def test_a_relation_becomes_two_way_with_the_values_it_has(notion: Client, board: Board) -> None:
    single = {"relation": {"data_source_id": board.source_id, "single_property": {}}}
    other = make_board(notion, board.database["parent"]["page_id"], Makes=single)
    clip = board.card("clip")
    made = other.card("film", Makes={"relation": [{"id": clip["id"]}]})
    dual = {
        "relation": {
            "data_source_id": board.source_id,
            "dual_property": {"synced_property_name": "Made from"},
        }
    }
    other.schema(Makes=dual)
    back = notion.pages.retrieve(page_id=clip["id"])["properties"]["Made from"]
    assert back["relation"] == [{"id": made["id"]}]


def test_properties_are_added_renamed_and_removed(board: Board) -> None:
    after = board.schema(Notes={"rich_text": {}}, Topic={"name": "Subject"}, Length=None)[
        "properties"
    ]
    assert "Notes" in after
    assert "Length" not in after
    assert after["Subject"]["id"] == board.properties["Topic"]["id"]


def test_options_are_added_and_put_in_another_order(board: Board) -> None:
    options = board.properties["Status"]["select"]["options"]
    wanted = [{"name": "Idea"}, *({"id": option["id"]} for option in reversed(options))]
    after = board.schema(Status={"select": {"options": wanted}})["properties"]["Status"]["select"][
        "options"
    ]
    assert [option["name"] for option in after] == ["Idea", *reversed(STATUSES)]


def test_descriptions_of_properties_and_options_are_kept(board: Board) -> None:
    options = [{"name": "Draft", "description": "Nobody waits for it."}]
    after = board.schema(Status={"select": {"options": options}, "description": "Where it stands."})
    after = after["properties"]["Status"]
    assert (after["description"], after["select"]["options"][0]["description"]) == (
        "Where it stands.",
        "Nobody waits for it.",
    )


def test_an_options_colour_is_refused(board: Board) -> None:
    with pytest.raises(
        APIResponseError, match="Cannot update color of select with name: Draft"
    ) as refused:
        board.schema(Status={"select": {"options": [{"name": "Draft", "color": "red"}]}})
    assert (refused.value.status, refused.value.code) == (400, "validation_error")


def test_a_number_becomes_a_text_and_a_number_again(notion: Client, board: Board) -> None:
    page = board.card("a", Length={"number": 12})
    board.schema(Length={"rich_text": {}})
    assert (
        plain(notion.pages.retrieve(page_id=page["id"])["properties"]["Length"]["rich_text"])
        == "12"
    )
    board.schema(Length={"number": {}})
    assert notion.pages.retrieve(page_id=page["id"])["properties"]["Length"]["number"] == 12


def test_one_more_data_source_is_made_in_a_database(notion: Client, board: Board) -> None:
    parent = {"type": "database_id", "database_id": board.database["id"]}
    more = notion.data_sources.create(
        parent=parent, title=text("More"), properties={"Name": {"title": {}}}
    )
    listed = notion.databases.retrieve(database_id=board.database["id"])["data_sources"]
    assert [item["id"] for item in listed] == [board.source_id, more["id"]]
    with pytest.raises(APIResponseError, match="multiple data sources"):
        notion.pages.create(parent={"database_id": board.database["id"]}, properties={})


def test_a_database_is_renamed_and_trashed(notion: Client, board: Board) -> None:
    database_id = board.database["id"]
    assert (
        plain(notion.databases.update(database_id=database_id, title=text("New"))["title"]) == "New"
    )
    assert notion.databases.update(database_id=database_id, in_trash=True)["in_trash"] is True


def test_a_database_moves_under_another_page(
    notion: Client, board: Board, facts: dict[str, Any]
) -> None:
    parent = {"page_id": facts["root_page_id"]}
    page = notion.pages.create(parent=parent, properties={"title": {"title": text("Shelf")}})
    moved = notion.databases.update(
        database_id=board.database["id"], parent={"type": "page_id", "page_id": page["id"]}
    )
    assert moved["parent"]["page_id"] == page["id"]


def test_a_data_source_has_no_templates(notion: Client, board: Board) -> None:
    assert notion.data_sources.list_templates(data_source_id=board.source_id)["templates"] == []


def test_a_board_begins_with_one_table_view(notion: Client, board: Board) -> None:
    (reference,) = notion.views.list(database_id=board.database["id"])["results"]
    view = notion.views.retrieve(view_id=reference["id"])
    assert is_full_view(view)
    assert (view["name"], view["type"], view["configuration"]) == (
        "Default view",
        "table",
        {"type": "table"},
    )


def test_a_board_view_is_grouped_filtered_and_sorted_as_it_was_saved(
    notion: Client, board: Board
) -> None:
    status, topic = board.properties["Status"]["id"], board.properties["Topic"]["id"]
    group = {
        "type": "select",
        "property_id": status,
        "sort": {"type": "manual"},
        "hide_empty_groups": False,
    }
    columns = [{"property_id": "title", "visible": True}, {"property_id": topic, "visible": False}]
    view = board.view(
        name="By status",
        type="board",
        filter={"property": "Status", "select": {"does_not_equal": ["Done"]}},
        sorts=[{"property": "Updated", "direction": "descending"}],
        configuration={"type": "board", "group_by": group, "properties": columns},
    )
    again = notion.views.retrieve(view_id=view["id"])
    assert again["filter"] == {"property": "Status", "select": {"does_not_equal": ["Done"]}}
    assert again["sorts"] == [{"property": "Updated", "direction": "descending"}]
    assert again["configuration"]["group_by"] == {**group, "property_name": "Status"}
    shown = [
        (item["property_name"], item["visible"]) for item in again["configuration"]["properties"]
    ]
    assert shown == [("Title", True), ("Topic", False)]


def test_a_view_of_notions_own_status_is_grouped_by_option(
    notion: Client, facts: dict[str, Any]
) -> None:
    board = make_board(
        notion, facts["root_page_id"], Phase={"status": {"options": [{"name": "Idea"}]}}
    )
    group = {
        "type": "status",
        "property_id": board.properties["Phase"]["id"],
        "sort": {"type": "manual"},
    }
    with pytest.raises(APIResponseError, match=r"group_by\.group_by should be defined"):
        board.view(type="board", configuration={"type": "board", "group_by": group})
    made = board.view(
        type="board", configuration={"type": "board", "group_by": {**group, "group_by": "option"}}
    )
    assert made["configuration"]["group_by"]["group_by"] == "option"


def test_a_view_is_updated_and_deleted(notion: Client, board: Board) -> None:
    view = board.view()
    assert notion.views.update(view_id=view["id"], name="Renamed")["name"] == "Renamed"
    assert notion.views.delete(view_id=view["id"])["id"] == view["id"]
    with pytest.raises(APIResponseError, match="Could not find view"):
        notion.views.retrieve(view_id=view["id"])


def test_views_are_listed_in_pieces(notion: Client, board: Board) -> None:
    made = [board.view(name=str(number))["id"] for number in range(3)]
    listed = collect_paginated_api(notion.views.list, data_source_id=board.source_id, page_size=2)
    assert [view["id"] for view in listed][1:] == made


def test_a_view_is_queried_in_pieces(notion: Client, board: Board) -> None:
    for number in range(3):
        board.card(str(number), Status={"select": {"name": "Queued"}})
    board.card("done", Status={"select": {"name": "Done"}})
    view_id = board.view(filter={"property": "Status", "select": {"equals": "Queued"}})["id"]
    query = notion.views.queries.create(view_id=view_id, page_size=2)
    assert (query["object"], query["total_count"], len(query["results"])) == ("view_query", 3, 2)
    rest = notion.views.queries.results(
        view_id=view_id, query_id=query["id"], start_cursor=query["next_cursor"]
    )
    assert (len(rest["results"]), rest["type"]) == (1, "page")
    assert notion.views.queries.delete(view_id=view_id, query_id=query["id"])["deleted"] is True
    with pytest.raises(APIResponseError, match="Could not find view_query"):
        notion.views.queries.results(view_id=view_id, query_id=query["id"])


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (
            {"filter": {"property": "Nope", "select": {"equals": "x"}}},
            "Could not find property with name or id: Nope",
        ),
        ({"filter": {"property": "Status", "select": {"equals": "x"}}}, "Available options"),
        (
            {"sorts": [{"property": "Nope", "direction": "ascending"}]},
            "Could not find sort property",
        ),
        ({"type": "board"}, "configuration.group_by should be defined"),
        ({"type": "hologram"}, "body.type should be one of"),
        ({"view_id": "00000000-0000-4000-8000-000000000000"}, "exactly one of database_id"),
        (
            {"configuration": {"type": "table", "wrap_cells": "yes"}},
            "wrap_cells should be a boolean",
        ),
        ({"configuration": {"type": "table", "colour": 1}}, "colour should be not present"),
        ({"position": {"type": "after_view", "view_id": "x"}}, "has no view"),
    ],
)
def test_a_view_that_cannot_be_is_refused_with_the_reason(
    board: Board, body: dict[str, Any], part: str
) -> None:
    with pytest.raises(APIResponseError, match=part) as refused:
        board.view(**body)
    assert (refused.value.status, refused.value.code) == (400, "validation_error")
