"""Views after changes of the schema, the time or the sandbox."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sandbox_harness import BOT, Harness, Json, MakeHarness, Text

from notion_sandbox.store.storage import FILE_NAME

PROPERTIES = {
    "Name": {"title": {}},
    "Status": {"select": {"options": [{"name": "Draft"}, {"name": "Queued"}, {"name": "Done"}]}},
    "Topic": {"rich_text": {}},
    "Due": {"date": {}},
    "Status ": {"rich_text": {}},
}


async def new_view(box: Harness, source: str, **body: Any) -> Any:
    """A view over a data source, in its database."""
    database = (await box.ok("GET", f"/v1/data_sources/{source}"))["parent"]["database_id"]
    whole = {
        "database_id": database,
        "data_source_id": source,
        "name": "View",
        "type": "table",
        **body,
    }
    return await box.ok("POST", "/v1/views", whole)


async def read(box: Harness, view: Json) -> Any:
    """The view as it is now."""
    return await box.ok("GET", f"/v1/views/{view['id']}")


async def found(box: Harness, view: Json) -> int:
    """How many pages it shows."""
    return int((await box.ok("POST", f"/v1/views/{view['id']}/queries", {}))["total_count"])


@pytest.fixture
async def source(box: Harness, text: Text) -> Any:
    source = await box.board(PROPERTIES)
    await box.page(source, Name={"title": text("one")}, Status={"select": {"name": "Draft"}})
    await box.page(source, Name={"title": text("two")}, Status={"select": {"name": "Done"}})
    return source


def status_is(*names: str) -> Json:
    """A condition."""
    return {"property": "Status", "select": {"equals": list(names)}}


@pytest.mark.parametrize(
    "change",
    [
        {"Status": None},
        {"Status": {"rich_text": {}}},
        {"Status": {"select": {"options": [{"name": "Draft"}]}}},
    ],
    ids=["removed", "of another type", "without the option"],
)
async def test_a_condition_that_the_schema_outgrew_is_left_out(
    box: Harness, source: str, change: Json
) -> None:
    both = {"and": [status_is("Done"), {"property": "Name", "title": {"equals": "two"}}]}
    alone, among = (
        await new_view(box, source, filter=status_is("Done")),
        await new_view(box, source, filter=both),
    )
    assert (await found(box, alone), await found(box, among)) == (1, 1)
    await box.schema(source, change)
    assert (await read(box, alone))["filter"] is None
    assert (await read(box, among))["filter"] == {
        "and": [{"property": "Name", "title": {"equals": "two"}}]
    }
    assert (await found(box, alone), await found(box, among)) == (2, 1)


async def test_a_removed_property_leaves_the_columns_sorts_and_quick_filters(
    box: Harness, source: str
) -> None:
    view = await new_view(
        box,
        source,
        sorts=[
            {"property": "Topic", "direction": "ascending"},
            {"property": "Name", "direction": "ascending"},
        ],
        quick_filters={"Topic": {"rich_text": {"is_empty": True}}},
        configuration={
            "type": "table",
            "properties": [{"property_id": "Topic"}, {"property_id": "title"}],
        },
    )
    await box.schema(source, {"Topic": None})
    after = await read(box, view)
    assert [sort["property"] for sort in after["sorts"]] == ["Name"]
    assert after["quick_filters"] is None
    assert [column["property_id"] for column in after["configuration"]["properties"]] == ["title"]


async def test_a_column_is_named_by_id_or_by_name_and_the_id_wins(
    box: Harness, source: str
) -> None:
    schema = (await box.ok("GET", f"/v1/data_sources/{source}"))["properties"]
    await box.schema(source, {"Topic": {"name": schema["Due"]["id"]}})
    columns = [{"property_id": schema["Due"]["id"]}, {"property_id": "Status"}]
    view = await new_view(box, source, configuration={"type": "table", "properties": columns})
    assert [item["property_name"] for item in view["configuration"]["properties"]] == [
        "Due",
        "Status",
    ]


async def test_a_group_is_named_by_its_id_only(box: Harness, source: str) -> None:
    database = (await box.ok("GET", f"/v1/data_sources/{source}"))["parent"]["database_id"]
    group = {"type": "select", "property_id": "Status", "sort": {"type": "manual"}}
    body = {"database_id": database, "data_source_id": source, "name": "V", "type": "board"}
    status, code, message = await box.refused(
        "POST", "/v1/views", {**body, "configuration": {"type": "board", "group_by": group}}
    )
    assert (status, code) == (400, "validation_error")
    assert message == "Could not find property with name or id: Status"


@pytest.mark.parametrize(
    ("group", "part"),
    [
        (
            {"type": "status", "group_by": "option"},
            "is of type select and cannot be grouped as status",
        ),
        ({"sort": None}, "group_by.sort should be defined"),
        ({"sort": {"type": "random"}}, "sort.type should be one of manual"),
        ({"range_size": 1}, "range_size should be not present"),
        ({"hide_empty_groups": "yes"}, "hide_empty_groups should be a boolean"),
    ],
)
async def test_a_group_that_cannot_be_is_refused(
    box: Harness, source: str, group: Json, part: str
) -> None:
    schema = await box.ok("GET", f"/v1/data_sources/{source}")
    base = {
        "type": "select",
        "property_id": schema["properties"]["Status"]["id"],
        "sort": {"type": "manual"},
    }
    body = {
        "database_id": schema["parent"]["database_id"],
        "data_source_id": source,
        "name": "V",
        "type": "board",
    }
    body["configuration"] = {"type": "board", "group_by": {**base, **group}}
    assert part in (await box.refused("POST", "/v1/views", body))[2]


async def test_quick_filters_narrow_what_a_view_finds_and_empty_ones_do_not(
    box: Harness, source: str
) -> None:
    quick = {"Status": {"select": {"equals": "Done"}}, "Topic": {}}
    view = await new_view(box, source, quick_filters=quick)
    assert view["quick_filters"] == quick
    assert await found(box, view) == 1


async def test_an_update_sorts_by_properties_only(box: Harness, source: str) -> None:
    sorts = [{"timestamp": "created_time", "direction": "ascending"}]
    view = await new_view(box, source, sorts=sorts)
    assert view["sorts"] == sorts
    assert (await box.refused("PATCH", f"/v1/views/{view['id']}", {"sorts": sorts}))[:2] == (
        400,
        "validation_error",
    )


async def test_an_update_must_name_what_the_type_requires(box: Harness, source: str) -> None:
    due = (await box.ok("GET", f"/v1/data_sources/{source}"))["properties"]["Due"]["id"]
    configuration = {"type": "calendar", "date_property_id": due, "view_range": "week"}
    view = await new_view(box, source, type="calendar", configuration=configuration)
    path = f"/v1/views/{view['id']}"
    assert (
        "date_property_id should be defined"
        in (
            await box.refused(
                "PATCH", path, {"configuration": {"type": "calendar", "view_range": None}}
            )
        )[2]
    )
    after = await box.ok("PATCH", path, {"configuration": {**configuration, "view_range": None}})
    assert "view_range" not in after["configuration"]


async def test_the_results_of_a_view_are_kept_a_quarter_of_an_hour(
    box: Harness, source: str
) -> None:
    view = await new_view(box, source)
    query = await box.ok("POST", f"/v1/views/{view['id']}/queries", {})
    path = f"/v1/views/{view['id']}/queries/{query['id']}"
    box.clock.advance(minutes=14, seconds=59)
    await box.ok("GET", path)
    box.clock.advance(seconds=1)
    assert (await box.refused("GET", path))[:2] == (404, "object_not_found")


async def test_a_view_that_finds_more_than_a_query_returns_is_incomplete(make: MakeHarness) -> None:
    box = make(query_limit=2)
    source = await box.board()
    for _ in range(3):
        await box.page(source)
    view = await new_view(box, source)
    query = await box.ok("POST", f"/v1/views/{view['id']}/queries", {})
    assert (query["total_count"], query["request_status"]["type"]) == (2, "incomplete")


async def test_views_survive_a_restart_in_their_order(make: MakeHarness, tmp_path: Path) -> None:
    box = make(state_dir=tmp_path)
    source = await box.board(PROPERTIES)
    view = await new_view(box, source, filter=status_is("Done"), position={"type": "start"})
    before = (await box.ok("GET", f"/v1/views?data_source_id={source}"))["results"]
    await box.close()
    again = make(state_dir=tmp_path)
    assert (await again.ok("GET", f"/v1/views?data_source_id={source}"))["results"] == before
    assert (await read(again, view))["filter"] == status_is("Done")


async def test_a_state_that_is_older_than_views_gets_each_board_its_first(
    make: MakeHarness, tmp_path: Path
) -> None:
    box = make(state_dir=tmp_path)
    source = await box.board()
    await box.close()
    with sqlite3.connect(tmp_path / FILE_NAME) as state:
        state.execute("DELETE FROM objects WHERE kind = 'view'")
        for key in (
            "view_ids",
            "created_by",
            "edited_by",
            "in_trash",
            "is_locked",
            "icon",
            "cover",
        ):
            state.execute(
                "UPDATE objects SET body = json_remove(body, ?) WHERE kind = 'database'",
                (f"$.{key}",),
            )
        for key in ("in_trash", "icon", "description"):
            state.execute(
                "UPDATE objects SET body = json_remove(body, ?) WHERE kind = 'data_source'",
                (f"$.{key}",),
            )
        for key in ("icon", "cover", "is_locked"):
            state.execute(
                "UPDATE objects SET body = json_remove(body, ?) WHERE kind = 'page'", (f"$.{key}",)
            )
    state.close()
    again = make(state_dir=tmp_path)
    (reference,) = (await again.ok("GET", f"/v1/views?data_source_id={source}"))["results"]
    assert (await read(again, reference))["name"] == "Default view"
    database = (await again.ok("GET", f"/v1/data_sources/{source}"))["parent"]["database_id"]
    assert (await again.ok("GET", f"/v1/blocks/{database}"))["created_by"]["id"]


async def test_faults_and_limits_strike_views_like_everything(make: MakeHarness) -> None:
    box = make(requests_per_minute=3)
    source = await box.board()
    box.sandbox.faults.add(503, path="/v1/views")
    path = f"/v1/views?data_source_id={source}"
    assert (await box.raw("GET", path, token=BOT)).status_code == 503
    assert (await box.raw("GET", path, token=BOT)).status_code == 200
    assert (await box.raw("GET", path, token=BOT)).status_code == 429
    assert box.sandbox.api.log.by_endpoint["GET /v1/views"] == 3


@pytest.mark.parametrize("query", ["", "?database_id=nonsense", "?page_size=0&data_source_id=x"])
async def test_views_are_listed_of_something(box: Harness, query: str) -> None:
    assert (await box.refused("GET", f"/v1/views{query}"))[:2] == (400, "validation_error")


async def test_names_that_only_answers_carry_are_refused(box: Harness, source: str) -> None:
    columns = [{"property_id": "title", "visible": True}]
    view = await new_view(box, source, configuration={"type": "table", "properties": columns})
    echoed = {"configuration": view["configuration"]}
    assert (
        "property_name should be not present"
        in (await box.refused("PATCH", f"/v1/views/{view['id']}", echoed))[2]
    )
