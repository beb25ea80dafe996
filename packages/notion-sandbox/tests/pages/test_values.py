"""Values of pages: what is written, read, cleared and refused."""

import pytest
from page_kit import PROPERTIES
from sandbox_harness import Harness, Json, Text


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
    assert {k: got["Channel"]["select"][k] for k in ("name", "color")} == {
        "name": "Space",
        "color": "blue",
    }
    assert got["Stage"]["status"]["name"] == "Done"
    assert got["Due"]["date"] == {
        "start": "2026-11-23T11:00:00.000+01:00",
        "end": None,
        "time_zone": None,
    }
    assert (got["Score"]["number"], got["Done"]["checkbox"], got["Link"]["url"]) == (
        2.5,
        True,
        "https://example.org",
    )
    assert got["Made"] == {
        "id": got["Made"]["id"],
        "type": "created_time",
        "created_time": page["created_time"],
    }
    assert got["Editor"]["last_edited_by"]["name"] == "Pipeline"
    assert got["Age"]["formula"] == {"type": "string", "string": "5 min"}
    assert got["Minutes"]["formula"] == {"type": "number", "number": 0}


async def test_values_that_were_not_set_are_empty_and_a_status_has_its_default(
    box: Harness,
) -> None:
    got = (await box.page(await box.board(PROPERTIES)))["properties"]
    assert got["Name"]["title"] == got["Topic"]["rich_text"] == []
    assert (
        got["Channel"]["select"]
        is got["Due"]["date"]
        is got["Score"]["number"]
        is got["Link"]["url"]
        is None
    )
    assert got["Done"]["checkbox"] is False
    assert got["Stage"]["status"]["name"] == "Not started"
    assert got["Age"]["formula"]["string"] == " min"


async def test_values_are_cleared_as_documented(box: Harness, text: Text) -> None:
    source = await box.board(PROPERTIES)
    page = await box.page(
        source,
        Name={"title": text("x")},
        Channel={"select": {"name": "Space"}},
        Stage={"status": {"name": "Done"}},
    )
    got = (
        await box.write(
            page["id"], Name={"title": []}, Channel={"select": None}, Stage={"status": None}
        )
    )["properties"]
    assert got["Name"]["title"] == []
    assert got["Channel"]["select"] is None
    assert got["Stage"]["status"]["name"] == "Not started"


async def test_properties_that_are_not_named_stay(box: Harness, text: Text) -> None:
    source = await box.board(PROPERTIES)
    page = await box.page(source, Name={"title": text("x")}, Score={"number": 1})
    got = (await box.write(page["id"], Score={"number": 2}))["properties"]
    assert (got["Name"]["title"][0]["plain_text"], got["Score"]["number"]) == ("x", 2)


async def test_rich_text_keeps_formats_links_mentions_and_equations(
    box: Harness, text: Text
) -> None:
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
    assert (mentioned["plain_text"], mentioned["mention"]) == (
        "Other",
        {"type": "page", "page": {"id": other["id"]}},
    )
    assert date["mention"]["date"] == {"start": "2026-01-02", "end": None, "time_zone": None}
    assert (equation["type"], equation["plain_text"]) == ("equation", "e=mc^2")


async def test_an_unknown_select_name_creates_the_option(box: Harness) -> None:
    source = await box.board(PROPERTIES)
    page = await box.page(source, Channel={"select": {"name": "Nature"}})
    options = (await box.ok("GET", f"/v1/data_sources/{source}"))["properties"]["Channel"][
        "select"
    ]["options"]
    assert [option["name"] for option in options] == ["Space", "Nature"]
    assert page["properties"]["Channel"]["select"]["id"] == options[1]["id"]


async def test_select_names_match_whatever_their_case(box: Harness) -> None:
    source = await box.board(PROPERTIES)
    page = await box.page(source, Channel={"select": {"name": "sPACE"}})
    assert page["properties"]["Channel"]["select"]["name"] == "Space"


async def test_a_select_can_be_chosen_by_id(box: Harness) -> None:
    source = await box.board(PROPERTIES)
    (option,) = (await box.ok("GET", f"/v1/data_sources/{source}"))["properties"]["Channel"][
        "select"
    ]["options"]
    page = await box.page(source, Channel={"select": {"id": option["id"]}})
    assert page["properties"]["Channel"]["select"]["name"] == "Space"


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"Nope": {"number": 1}}, "Nope is not a property that exists."),
        ({"Score": {"checkbox": True}}, "Score is expected to be number."),
        ({"Name": {"rich_text": []}}, "Name is expected to be title."),
        (
            {"Stage": {"status": {"name": "Nope"}}},
            'Invalid status option. Status option "Nope" does not exist".',
        ),
        (
            {"Channel": {"select": {"name": "a,b"}}},
            "Invalid select option, commas not allowed: a,b",
        ),
        (
            {"Channel": {"select": {"name": "x" * 101}}},
            (
                "body failed validation: body.properties.Channel.select.name.length should be ≤ "
                "`100`, instead was `101`."
            ),
        ),
        (
            {"Channel": {"select": "Space"}},
            (
                "body failed validation: body.properties.Channel.select should be an object or "
                "`null`, "
                'instead was `"Space"`.'
            ),
        ),
        (
            {"Topic": {"rich_text": [{"text": {"content": "x" * 2088}}]}},
            (
                "body failed validation: body.properties.Topic.rich_text[0].text.content.length "
                "should be ≤ `2000`, "
                "instead was `2088`."
            ),
        ),
        (
            {"Topic": {"rich_text": [{"text": {"content": "😀" * 1001}}]}},
            (
                "body failed validation: body.properties.Topic.rich_text[0].text.content.length "
                "should be ≤ `2000`, "
                "instead was `2002`."
            ),
        ),
        (
            {"Topic": {"rich_text": [{"text": {"content": "x"}}] * 101}},
            (
                "body failed validation: body.properties.Topic.rich_text.length should be ≤ `100`, "
                "instead was `101`."
            ),
        ),
        (
            {"Score": {"number": "1"}},
            (
                "body failed validation: body.properties.Score.number should be a number "
                'or `null`, instead was `"1"`.'
            ),
        ),
        (
            {"Done": {"checkbox": None}},
            (
                "body failed validation: body.properties.Done.checkbox should be a boolean, "
                "instead was `null`."
            ),
        ),
        (
            {"Due": {"date": {"start": "tomorrow"}}},
            (
                "body failed validation: body.properties.Due.date.start should be a valid ISO "
                "8601 date string, "
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
async def test_a_read_only_property_echoed_back_fails_body_validation(
    box: Harness, name: str
) -> None:
    page = await box.page(await box.board(PROPERTIES))
    echoed = {"properties": {name: page["properties"][name]}}
    status, code, message = await box.refused("PATCH", f"/v1/pages/{page['id']}", echoed)
    assert (status, code) == (400, "validation_error")
    assert message.startswith(
        f"body failed validation. Fix one:\nbody.properties.{name}.title should be defined"
    )


async def test_a_zone_by_name_comes_back_as_its_offset(box: Harness) -> None:
    source = await box.board(PROPERTIES)
    date = {"start": "2026-07-01T09:30:00", "time_zone": "Europe/Berlin"}
    page = await box.page(source, Due={"date": date})
    assert page["properties"]["Due"]["date"]["start"] == "2026-07-01T09:30:00.000+02:00"
    wrong = {"date": {"start": "2026-07-01T09:30:00Z", "time_zone": "Europe/Berlin"}}
    assert (await box.refused("PATCH", f"/v1/pages/{page['id']}", {"properties": {"Due": wrong}}))[
        0
    ] == 400


@pytest.mark.parametrize("number", [0, -3, 1.5, 12_345_678_901])
async def test_a_number_comes_back_as_it_was(box: Harness, number: float) -> None:
    source = await box.board(PROPERTIES)
    page = await box.page(source, Score={"number": number})
    assert repr(page["properties"]["Score"]["number"]) == repr(number)


async def test_half_a_surrogate_pair_does_not_break_an_answer(box: Harness) -> None:
    source = await box.board()
    raw = (
        b'{"properties":{"Name":{"title":[{"text":{"content":"a\\ud83d"}}]}},'
        b'"parent":{"data_source_id":"%s"}}'
    )
    response = await box.raw("POST", "/v1/pages", raw % source.encode())
    assert response.json()["properties"]["Name"]["title"][0]["plain_text"] == "a\ufffd"
