"""HTTP: tokens, versions, limits, errors, and notion-client over real HTTP."""

from email.utils import parsedate_to_datetime
from uuid import uuid4

import pytest
from notion_client import APIResponseError, AsyncClient
from sandbox_harness import Harness, MakeHarness, Serving, Text


async def test_notion_client_works_against_it(box: Harness, serving: Serving, text: Text) -> None:
    async with serving(box.app) as url:
        client = AsyncClient(auth="ntn_bot", base_url=url, notion_version="2026-03-11", retry=False)
        async with client:
            me = await client.users.me()
            assert (me["type"], me["bot"]["owner"]["type"]) == ("bot", "workspace")
            assert await client.users.retrieve(me["id"])
            database = await client.databases.create(
                parent={"page_id": box.sandbox.root_page_id},
                title=text("Board"),
                initial_data_source={
                    "properties": {
                        "Name": {"title": {}},
                        "S": {"select": {}},
                        "R": {"rich_text": {}},
                    }
                },
            )
            source = database["data_sources"][0]["id"]
            await client.databases.update(database["id"], title=text("Plan"))
            assert (await client.databases.retrieve(database["id"]))["title"][0][
                "plain_text"
            ] == "Plan"
            schema = await client.data_sources.retrieve(source)
            await client.data_sources.update(source, properties={"T": {"number": {}}})
            page = await client.pages.create(
                parent={"data_source_id": source},
                properties={"Name": {"title": text("One")}, "S": {"select": {"name": "X"}}},
            )
            edited = await client.pages.update(
                page["id"], properties={schema["properties"]["R"]["id"]: {"rich_text": text("r")}}
            )
            assert edited["properties"]["R"]["rich_text"][0]["plain_text"] == "r"
            item = await client.pages.properties.retrieve(
                page["id"], edited["properties"]["R"]["id"]
            )
            assert item["results"][0]["rich_text"]["plain_text"] == "r"
            found = await client.data_sources.query(
                source,
                filter={"property": "S", "select": {"equals": "X"}},
                filter_properties=["Name"],
            )
            assert list(found["results"][0]["properties"]) == ["Name"]
            assert (await client.pages.update(page["id"], in_trash=True))["in_trash"] is True
            assert (await client.pages.retrieve(page["id"]))["in_trash"] is True
            with pytest.raises(APIResponseError) as refused:
                await client.pages.retrieve(str(uuid4()))
    assert refused.value.code == "object_not_found"
    assert refused.value.additional_data == {"integration_id": me["id"]}


async def test_the_date_of_an_answer_is_the_sandboxs_own(box: Harness, serving: Serving) -> None:
    async with serving(box.app) as url:
        client = AsyncClient(auth="ntn_bot", base_url=url, notion_version="2026-03-11", retry=False)
        async with client:
            response = await client.client.get(
                f"{url}/v1/users/me",
                headers={"Authorization": "Bearer ntn_bot", "Notion-Version": "2026-03-11"},
            )
    assert response.headers.get_list("date") == ["Mon, 23 Nov 2026 10:05:30 GMT"]
    assert parsedate_to_datetime(response.headers["date"]).minute == box.clock.now.minute
    assert response.headers["content-type"] == "application/json; charset=utf-8"


async def test_users_have_the_keys_of_real_ones(box: Harness) -> None:
    bot = await box.ok("GET", "/v1/users/me")
    assert set(bot) == {"object", "id", "name", "avatar_url", "type", "bot", "request_id"}
    assert set(bot["bot"]) == {"owner", "workspace_name", "workspace_id", "workspace_limits"}
    person = await box.ok("GET", "/v1/users/me", token="person_editor")
    assert set(person) == {"object", "id", "name", "avatar_url", "type", "person", "request_id"}
    assert (await box.refused("GET", f"/v1/users/{uuid4()}"))[:2] == (404, "object_not_found")


async def test_an_error_has_the_keys_of_a_real_one(box: Harness) -> None:
    error = (await box.raw("GET", f"/v1/pages/{uuid4()}")).json()
    assert list(error) == ["object", "status", "code", "message", "additional_data", "request_id"]
    assert error["message"].startswith("Could not find page with ID: ")
    assert error["message"].endswith('are shared with your integration "Pipeline".')
    plain = (await box.raw("GET", "/v1/users/me", token="wrong")).json()
    assert list(plain) == ["object", "status", "code", "message", "request_id"]
    assert (plain["status"], plain["code"], plain["message"]) == (
        401,
        "unauthorized",
        "API token is invalid.",
    )


@pytest.mark.parametrize(
    "header", ["", "ntn_bot", "Basic ntn_bot", "Bearer ", "Bearer ntn_bo", "Bearer ntn_bot2"]
)
async def test_only_a_known_bearer_token_is_accepted(box: Harness, header: str) -> None:
    response = await box.raw("GET", "/v1/users/me", Authorization=header)
    assert response.json()["code"] == "unauthorized"


async def test_a_request_without_a_version_is_refused(box: Harness) -> None:
    error = (await box.raw("GET", "/v1/users/me", **{"Notion-Version": ""})).json()
    assert (error["status"], error["code"]) == (400, "missing_version")
    assert error["message"] == (
        "Notion-Version header failed validation: Notion-Version header should be defined, "
        "instead was `undefined`."
    )


@pytest.mark.parametrize(
    ("version", "status"), [("2026-03-11", 200), ("2025-09-03", 200), ("2022-06-28", 400)]
)
async def test_two_versions_are_spoken(box: Harness, version: str, status: int) -> None:
    assert (
        await box.raw("GET", "/v1/users/me", **{"Notion-Version": version})
    ).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/v1/nowhere", "invalid_request_url"),
        ("POST", "/v1/databases/x/query", "invalid_request_url"),
        ("PUT", "/v1/pages", "invalid_request_url"),
        ("GET", "/nowhere", "invalid_request_url"),
        ("GET", "/v1/custom_emojis", "sandbox_unsupported"),
        ("GET", "/v1/pages/x/markdown", "sandbox_unsupported"),
    ],
)
async def test_an_unknown_path_is_a_400_and_an_unsupported_one_a_501(
    box: Harness, method: str, path: str, code: str
) -> None:
    status, found, message = await box.refused(method, path, {} if method == "POST" else None)
    assert (status, found) == (501 if code == "sandbox_unsupported" else 400, code)
    assert message.startswith(
        "The sandbox does not have" if status == 501 else "Invalid request URL."
    )


@pytest.mark.parametrize(
    "path", ["/v1/pages/no-uuid", "/v1/databases/1", "/v1/data_sources/zz", "/v1/users/1"]
)
async def test_a_path_needs_a_uuid(box: Harness, path: str) -> None:
    status, code, message = await box.refused("GET", path)
    name = {
        "pages": "page_id",
        "databases": "database_id",
        "data_sources": "data_source_id",
        "users": "user_id",
    }
    kind, given = path.split("/")[2:]
    assert (status, code) == (400, "validation_error")
    assert message == (
        f"path failed validation: path.{name[kind]} should be a valid uuid, "
        f'instead was `"{given}"`.'
    )


async def test_ids_are_taken_without_dashes_too(box: Harness) -> None:
    page = await box.page(await box.board())
    assert (await box.ok("GET", f"/v1/pages/{page['id'].replace('-', '')}"))["id"] == page["id"]


@pytest.mark.parametrize("raw", [b"{", b'{"a": NaN}', b"\xff", b"[" * 100_000])
async def test_a_body_that_is_no_json_is_refused(box: Harness, raw: bytes) -> None:
    response = await box.raw("POST", "/v1/pages", raw)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_json")


async def test_a_body_over_500_kb_is_refused(box: Harness) -> None:
    response = await box.raw("POST", "/v1/pages", b'{"a":"' + b"x" * 500_000 + b'"}')
    assert (response.status_code, response.json()["code"]) == (400, "validation_error")


async def test_keys_that_notion_does_not_know_are_refused_and_those_it_has_say_so(
    box: Harness,
) -> None:
    page = await box.page(await box.board())
    path = f"/v1/pages/{page['id']}"
    assert (await box.refused("PATCH", path, {"colour": 1}))[1] == "validation_error"
    assert (await box.refused("PATCH", path, {"template": {"type": "default"}}))[
        1
    ] == "sandbox_unsupported"
    await box.ok("PATCH", path, {"icon": None})


async def test_a_bot_over_its_limit_a_minute_gets_a_429_with_retry_after(
    make: MakeHarness,
) -> None:
    box = make(requests_per_minute=3)
    for _ in range(3):
        await box.ok("GET", "/v1/users/me")
        box.clock.advance(seconds=10)
    response = await box.raw("GET", "/v1/users/me")
    error = response.json()
    assert (response.status_code, error["code"], response.headers["retry-after"]) == (
        429,
        "rate_limited",
        "30",
    )
    assert error["additional_data"] == {
        "rate_limit_reason": "public_api_request_rate_limit",
        "retry_after": "30",
    }
    box.clock.advance(seconds=29.9)
    assert (await box.raw("GET", "/v1/users/me")).headers["retry-after"] == "1"
    box.clock.advance(seconds=0.1)
    await box.ok("GET", "/v1/users/me")


async def test_every_answer_waits_for_the_latency(
    make: MakeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    box = make(latency_ms=250)
    monkeypatch.setattr("notion_sandbox.server.api.asyncio.sleep", wait)
    await box.ok("GET", "/v1/users/me")
    assert waited == [0.25]


async def test_a_person_is_not_limited(make: MakeHarness) -> None:
    box = make(requests_per_minute=1)
    for _ in range(5):
        await box.ok("GET", "/v1/users/me", token="person_editor")
