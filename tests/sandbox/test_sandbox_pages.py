"""Pages and their values."""

import pytest
from sandbox_harness import Harness, Json, Text

PROPERTIES = {
    "Name": {"title": {}},
    "Topic": {"rich_text": {}},
    "Channel": {"select": {"options": [{"name": "Space", "color": "blue"}]}},
    "Stage": {"status": {}},
    "Due": {"date": {}},
    "Score": {"number": {"format": "number"}},
    "Done": {"checkbox": {}},
    "Link": {"url": {}},
    "Made": {"created_time": {}},
    "Changed": {"last_edited_time": {}},
    "Maker": {"created_by": {}},
    "Editor": {"last_edited_by": {}},
    "Age": {"formula": {"expression": 'format(dateBetween(now(), prop("Due"), "minutes")) + " min"'}},
    "Minutes": {"formula": {"expression": 'dateBetween(now(), prop("Changed"), "minutes")'}},
}


async def test_a_page_has_the_keys_of_a_real_one(box: Harness, text: Text) -> None:
    page = await box.page(await box.board(), Name={"title": text("One")})
    assert set(page) == {
        *("object", "id", "created_time", "last_edited_time", "created_by", "last_edited_by", "cover", "icon"),
        *("parent", "in_trash", "is_archived", "is_locked", "properties", "url", "public_url", "request_id"),
    }
    assert set(page["parent"]) == {"type", "data_source_id", "database_id"}
    assert page["url"].startswith("https://app.notion.com/p/One-")


async def test_the_older_version_also_carries_archived(box: Harness) -> None:
    page = await box.page(await box.board())
    response = await box.raw("GET", f"/v1/pages/{page['id']}", **{"Notion-Version": "2025-09-03"})
    assert response.json()["archived"] is False


async def test_page_times_are_floored_to_the_minute_and_database_times_are_not(box: Harness) -> None:
    source = await box.board()
    page = await box.page(source)
    assert page["created_time"] == page["last_edited_time"] == "2026-11-23T10:05:00.000Z"
    database = await box.ok("GET", f"/v1/databases/{page['parent']['database_id']}")
    assert database["created_time"] == "2026-11-23T10:05:30.123+00:00"
    assert (await box.ok("GET", f"/v1/data_sources/{source}"))["created_time"] == "2026-11-23T10:05:00.000Z"


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


async def test_every_kind_of_value_is_written_and_read_back(box: Harness, text: Text) -> None:
    source = await box.board(PROPERTIES)
    page = await box.page(
        source,
        Name={"title": text("Mars")},
        Topic={"rich_text": text("Red")},
        Channel={"select": {"name": "Space"}},
        Stage={"status": {"name": "Done"}},
        Due={"date": {"start": "2026-11-23T11:00:59+01:00"}},
        Score={"number": 2.5},
        Done={"checkbox": True},
        Link={"url": "https://example.org"},
    )
    got = page["properties"]
    assert list(got) == list(PROPERTIES)
    assert got["Name"]["id"] == "title"
    assert got["Topic"]["rich_text"][0]["plain_text"] == "Red"
    assert {k: got["Channel"]["select"][k] for k in ("name", "color")} == {"name": "Space", "color": "blue"}
    assert got["Stage"]["status"]["name"] == "Done"
    assert got["Due"]["date"] == {"start": "2026-11-23T11:00:00.000+01:00", "end": None, "time_zone": None}
    assert (got["Score"]["number"], got["Done"]["checkbox"], got["Link"]["url"]) == (2.5, True, "https://example.org")
    assert got["Made"] == {"id": got["Made"]["id"], "type": "created_time", "created_time": page["created_time"]}
    assert got["Editor"]["last_edited_by"]["name"] == "Pipeline"
    assert got["Age"]["formula"] == {"type": "string", "string": "5 min"}
    assert got["Minutes"]["formula"] == {"type": "number", "number": 0}


async def test_values_that_nobody_set_are_empty_and_a_status_has_its_default(box: Harness) -> None:
    got = (await box.page(await box.board(PROPERTIES)))["properties"]
    assert got["Name"]["title"] == got["Topic"]["rich_text"] == []
    assert got["Channel"]["select"] is got["Due"]["date"] is got["Score"]["number"] is got["Link"]["url"] is None
    assert got["Done"]["checkbox"] is False
    assert got["Stage"]["status"]["name"] == "Not started"
    assert got["Age"]["formula"]["string"] == " min"


async def test_values_are_cleared_as_the_documentation_says(box: Harness, text: Text) -> None:
    source = await box.board(PROPERTIES)
    page = await box.page(
        source, Name={"title": text("x")}, Channel={"select": {"name": "Space"}}, Stage={"status": {"name": "Done"}}
    )
    got = (await box.write(page["id"], Name={"title": []}, Channel={"select": None}, Stage={"status": None}))[
        "properties"
    ]
    assert got["Name"]["title"] == []
    assert got["Channel"]["select"] is None
    assert got["Stage"]["status"]["name"] == "Not started"


async def test_properties_that_are_not_named_stay(box: Harness, text: Text) -> None:
    source = await box.board(PROPERTIES)
    page = await box.page(source, Name={"title": text("x")}, Score={"number": 1})
    got = (await box.write(page["id"], Score={"number": 2}))["properties"]
    assert (got["Name"]["title"][0]["plain_text"], got["Score"]["number"]) == ("x", 2)


async def test_rich_text_keeps_formats_links_mentions_and_equations(box: Harness, text: Text) -> None:
    source = await box.board(PROPERTIES)
    other = await box.page(source, Name={"title": text("Other")})
    me = await box.ok("GET", "/v1/users/me")
    parts = [
        {
            "text": {"content": "a", "link": {"url": "https://example.org"}},
            "annotations": {"bold": True, "color": "red"},
        },
        {"type": "mention", "mention": {"type": "user", "user": {"id": me["id"]}}},
        {"mention": {"page": {"id": other["id"]}}},
        {"mention": {"date": {"start": "2026-01-02"}}},
        {"equation": {"expression": "e=mc^2"}},
    ]
    page = await box.page(source, Topic={"rich_text": parts})
    linked, user, mentioned, date, equation = page["properties"]["Topic"]["rich_text"]
    assert set(linked) == {"type", "text", "annotations", "plain_text", "href"}
    assert linked["text"] == {"content": "a", "link": {"url": "https://example.org"}}
    assert linked["href"] == "https://example.org"
    assert linked["annotations"] == {
        **dict.fromkeys(("italic", "strikethrough", "underline", "code"), False),
        "bold": True,
        "color": "red",
    }
    assert (user["plain_text"], user["mention"]["user"]["object"]) == ("@Pipeline", "user")
    assert (mentioned["plain_text"], mentioned["mention"]) == ("Other", {"type": "page", "page": {"id": other["id"]}})
    assert date["mention"]["date"] == {"start": "2026-01-02", "end": None, "time_zone": None}
    assert (equation["type"], equation["plain_text"]) == ("equation", "e=mc^2")


async def test_an_unknown_select_name_creates_the_option(box: Harness) -> None:
    source = await box.board(PROPERTIES)
    page = await box.page(source, Channel={"select": {"name": "Nature"}})
    options = (await box.ok("GET", f"/v1/data_sources/{source}"))["properties"]["Channel"]["select"]["options"]
    assert [option["name"] for option in options] == ["Space", "Nature"]
    assert page["properties"]["Channel"]["select"]["id"] == options[1]["id"]


async def test_select_names_match_whatever_their_case(box: Harness) -> None:
    source = await box.board(PROPERTIES)
    page = await box.page(source, Channel={"select": {"name": "sPACE"}})
    assert page["properties"]["Channel"]["select"]["name"] == "Space"


async def test_a_select_can_be_chosen_by_id(box: Harness) -> None:
    source = await box.board(PROPERTIES)
    (option,) = (await box.ok("GET", f"/v1/data_sources/{source}"))["properties"]["Channel"]["select"]["options"]
    page = await box.page(source, Channel={"select": {"id": option["id"]}})
    assert page["properties"]["Channel"]["select"]["name"] == "Space"


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"Nope": {"number": 1}}, "Nope is not a property that exists."),
        ({"Score": {"checkbox": True}}, "Score is expected to be number."),
        ({"Name": {"rich_text": []}}, "Name is expected to be title."),
        ({"Stage": {"status": {"name": "Nope"}}}, 'Invalid status option. Status option "Nope" does not exist".'),
        ({"Channel": {"select": {"name": "a,b"}}}, "Invalid select option, commas not allowed: a,b"),
        (
            {"Channel": {"select": {"name": "x" * 101}}},
            "body failed validation: body.properties.Channel.select.name.length should be ≤ `100`, instead was `101`.",
        ),
        (
            {"Channel": {"select": "Space"}},
            (
                "body failed validation: body.properties.Channel.select should be an object or `null`, "
                'instead was `"Space"`.'
            ),
        ),
        (
            {"Topic": {"rich_text": [{"text": {"content": "x" * 2088}}]}},
            (
                "body failed validation: body.properties.Topic.rich_text[0].text.content.length should be ≤ `2000`, "
                "instead was `2088`."
            ),
        ),
        (
            {"Topic": {"rich_text": [{"text": {"content": "😀" * 1001}}]}},
            (
                "body failed validation: body.properties.Topic.rich_text[0].text.content.length should be ≤ `2000`, "
                "instead was `2002`."
            ),
        ),
        (
            {"Topic": {"rich_text": [{"text": {"content": "x"}}] * 101}},
            "body failed validation: body.properties.Topic.rich_text.length should be ≤ `100`, instead was `101`.",
        ),
        (
            {"Score": {"number": "1"}},
            'body failed validation: body.properties.Score.number should be a number or `null`, instead was `"1"`.',
        ),
        (
            {"Done": {"checkbox": None}},
            "body failed validation: body.properties.Done.checkbox should be a boolean, instead was `null`.",
        ),
        (
            {"Due": {"date": {"start": "tomorrow"}}},
            (
                "body failed validation: body.properties.Due.date.start should be a valid ISO 8601 date string, "
                'instead was `"tomorrow"`.'
            ),
        ),
    ],
)
async def test_a_value_that_notion_refuses_is_refused_in_its_words(
    box: Harness, properties: Json, message: str
) -> None:
    source = await box.board(PROPERTIES)
    page = await box.page(source)
    refused = await box.refused("PATCH", f"/v1/pages/{page['id']}", {"properties": properties})
    assert refused == (400, "validation_error", message)
    assert (await box.ok("GET", f"/v1/pages/{page['id']}"))["properties"] == page["properties"]


@pytest.mark.parametrize("name", ["Made", "Changed", "Maker", "Editor", "Age"])
async def test_a_read_only_property_echoed_back_fails_body_validation(box: Harness, name: str) -> None:
    page = await box.page(await box.board(PROPERTIES))
    echoed = {"properties": {name: page["properties"][name]}}
    status, code, message = await box.refused("PATCH", f"/v1/pages/{page['id']}", echoed)
    assert (status, code) == (400, "validation_error")
    assert message.startswith(f"body failed validation. Fix one:\nbody.properties.{name}.title should be defined")


async def test_a_page_in_the_trash_cannot_be_edited_until_it_is_taken_out(box: Harness, text: Text) -> None:
    page = await box.page(await box.board())
    path = f"/v1/pages/{page['id']}"
    assert (await box.ok("PATCH", path, {"in_trash": True}))["in_trash"] is True
    assert await box.refused("PATCH", path, {"properties": {"Name": {"title": text("x")}}}) == (
        400,
        "validation_error",
        "Can't edit block that is archived. You must unarchive the block before editing.",
    )
    assert (await box.ok("GET", path))["in_trash"] is True
    back = await box.ok("PATCH", path, {"in_trash": False, "properties": {"Name": {"title": text("x")}}})
    assert (back["in_trash"], back["properties"]["Name"]["title"][0]["plain_text"]) == (False, "x")


async def test_archived_is_refused_by_the_new_version_and_taken_by_the_old(box: Harness) -> None:
    page = await box.page(await box.board())
    path = f"/v1/pages/{page['id']}"
    assert (await box.refused("PATCH", path, {"archived": True}))[:2] == (400, "validation_error")
    response = await box.raw("PATCH", path, {"archived": True}, **{"Notion-Version": "2025-09-03"})
    assert response.json()["in_trash"] is True


async def test_a_property_is_named_by_name_or_by_id_encoded_or_not(box: Harness, text: Text) -> None:
    source = await box.board({"Name": {"title": {}}, **{f"P{i}": {"rich_text": {}} for i in range(20)}})
    page = await box.page(source)
    ids = {name: prop["id"] for name, prop in page["properties"].items()}
    assert any("%" in encoded for encoded in ids.values())
    for key in (
        *ids.values(),
        *(str(box.sandbox.state.sources[source].schema[k].id) for k in box.sandbox.state.sources[source].schema),
    ):
        kind = "title" if key == "title" else "rich_text"
        await box.ok("PATCH", f"/v1/pages/{page['id']}", {"properties": {key: {kind: text("set")}}})


async def test_a_property_item_is_a_list_for_text_and_one_object_otherwise(box: Harness, text: Text) -> None:
    source = await box.board(PROPERTIES)
    page = await box.page(source, Topic={"rich_text": text("a") * 3}, Score={"number": 4})
    ids = {name: prop["id"] for name, prop in page["properties"].items()}
    path = f"/v1/pages/{page['id']}/properties"
    first = await box.ok("GET", f"{path}/{ids['Topic']}?page_size=2")
    assert (first["type"], len(first["results"]), first["has_more"]) == ("property_item", 2, True)
    assert set(first["property_item"]) == {"id", "next_url", "type", "rich_text"}
    assert set(first["results"][0]) == {"object", "type", "id", "rich_text"}
    rest = await box.ok("GET", f"{path}/{ids['Topic']}?page_size=2&start_cursor={first['next_cursor']}")
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
    page = await box.ok("POST", "/v1/pages", {"parent": {"database_id": database}, "properties": {}})
    assert page["parent"]["data_source_id"] == source


async def test_a_zone_by_name_comes_back_as_its_offset(box: Harness) -> None:
    source = await box.board(PROPERTIES)
    date = {"start": "2026-07-01T09:30:00", "time_zone": "Europe/Berlin"}
    page = await box.page(source, Due={"date": date})
    assert page["properties"]["Due"]["date"]["start"] == "2026-07-01T09:30:00.000+02:00"
    wrong = {"date": {"start": "2026-07-01T09:30:00Z", "time_zone": "Europe/Berlin"}}
    assert (await box.refused("PATCH", f"/v1/pages/{page['id']}", {"properties": {"Due": wrong}}))[0] == 400


@pytest.mark.parametrize("number", [0, -3, 1.5, 12_345_678_901])
async def test_a_number_comes_back_as_it_was(box: Harness, number: float) -> None:
    source = await box.board(PROPERTIES)
    page = await box.page(source, Score={"number": number})
    assert repr(page["properties"]["Score"]["number"]) == repr(number)


async def test_half_a_surrogate_pair_does_not_break_an_answer(box: Harness) -> None:
    source = await box.board()
    raw = b'{"properties":{"Name":{"title":[{"text":{"content":"a\\ud83d"}}]}},"parent":{"data_source_id":"%s"}}'
    response = await box.raw("POST", "/v1/pages", raw % source.encode())
    assert response.json()["properties"]["Name"]["title"][0]["plain_text"] == "a\ufffd"
