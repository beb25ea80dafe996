"""Databases, data sources and the change of their properties."""

from typing import Any

import pytest
from sandbox_harness import Harness, Json, Text

SELECT = {
    "Name": {"title": {}},
    "Kind": {"select": {"options": [{"name": "A", "color": "red"}, {"name": "B"}]}},
}


def _names(prop: Json) -> Any:
    return [option["name"] for option in prop[prop["type"]]["options"]]


async def test_a_database_is_made_with_its_schema_in_one_call(box: Harness, text: Text) -> None:
    body = {
        "parent": {"page_id": box.sandbox.root_page_id},
        "title": text("Board"),
        "initial_data_source": {"properties": SELECT},
    }
    database = await box.ok("POST", "/v1/databases", body)
    assert set(database) == {
        *(
            "object",
            "id",
            "title",
            "description",
            "parent",
            "is_inline",
            "in_trash",
            "is_locked",
            "created_time",
        ),
        *("last_edited_time", "data_sources", "icon", "cover", "url", "public_url", "request_id"),
    }
    (source,) = database["data_sources"]
    assert source["name"] == "Board"
    got = await box.ok("GET", f"/v1/data_sources/{source['id']}")
    assert set(got) == {
        *(
            "object",
            "id",
            "cover",
            "icon",
            "created_time",
            "created_by",
            "last_edited_by",
            "last_edited_time",
            "title",
        ),
        *(
            "description",
            "is_inline",
            "properties",
            "parent",
            "database_parent",
            "url",
            "public_url",
            "in_trash",
        ),
        "request_id",
    }
    assert got["properties"]["Name"] == {
        "id": "title",
        "name": "Name",
        "description": None,
        "type": "title",
        "title": {},
    }
    assert set(got["properties"]["Kind"]["select"]["options"][0]) == {
        "id",
        "name",
        "color",
        "description",
    }
    assert _names(got["properties"]["Kind"]) == ["A", "B"]


async def test_a_database_without_schema_has_one_title_called_name(box: Harness) -> None:
    body = {
        "parent": {"page_id": box.sandbox.root_page_id},
        "properties": {"Ignored": {"title": {}}},
    }
    database = await box.ok("POST", "/v1/databases", body)
    source = await box.ok("GET", f"/v1/data_sources/{database['data_sources'][0]['id']}")
    assert list(source["properties"]) == ["Name"]


async def test_a_database_can_be_renamed(box: Harness, text: Text) -> None:
    page = await box.page(await box.board())
    path = f"/v1/databases/{page['parent']['database_id']}"
    assert (await box.ok("PATCH", path, {"title": text("New")}))["title"][0]["plain_text"] == "New"
    assert (await box.ok("GET", path))["title"][0]["plain_text"] == "New"


async def test_properties_are_added_renamed_and_removed_by_name_or_id(
    box: Harness, text: Text
) -> None:
    source = await box.board(SELECT)
    page = await box.page(source, Kind={"select": {"name": "A"}})
    grown = await box.schema(source, {"Note": {"rich_text": {}}, "Kind": {"name": "Sort"}})
    assert list(grown) == ["Name", "Sort", "Note"]
    assert grown["Sort"]["id"] == page["properties"]["Kind"]["id"]
    got = (await box.ok("GET", f"/v1/pages/{page['id']}"))["properties"]
    assert got["Sort"]["select"]["name"] == "A"
    shrunk = await box.schema(
        source, {grown["Sort"]["id"]: None, grown["Note"]["id"]: {"name": "Memo"}}
    )
    assert list(shrunk) == ["Name", "Memo"]
    await box.write(page["id"], Memo={"rich_text": text("x")})
    again = await box.schema(source, {"Sort": {"select": {}}})
    assert again["Sort"]["id"] != grown["Sort"]["id"]
    assert (await box.ok("GET", f"/v1/pages/{page['id']}"))["properties"]["Sort"]["select"] is None


@pytest.mark.parametrize("kind", ["select", "status"])
async def test_a_list_of_options_replaces_the_old_one_and_keeps_the_ids_given(
    box: Harness, kind: str
) -> None:
    source = await box.board(
        {"Name": {"title": {}}, "Kind": {kind: {"options": [{"name": "A"}, {"name": "B"}]}}}
    )
    page = await box.page(source, Kind={kind: {"name": "B"}})
    before = (await box.ok("GET", f"/v1/data_sources/{source}"))["properties"]["Kind"][kind][
        "options"
    ]
    after = await box.schema(
        source, {"Kind": {kind: {"options": [{"id": before[0]["id"]}, {"name": "C"}]}}}
    )
    assert _names(after["Kind"]) == ["A", "C"]
    assert after["Kind"][kind]["options"][0]["id"] == before[0]["id"]
    value = (await box.ok("GET", f"/v1/pages/{page['id']}"))["properties"]["Kind"][kind]
    assert value is None if kind == "select" else value["name"] == "A"


async def test_the_colour_of_an_option_cannot_be_changed(box: Harness) -> None:
    source = await box.board(SELECT)
    options = [{"name": "A", "color": "green"}, {"name": "B"}]
    refused = await box.refused(
        "PATCH",
        f"/v1/data_sources/{source}",
        {"properties": {"Kind": {"select": {"options": options}}}},
    )
    assert refused == (400, "validation_error", "Cannot update color of select with name: A")


async def test_renaming_an_option_is_accepted_and_has_no_effect(box: Harness) -> None:
    source = await box.board(SELECT)
    options = (await box.ok("GET", f"/v1/data_sources/{source}"))["properties"]["Kind"]["select"][
        "options"
    ]
    renamed = [{"id": options[0]["id"], "name": "Z"}, {"id": options[1]["id"]}]
    assert _names(
        (await box.schema(source, {"Kind": {"select": {"options": renamed}}}))["Kind"]
    ) == ["A", "B"]


async def test_a_status_without_options_gets_notions_three_and_groups(box: Harness) -> None:
    source = await box.board({"Name": {"title": {}}, "Stage": {"status": {}}})
    stage = (await box.ok("GET", f"/v1/data_sources/{source}"))["properties"]["Stage"]
    assert _names(stage) == ["Not started", "In progress", "Done"]
    assert [group["name"] for group in stage["status"]["groups"]] == [
        "To-do",
        "In progress",
        "Complete",
    ]
    assert stage["status"]["groups"][2]["option_ids"] == [stage["status"]["options"][2]["id"]]


@pytest.mark.parametrize(
    ("properties", "code", "part"),
    [
        ({"Name": None}, "validation_error", "title"),
        ({"Second": {"title": {}}}, "validation_error", "Only one title"),
        ({"Nope": {"name": "X"}}, "validation_error", "Nope is not a property that exists."),
        ({"Nope": None}, "validation_error", "Nope is not a property that exists."),
        ({"Kind": {"name": "Name"}}, "validation_error", "already exists"),
        (
            {"Kind": {"select": {"options": [{"name": "a,b"}]}}},
            "validation_error",
            "commas not allowed",
        ),
        (
            {"Kind": {"select": {"options": [{"name": "x"}, {"name": "X"}]}}},
            "validation_error",
            "different names",
        ),
        (
            {"Kind": {"select": {"options": [{"name": str(i)} for i in range(101)]}}},
            "validation_error",
            "≤ `100`",
        ),
        (
            {"Kind": {"select": {"options": [{"name": "x", "color": "mauve"}]}}},
            "validation_error",
            "color",
        ),
        ({"Kind": {"people": {}}}, "sandbox_unsupported", "a change of a property's type"),
        ({"Sum": {"rollup": {}}}, "sandbox_unsupported", "properties of type 'rollup'"),
        ({"Odd": {"odd": {}}}, "validation_error", "should be not present"),
        (
            {"F": {"formula": {"expression": "1 + 1"}}},
            "sandbox_unsupported",
            "The sandbox does not have an evaluator",
        ),
        (
            {"F": {"formula": {"expression": 'dateBetween(now(), prop("Gone"), "minutes")'}}},
            "validation_error",
            'Undefined property "Gone"',
        ),
        (
            {"F": {"formula": {"expression": 'dateBetween(now(), prop("Kind"), "minutes")'}}},
            "validation_error",
            "is not a date",
        ),
    ],
)
async def test_a_schema_change_that_cannot_be_is_refused_and_changes_nothing(
    box: Harness, properties: Json, code: str, part: str
) -> None:
    source = await box.board(SELECT)
    before = await box.ok("GET", f"/v1/data_sources/{source}")
    status, found, message = await box.refused(
        "PATCH", f"/v1/data_sources/{source}", {"properties": properties}
    )
    assert (status, found) == (501 if code == "sandbox_unsupported" else 400, code)
    assert part in message
    assert (await box.ok("GET", f"/v1/data_sources/{source}"))["properties"] == before["properties"]


async def test_a_formula_follows_the_rename_of_its_property(box: Harness) -> None:
    source = await box.board(
        {
            "Age": {"formula": {"expression": 'dateBetween(now(), prop("Due"), "hours")'}},
            "Name": {"title": {}},
            "Due": {"date": {}},
        }
    )
    renamed = await box.schema(source, {"Due": {"name": "When"}})
    assert renamed["Age"]["formula"]["expression"] == 'dateBetween(now(), prop("When"), "hours")'
    page = await box.page(source, When={"date": {"start": "2026-11-23"}})
    assert page["properties"]["Age"]["formula"] == {"type": "number", "number": 10}
