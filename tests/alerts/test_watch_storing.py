"""A database that refuses writes (read-only, disk full) is alerted once, and its end too."""

from __future__ import annotations

from contextlib import suppress

import httpx
import pytest
from kit.alerts import Gate, Receiver, push, watch_of, watched
from kit.stage import Stage
from sqlalchemy.exc import DBAPIError

from models.settings import Settings
from webhook.app import create_app

READ_ONLY = "PostgreSQL stores nothing: it is read-only"


async def run(stage: Stage) -> None:
    """A push run, whatever becomes of it."""
    with suppress(DBAPIError):
        await push(stage)


async def test_a_read_only_database_is_told_within_a_minute_and_when_it_is_over(
    stage: Stage, receiver: Receiver, gate: Gate
) -> None:
    await push(stage)
    worker, webhook_receiver = watch_of(stage), watch_of(stage, of_database=False)
    await watched(stage, worker, webhook_receiver, seconds=30)
    with gate.read_only():
        await watched(stage, worker, webhook_receiver, seconds=60)
        (message,) = receiver.messages
        assert message["title"].startswith(f"[CRITICAL] Showrunner: {READ_ONLY}")
        assert "SQLSTATE: 25006" in message["message"]
        for _ in range(10):
            await run(stage)
            await watched(stage, worker, webhook_receiver, seconds=60)
        assert len(receiver.messages) == 1
    await watched(stage, webhook_receiver, worker, webhook_receiver, seconds=60)
    assert receiver.titles[1:] == [message["title"].replace("[CRITICAL]", "[OVER]")]
    assert (worker.unstored, webhook_receiver.unstored) == ({}, {})


async def test_a_receiver_without_a_worker_tells_it_too(
    stage: Stage, receiver: Receiver, gate: Gate
) -> None:
    webhook_receiver = watch_of(stage, of_database=False)
    with gate.read_only():
        await watched(stage, webhook_receiver, seconds=60)
        assert len(receiver.messages) == 1
    await watched(stage, webhook_receiver, seconds=30)
    assert [title.split()[0] for title in receiver.titles] == ["[CRITICAL]", "[OVER]"]


@pytest.mark.parametrize(
    ("sqlstate", "why"),
    [
        ("53100", "its disk is full"),
        ("42501", "our user may not write to it"),
        ("58030", "disk or system fails (58030)"),
    ],
)
async def test_the_alert_says_why_nothing_is_stored(
    stage: Stage, receiver: Receiver, gate: Gate, sqlstate: str, why: str
) -> None:
    watch = watch_of(stage)
    with gate.failing(sqlstate):
        await watched(stage, watch, seconds=60)
        (message,) = receiver.messages
        assert why in message["title"]
        assert "nothing is lost" in message["message"].lower()
    await watched(stage, watch, seconds=30)
    assert len(receiver.messages) == 2


async def test_a_moment_of_it_while_servers_change_places_is_no_incident(
    stage: Stage, receiver: Receiver, gate: Gate
) -> None:
    watch = watch_of(stage)
    with gate.read_only():
        await watched(stage, watch, seconds=30)
    await watched(stage, watch, seconds=60)
    assert receiver.messages == []


async def test_a_lost_database_that_comes_back_read_only_is_two_incidents(
    stage: Stage, receiver: Receiver, gate: Gate
) -> None:
    watch = watch_of(stage)
    with gate.shut():
        await watched(stage, watch, seconds=120)
    with gate.read_only():
        await watched(stage, watch, seconds=90)
    await watched(stage, watch, seconds=60)
    assert [title.split(":")[0] for title in receiver.titles] == [
        *(
            "[CRITICAL] Showrunner",
            "[OVER] Showrunner",
            "[CRITICAL] Showrunner",
            "[OVER] Showrunner",
        )
    ]
    assert "does not answer" in receiver.titles[1]
    assert READ_ONLY in receiver.titles[3]


async def test_the_receiver_of_a_read_only_database_asks_notion_to_come_again(
    stage: Stage, gate: Gate
) -> None:
    settings = Settings(_env_file=None, automation_webhook_secret="s")
    app = create_app(settings, stage.sessions, clock=stage.clock, trigger=lambda: None)
    event = {"id": "flat-1", "type": "page.updated", "object": {"id": "p", "properties": {}}}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://receiver"
    ) as http:
        with gate.read_only():
            answer = await http.post(
                "/webhook/notion", json=event, headers={"X-Showrunner-Secret": "s"}
            )
        assert answer.status_code == 503
        answer = await http.post(
            "/webhook/notion", json=event, headers={"X-Showrunner-Secret": "s"}
        )
        assert answer.status_code == 200
    assert [event.event_id for event in await stage.events()] == ["flat-1"]
