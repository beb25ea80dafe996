"""Pages: made, read, edited, trashed."""

from page_kit import PROPERTIES
from sandbox_harness import Harness, Text


async def test_a_page_has_the_keys_of_a_real_one(box: Harness, text: Text) -> None:
    page = await box.page(await box.board(), Name={"title": text("One")})
    assert set(page) == {
        *(
            "object",
            "id",
            "created_time",
            "last_edited_time",
            "created_by",
            "last_edited_by",
            "cover",
            "icon",
        ),
        *(
            "parent",
            "in_trash",
            "is_archived",
            "is_locked",
            "properties",
            "url",
            "public_url",
            "request_id",
        ),
    }
    assert set(page["parent"]) == {"type", "data_source_id", "database_id"}
    assert page["url"].startswith("https://app.notion.com/p/One-")


async def test_the_older_version_also_carries_archived(box: Harness) -> None:
    page = await box.page(await box.board())
    response = await box.raw("GET", f"/v1/pages/{page['id']}", **{"Notion-Version": "2025-09-03"})
    assert response.json()["archived"] is False


async def test_page_times_are_floored_to_the_minute_and_database_times_are_not(
    box: Harness,
) -> None:
    source = await box.board()
    page = await box.page(source)
    assert page["created_time"] == page["last_edited_time"] == "2026-11-23T10:05:00.000Z"
    database = await box.ok("GET", f"/v1/databases/{page['parent']['database_id']}")
    assert database["created_time"] == "2026-11-23T10:05:30.123+00:00"
    assert (await box.ok("GET", f"/v1/data_sources/{source}"))[
        "created_time"
    ] == "2026-11-23T10:05:00.000Z"


async def test_an_edit_moves_the_edit_time_and_names_its_author(box: Harness, text: Text) -> None:
    page = await box.page(await box.board())
    box.clock.advance(minutes=3)
    edited = await box.write(page["id"], token="person_editor", Name={"title": text("x")})
    assert edited["last_edited_time"] == "2026-11-23T10:08:00.000Z"
    assert edited["created_time"] == page["created_time"]
    me = await box.ok("GET", "/v1/users/me", token="person_editor")
    assert edited["last_edited_by"] == {"object": "user", "id": me["id"]}
    assert edited["created_by"]["id"] != me["id"]


async def test_an_empty_patch_is_no_edit(box: Harness) -> None:
    page = await box.page(await box.board())
    box.clock.advance(minutes=3)
    same = await box.ok("PATCH", f"/v1/pages/{page['id']}", {})
    assert same["last_edited_time"] == page["last_edited_time"]


async def test_a_page_in_the_trash_cannot_be_edited_until_it_is_taken_out(
    box: Harness, text: Text
) -> None:
    page = await box.page(await box.board())
    path = f"/v1/pages/{page['id']}"
    assert (await box.ok("PATCH", path, {"in_trash": True}))["in_trash"] is True
    assert await box.refused("PATCH", path, {"properties": {"Name": {"title": text("x")}}}) == (
        400,
        "validation_error",
        "Can't edit block that is archived. You must unarchive the block before editing.",
    )
    assert (await box.ok("GET", path))["in_trash"] is True
    back = await box.ok(
        "PATCH", path, {"in_trash": False, "properties": {"Name": {"title": text("x")}}}
    )
    assert (back["in_trash"], back["properties"]["Name"]["title"][0]["plain_text"]) == (False, "x")


async def test_archived_is_refused_by_the_new_version_and_taken_by_the_old(box: Harness) -> None:
    page = await box.page(await box.board())
    path = f"/v1/pages/{page['id']}"
    assert (await box.refused("PATCH", path, {"archived": True}))[:2] == (400, "validation_error")
    response = await box.raw("PATCH", path, {"archived": True}, **{"Notion-Version": "2025-09-03"})
    assert response.json()["in_trash"] is True


async def test_a_property_is_named_by_name_or_by_id_encoded_or_not(
    box: Harness, text: Text
) -> None:
    source = await box.board(
        {"Name": {"title": {}}, **{f"P{i}": {"rich_text": {}} for i in range(20)}}
    )
    page = await box.page(source)
    ids = {name: prop["id"] for name, prop in page["properties"].items()}
    assert any("%" in encoded for encoded in ids.values())
    for key in (
        *ids.values(),
        *(
            str(box.sandbox.state.sources[source].schema[k].id)
            for k in box.sandbox.state.sources[source].schema
        ),
    ):
        kind = "title" if key == "title" else "rich_text"
        await box.ok("PATCH", f"/v1/pages/{page['id']}", {"properties": {key: {kind: text("set")}}})


async def test_a_property_item_is_a_list_for_text_and_one_object_otherwise(
    box: Harness, text: Text
) -> None:
    source = await box.board(PROPERTIES)
    parts = [{**text("a")[0], "annotations": {"bold": bold}} for bold in (True, False, True)]
    page = await box.page(source, Topic={"rich_text": parts}, Score={"number": 4})
    ids = {name: prop["id"] for name, prop in page["properties"].items()}
    path = f"/v1/pages/{page['id']}/properties"
    first = await box.ok("GET", f"{path}/{ids['Topic']}?page_size=2")
    assert (first["type"], len(first["results"]), first["has_more"]) == ("property_item", 2, True)
    assert set(first["property_item"]) == {"id", "next_url", "type", "rich_text"}
    assert set(first["results"][0]) == {"object", "type", "id", "rich_text"}
    rest = await box.ok(
        "GET", f"{path}/{ids['Topic']}?page_size=2&start_cursor={first['next_cursor']}"
    )
    assert (len(rest["results"]), rest["has_more"], rest["next_cursor"]) == (1, False, None)
    single = await box.ok("GET", f"{path}/{ids['Score']}")
    assert {k: single[k] for k in ("object", "type", "number")} == {
        "object": "property_item",
        "type": "number",
        "number": 4,
    }
    assert (await box.refused("GET", f"{path}/nope"))[1] == "object_not_found"


async def test_filter_properties_limits_what_a_page_shows(box: Harness) -> None:
    source = await box.board(PROPERTIES)
    page = await box.page(source)
    topic = page["properties"]["Topic"]["id"]
    path = f"/v1/pages/{page['id']}?filter_properties=Name&filter_properties={topic}"
    assert list((await box.ok("GET", path))["properties"]) == ["Name", "Topic"]
    assert (await box.refused("GET", f"/v1/pages/{page['id']}?filter_properties=Nope"))[0] == 400


async def test_a_page_can_be_made_under_a_page(box: Harness, text: Text) -> None:
    body = {"parent": {"page_id": box.sandbox.root_page_id}, "properties": {"title": text("Plain")}}
    page = await box.ok("POST", "/v1/pages", body)
    assert page["parent"] == {"type": "page_id", "page_id": box.sandbox.root_page_id}
    assert page["properties"]["title"]["title"][0]["plain_text"] == "Plain"


async def test_a_database_with_one_data_source_can_be_named_as_parent(box: Harness) -> None:
    source = await box.board()
    database = (await box.page(source))["parent"]["database_id"]
    page = await box.ok(
        "POST", "/v1/pages", {"parent": {"database_id": database}, "properties": {}}
    )
    assert page["parent"]["data_source_id"] == source
