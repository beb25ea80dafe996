"""The log of requests, sandboxes side by side, and settings."""

import asyncio
from uuid import uuid4

import pytest
from sandbox_harness import Harness, Json, MakeHarness

from notion_sandbox import Config, create_app


async def test_every_request_is_counted_and_the_log_is_bounded(make: MakeHarness) -> None:
    box = make(requests_per_minute=3, log_limit=4)
    for _ in range(4):
        await box.raw("GET", "/v1/users/me")
    await box.raw("GET", "/v1/users/me", token="wrong")
    await box.raw("GET", f"/v1/pages/{uuid4()}", token="person_editor")
    seen = (await box.http.get("/sandbox/requests")).json()
    assert seen["totals"] == {
        "received": 6,
        "by_status": {"200": 3, "401": 1, "404": 1, "429": 1},
        "by_endpoint": {"GET /v1/pages/{page_id}": 1, "GET /v1/users/me": 5},
        "by_user": {"": 1, "Pipeline": 4, "Ada Editor": 1},
    }
    assert [entry["number"] for entry in seen["requests"]] == [3, 4, 5, 6]
    assert set(seen["requests"][0]) == {
        "number",
        "time",
        "user",
        "from",
        "method",
        "path",
        "status",
        "ms",
    }
    later = (await box.http.get("/sandbox/requests?since=5")).json()
    assert [(e["user"], e["status"]) for e in later["requests"]] == [("Ada Editor", 404)]
    assert (
        later["last"],
        (await box.http.get("/sandbox/requests?since=6")).json()["requests"],
    ) == (6, [])
    assert (await box.http.get("/sandbox/requests?since=x")).status_code == 400


async def test_two_requests_at_once_do_not_lose_an_edit(box: Harness) -> None:
    source = await box.board(
        {"Name": {"title": {}}, **{f"P{i}": {"number": {}} for i in range(20)}}
    )
    page = await box.page(source)
    await asyncio.gather(*(box.write(page["id"], **{f"P{i}": {"number": i}}) for i in range(20)))
    got = (await box.ok("GET", f"/v1/pages/{page['id']}"))["properties"]
    assert [got[f"P{i}"]["number"] for i in range(20)] == list(range(20))


async def test_sandboxes_in_one_process_share_nothing(make: MakeHarness) -> None:
    one, two = make(), make()
    page = await one.page(await one.board())
    assert page["id"] not in two.sandbox.state.pages


@pytest.mark.parametrize(
    "settings",
    [
        {"requests_per_minute": 0},
        {"latency_ms": -1},
        {"aggregation_seconds": -1},
        {"accounts": ()},
        {"webhook_url": "receiver"},
    ],
)
def test_settings_that_cannot_work_are_refused(settings: Json) -> None:
    with pytest.raises(ValueError, match=r"must|needed"):
        Config(**settings)


async def test_without_tokens_given_it_makes_random_ones() -> None:
    apps = [create_app(Config()) for _ in range(2)]
    tokens = {app.state.sandbox.token("Sandbox connection") for app in apps}
    assert len(tokens) == 2
    assert all(token.startswith("ntn_") and len(token) == 47 for token in tokens)
    for app in apps:
        await app.state.sandbox.close()
