"""Webhooks: what is told, when, to whom, and again."""

import asyncio
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from notion_client import AsyncClient
from sandbox_harness import HandClock, Harness, Json, MakeHarness, Serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import Config, create_app
from sandbox.delivery import sign
from sandbox.outbox import MAX_ATTEMPTS

PROPERTIES = {"Name": {"title": {}}, "A": {"number": {}}, "B": {"number": {}}, "S": {"select": {}}}


@pytest.fixture
async def source(box: Harness) -> Any:
    """A board, made before anybody listens."""
    source = await box.board(PROPERTIES)
    await box.listen()
    return source


@pytest.fixture
async def page(box: Harness, source: str) -> Any:
    """A page whose creation was told already."""
    page = await box.page(source)
    await box.deliver()
    return page


def test_the_signature_is_that_of_the_documentation() -> None:
    token = "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"
    body = json.dumps({"verification_token": token}, separators=(",", ":")).encode()
    assert sign(token, body) == "sha256=461e8cbcba8a75c3edd866f0e71280f5a85cbf21eff040ebd10fe266df38a735"


async def test_an_event_has_the_envelope_of_a_real_one(box: Harness, source: str) -> None:
    page = await box.page(source, A={"number": 1})
    made_at = box.clock.now
    (event,) = await box.deliver()
    assert set(event) == {
        *("id", "timestamp", "workspace_id", "workspace_name", "subscription_id", "integration_id", "authors"),
        *("attempt_number", "api_version", "type", "entity", "data"),
    }
    me = await box.ok("GET", "/v1/users/me")
    parent = {"id": page["parent"]["database_id"], "type": "database", "data_source_id": source}
    assert (event["type"], event["data"]) == ("page.created", {"parent": parent})
    assert event["entity"] == {"id": page["id"], "type": "page"}
    assert event["authors"] == [{"id": me["id"], "type": "bot"}]
    assert event["timestamp"] == made_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert (event["attempt_number"], event["api_version"]) == (1, "2026-03-11")


async def test_an_event_is_signed_over_its_raw_body(box: Harness, page: Json) -> None:
    await box.write(page["id"], A={"number": 1})
    await box.deliver()
    request = box.receiver.requests[-1]
    expected = hmac.new(b"secret_x", request.content, hashlib.sha256).hexdigest()
    assert request.headers["x-notion-signature"] == f"sha256={expected}"
    assert (request.method, str(request.url)) == ("POST", "http://door/webhook")


async def test_an_edit_tells_the_ids_of_what_changed_and_no_values(box: Harness, page: Json) -> None:
    await box.write(page["id"], A={"number": 77_777}, B={"number": None})
    (event,) = await box.deliver()
    assert event["type"] == "page.properties_updated"
    assert event["data"]["updated_properties"] == [page["properties"]["A"]["id"]]
    assert b"77777" not in box.receiver.requests[-1].content


async def test_property_ids_in_events_are_url_encoded(box: Harness, source: str) -> None:
    schema = await box.schema(source, {f"P{i}": {"number": {}} for i in range(12)})
    page = await box.page(source)
    await box.deliver()
    await box.write(page["id"], **{f"P{i}": {"number": 1} for i in range(12)})
    told = (await box.deliver())[0]["data"]["updated_properties"]
    assert told == [schema[f"P{i}"]["id"] for i in range(12)]
    assert any(unquote(encoded) != encoded for encoded in told)


async def test_a_value_written_again_is_no_change(box: Harness, page: Json) -> None:
    await box.write(page["id"], A={"number": 1})
    await box.deliver()
    await box.write(page["id"], A={"number": 1})
    assert await box.deliver() == []


async def test_changes_in_one_window_become_one_event_with_all_authors(box: Harness, page: Json) -> None:
    await box.write(page["id"], A={"number": 1})
    box.clock.advance(seconds=0.5)
    await box.write(page["id"], token="person_editor", B={"number": 1})
    assert await box.deliver(seconds=0.4) == []
    (event,) = await box.deliver(seconds=0.1)
    assert {author["type"] for author in event["authors"]} == {"bot", "person"}
    assert event["data"]["updated_properties"] == [page["properties"][name]["id"] for name in "AB"]


async def test_changes_of_different_pages_are_different_events(box: Harness, source: str) -> None:
    made = {(await box.page(source))["id"] for _ in range(3)}
    events = await box.deliver()
    assert {event["entity"]["id"] for event in events} == made
    assert len({event["id"] for event in events}) == 3


async def test_a_page_made_and_edited_is_made(box: Harness, source: str) -> None:
    page = await box.page(source)
    await box.write(page["id"], A={"number": 1})
    assert [event["type"] for event in await box.deliver()] == ["page.created"]


async def test_a_page_made_and_trashed_is_nothing(box: Harness, source: str) -> None:
    page = await box.page(source)
    await box.ok("PATCH", f"/v1/pages/{page['id']}", {"in_trash": True})
    assert await box.deliver() == []


async def test_trash_and_its_undoing_are_told(box: Harness, page: Json) -> None:
    path = f"/v1/pages/{page['id']}"
    await box.ok("PATCH", path, {"in_trash": True})
    assert [event["type"] for event in await box.deliver()] == ["page.deleted"]
    await box.ok("PATCH", path, {"in_trash": False})
    assert [event["type"] for event in await box.deliver()] == ["page.undeleted"]
    await box.ok("PATCH", path, {"in_trash": True})
    await box.ok("PATCH", path, {"in_trash": False})
    assert await box.deliver() == []


async def test_an_edit_before_the_trash_is_only_the_trash(box: Harness, page: Json) -> None:
    await box.write(page["id"], A={"number": 1})
    await box.ok("PATCH", f"/v1/pages/{page['id']}", {"in_trash": True})
    assert [event["type"] for event in await box.deliver()] == ["page.deleted"]


async def test_a_schema_change_is_told_with_names_and_actions(box: Harness, source: str) -> None:
    before = (await box.ok("GET", f"/v1/data_sources/{source}"))["properties"]
    after = await box.schema(source, {"New": {"url": {}}, "A": {"name": "Z"}, "B": None})
    (event,) = await box.deliver()
    assert (event["type"], event["entity"]) == ("data_source.schema_updated", {"id": source, "type": "data_source"})
    told = {item["id"]: (item["name"], item["action"]) for item in event["data"]["updated_properties"]}
    assert told == {
        after["New"]["id"]: ("New", "created"),
        before["A"]["id"]: ("Z", "updated"),
        before["B"]["id"]: ("B", "deleted"),
    }


async def test_an_option_made_by_a_value_is_a_schema_change_too(box: Harness, page: Json) -> None:
    await box.write(page["id"], S={"select": {"name": "New"}})
    assert {event["type"] for event in await box.deliver()} == {"page.properties_updated", "data_source.schema_updated"}


async def test_a_refused_request_tells_nothing(box: Harness, page: Json) -> None:
    await box.refused("PATCH", f"/v1/pages/{page['id']}", {"properties": {"A": {"number": 1}, "X": {"number": 1}}})
    assert await box.deliver() == []


async def test_a_refused_delivery_is_repeated_with_the_same_id_until_it_is_taken(box: Harness, page: Json) -> None:
    box.receiver.statuses = [500, 0, 302]
    await box.write(page["id"], A={"number": 1})
    await box.deliver()
    await box.deliver(seconds=16)
    await box.deliver(seconds=64)
    await box.deliver(seconds=256)
    events = box.receiver.events[1:]
    assert [event["attempt_number"] for event in events] == [1, 2, 3, 4]
    assert len({event["id"] for event in events}) == 1
    assert await box.deliver(days=2) == []
    shown = (await box.http.get("/sandbox/webhooks")).json()["deliveries"][0]
    assert (shown["status"], [a.get("status") for a in shown["attempts"]]) == ("delivered", [500, None, 302, 200])
    assert "ReadTimeout" in shown["attempts"][1]["error"]


async def test_there_are_8_attempts_further_and_further_apart_and_the_last_is_a_day_later(
    box: Harness, page: Json
) -> None:
    box.receiver.statuses = [503] * 20
    await box.write(page["id"], A={"number": 1})
    box.clock.advance(seconds=1)
    moments = []
    while (moment := box.sandbox.outbox.next_at()) is not None:
        box.clock.now = max(moment, box.clock.now)
        moments.append(box.clock.now)
        assert await box.sandbox.deliver_due(box.clock.now) == 1
    assert len(moments) == MAX_ATTEMPTS
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert all(later >= 2 * earlier for earlier, later in pairwise(gaps))
    assert abs(moments[-1] - moments[0] - timedelta(days=1)) < timedelta(hours=1)
    assert (await box.http.get("/sandbox/webhooks")).json()["deliveries"][0]["status"] == "failed"


async def test_what_is_in_flight_is_not_sent_twice(box: Harness, page: Json) -> None:
    await box.write(page["id"], A={"number": 1})
    now = box.clock.advance(seconds=1)
    outbox = box.sandbox.outbox
    assert len(outbox.due(now)) == 1
    assert outbox.due(now) == []


async def test_nothing_is_told_when_nobody_listens(box: Harness) -> None:
    source = await box.board(PROPERTIES)
    await box.page(source)
    await box.listen()
    assert await box.deliver() == []


async def test_switching_webhooks_off_drops_what_was_under_way(box: Harness, source: str) -> None:
    await box.page(source)
    off = (await box.http.post("/sandbox/webhook", json={"url": None})).json()
    assert off == {"url": None, "secret": None, "subscription_id": None}
    assert await box.deliver() == []
    await box.listen()
    assert await box.deliver() == []


async def test_a_secret_given_at_the_start_replaces_the_one_of_a_known_webhook(
    make: MakeHarness, tmp_path: Path
) -> None:
    box = make(state_dir=tmp_path, webhook_url="http://door/webhook")
    made = box.sandbox.outbox.subscription
    await box.close()
    again = make(state_dir=tmp_path, webhook_secret="secret_new")
    kept = again.sandbox.outbox.subscription
    assert made["secret"].startswith("secret_")
    assert kept == {**made, "secret": "secret_new"}


async def test_another_url_is_another_subscription_and_another_secret_is_not(box: Harness) -> None:
    first = await box.listen()
    assert (await box.listen(secret="secret_y"))["subscription_id"] == first["subscription_id"]
    assert (await box.listen(url="http://other/"))["subscription_id"] != first["subscription_id"]


@pytest.mark.parametrize("body", [{}, {"url": "door"}, {"url": 1}, {"url": "http://x", "secret": ""}, []])
async def test_a_webhook_that_cannot_be_is_refused(box: Harness, body: Any) -> None:
    assert (await box.http.post("/sandbox/webhook", json=body)).status_code == 400


async def test_a_web_page_of_another_site_cannot_move_the_webhook(box: Harness) -> None:
    plain = await box.http.post("/sandbox/webhook", content=b'{"url":null}', headers={"Content-Type": "text/plain"})
    assert plain.status_code == 415


async def test_the_handshake_carries_the_token_that_signs_it(box: Harness) -> None:
    assert (await box.http.post("/sandbox/webhook/handshake", json={})).status_code == 400
    await box.listen(secret="secret_handshake")
    answer = (await box.http.post("/sandbox/webhook/handshake", json={})).json()
    assert answer == {"status": 200, "error": None}
    (request,) = box.receiver.requests
    assert request.content == b'{"verification_token":"secret_handshake"}'
    assert request.headers["x-notion-signature"] == sign("secret_handshake", request.content)


async def test_events_survive_a_restart_gathered_or_failed(make: MakeHarness, tmp_path: Path) -> None:
    box = make(state_dir=tmp_path)
    source = await box.board(PROPERTIES)
    await box.listen()
    box.receiver.statuses = [500]
    failed = await box.page(source)
    (first,) = await box.deliver()
    gathered = await box.page(source)
    await box.close()
    again = make(state_dir=tmp_path)
    events = await again.deliver(seconds=16)
    assert {event["entity"]["id"]: event["attempt_number"] for event in events} == {failed["id"]: 2, gathered["id"]: 1}
    assert first["id"] in {event["id"] for event in events}


async def test_only_the_last_finished_deliveries_are_remembered(make: MakeHarness) -> None:
    box = make(log_limit=3)
    source = await box.board(PROPERTIES)
    await box.listen()
    for _ in range(5):
        await box.page(source)
    await box.deliver()
    assert len((await box.http.get("/sandbox/webhooks")).json()["deliveries"]) == 3
    assert len(list(box.sandbox.storage.all("delivery"))) == 3


async def test_the_pump_delivers_over_real_http_by_itself(serving: Serving, clock: HandClock) -> None:
    arrived: asyncio.Queue[tuple[bytes, str]] = asyncio.Queue()

    async def take(request: Request) -> Any:
        await arrived.put((await request.body(), request.headers["x-notion-signature"]))
        return Response(status_code=200)

    app = create_app(Config(aggregation_seconds=0), clock=clock)
    sandbox = app.state.sandbox
    async with serving(Starlette(routes=[Route("/hook", take, methods=["POST"])])) as door, serving(app) as url:
        async with AsyncClient(
            auth=sandbox.token("Sandbox editor"), base_url=url, notion_version="2026-03-11", retry=False
        ) as client:
            answer = await client.client.post(f"{url}/sandbox/webhook", json={"url": f"{door}/hook"})
            database = await client.databases.create(parent={"page_id": sandbox.root_page_id})
            source = database["data_sources"][0]["id"]
            page = await client.pages.create(parent={"data_source_id": source}, properties={})
        body, signature = await asyncio.wait_for(arrived.get(), 10)
    event = json.loads(body)
    assert (event["type"], event["entity"]["id"]) == ("page.created", page["id"])
    assert event["authors"][0]["type"] == "person"
    assert signature == sign(answer.json()["secret"], body)
    assert datetime.fromisoformat(event["timestamp"])
