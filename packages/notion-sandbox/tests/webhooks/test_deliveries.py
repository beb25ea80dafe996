"""Deliveries of webhooks: schedule, subscriber, retries."""

import asyncio
import json
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from notion_client import AsyncClient
from sandbox_harness import HandClock, Harness, Json, MakeHarness, Serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from webhook_kit import PROPERTIES, delivered_page, subscribed_board

from notion_sandbox import Config, create_app
from notion_sandbox.webhooks.delivery import sign
from notion_sandbox.webhooks.outbox import MAX_ATTEMPTS


@pytest.fixture
async def source(box: Harness) -> Any:
    return await subscribed_board(box)


@pytest.fixture
async def page(box: Harness, source: str) -> Any:
    return await delivered_page(box, source)


async def test_a_refused_delivery_is_repeated_with_the_same_id_until_it_is_taken(
    box: Harness, page: Json
) -> None:
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
    assert (shown["status"], [a.get("status") for a in shown["attempts"]]) == (
        "delivered",
        [500, None, 302, 200],
    )
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


async def test_without_a_subscription_there_are_no_events(box: Harness) -> None:
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
    box = make(state_dir=tmp_path, webhook_url="http://receiver/webhook")
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


async def test_a_new_secret_is_answered_once_and_never_sent_to_another_url(box: Harness) -> None:
    async def subscribe(url: str) -> Any:
        return (await box.http.post("/sandbox/webhook", json={"url": url})).json()["secret"]

    first = await subscribe("http://receiver/")
    assert first.startswith("secret_")
    assert await subscribe("http://receiver/") is None
    second = await subscribe("http://other/")
    assert second.startswith("secret_")
    assert second != first


@pytest.mark.parametrize(
    "body", [{}, {"url": "receiver"}, {"url": 1}, {"url": "http://x", "secret": ""}, []]
)
async def test_a_webhook_that_cannot_be_is_refused(box: Harness, body: Any) -> None:
    assert (await box.http.post("/sandbox/webhook", json=body)).status_code == 400


async def test_a_web_page_of_another_site_cannot_move_the_webhook(box: Harness) -> None:
    plain = await box.http.post(
        "/sandbox/webhook", content=b'{"url":null}', headers={"Content-Type": "text/plain"}
    )
    assert plain.status_code == 415


async def test_the_handshake_carries_the_token_that_signs_it(box: Harness) -> None:
    assert (await box.http.post("/sandbox/webhook/handshake", json={})).status_code == 400
    await box.listen(secret="secret_handshake")
    answer = (await box.http.post("/sandbox/webhook/handshake", json={})).json()
    assert answer == {"status": 200, "error": None}
    (request,) = box.receiver.requests
    assert request.content == b'{"verification_token":"secret_handshake"}'
    assert request.headers["x-notion-signature"] == sign("secret_handshake", request.content)


async def test_events_survive_a_restart_gathered_or_failed(
    make: MakeHarness, tmp_path: Path
) -> None:
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
    assert {event["entity"]["id"]: event["attempt_number"] for event in events} == {
        failed["id"]: 2,
        gathered["id"]: 1,
    }
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


async def test_the_pump_delivers_over_real_http_by_itself(
    serving: Serving, clock: HandClock
) -> None:
    arrived: asyncio.Queue[tuple[bytes, str]] = asyncio.Queue()

    async def take(request: Request) -> Any:
        await arrived.put((await request.body(), request.headers["x-notion-signature"]))
        return Response(status_code=200)

    app = create_app(Config(aggregation_seconds=0), clock=clock)
    sandbox = app.state.sandbox
    async with (
        serving(Starlette(routes=[Route("/hook", take, methods=["POST"])])) as receiver,
        serving(app) as url,
    ):
        async with AsyncClient(
            auth=sandbox.token("Sandbox editor"),
            base_url=url,
            notion_version="2026-03-11",
            retry=False,
        ) as client:
            answer = await client.client.post(
                f"{url}/sandbox/webhook", json={"url": f"{receiver}/hook"}
            )
            database = await client.databases.create(parent={"page_id": sandbox.root_page_id})
            source = database["data_sources"][0]["id"]
            page = await client.pages.create(parent={"data_source_id": source}, properties={})
        body, signature = await asyncio.wait_for(arrived.get(), 10)
    event = json.loads(body)
    assert (event["type"], event["entity"]["id"]) == ("page.created", page["id"])
    assert event["authors"][0]["type"] == "person"
    assert signature == sign(answer.json()["secret"], body)
    assert datetime.fromisoformat(event["timestamp"])
