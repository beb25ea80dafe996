"""Each kind of incident, from its cause to one message at its begin and one at its end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from kit.alerts import Receiver, ingest, push, watch_of
from kit.stage import BOT_TOKEN, CHANNEL, Stage

from models.tables.incidents import open_incidents
from models.tables.sync_state import CONFIRMED, remember
from models.tables.webhook_events import ATTEMPTS_MAX
from tasks.failed_cards import FAILING

SECRETS = (BOT_TOKEN, "Giant squid", "Architeuthis", CHANNEL)
"""A token and a card's texts."""


def no_secret_in(receiver: Receiver) -> bool:
    return receiver.texts != "" and not any(secret in receiver.texts for secret in SECRETS)


async def test_a_revoked_token_is_one_message_however_many_runs_fail_and_one_when_it_works(
    stage: Stage, receiver: Receiver
) -> None:
    page = await stage.add_valid(status="Queued")
    await push(stage)
    stage.sandbox.faults.add(status=401)
    await stage.webhook(page)
    for _ in range(3):
        await push(stage)
        await ingest(stage)
        stage.clock.pass_(60)
    stage.sandbox.faults.clear()
    await push(stage)
    await push(stage)
    began, over = receiver.messages
    assert began["title"].startswith("[CRITICAL] Showrunner: ")
    assert "is NOTION_API_TOKEN right?" in began["title"]
    assert began["type"] == "failure"
    for line in (
        "What it means: The token",
        "What to do: In Notion",
        "Since: 2026-11-23 10:0",
        "correlation id: ",
    ):
        assert line in began["message"]
    assert over["title"] == began["title"].replace("[CRITICAL]", "[OVER]")
    assert over["type"] == "success"
    assert "From 2026-11-23 10:00:3" in over["message"]
    assert no_secret_in(receiver)


async def test_a_safety_stop_says_how_to_go_on(stage: Stage, receiver: Receiver) -> None:
    pages = [await stage.add_valid(status="Processing") for n in range(21)]
    await push(stage)
    stage.clock.pass_(3600)
    for page in pages:
        await stage.edit(page, status="Draft")
    for _ in range(3):
        stage.clock.pass_(60)
        await push(stage)
    (message,) = receiver.messages
    assert message["title"].startswith("[ERROR] Showrunner: Moves would be reverted on 21 cards")
    assert "`showrunner push --confirm`" in message["message"]
    assert "`showrunner import --take-board`" in message["message"]
    async with stage.sessions.begin() as session:
        await remember(session, CONFIRMED, moment=stage.clock())
    for _ in range(2):
        stage.clock.pass_(60)
        await push(stage)
    assert receiver.titles[1].startswith("[OVER]")
    assert no_secret_in(receiver)


async def fail_to_write(stage: Stage, page: str) -> None:
    stage.sandbox.faults.add(status=400, times=None, path=f"/v1/pages/{page}", method="PATCH")
    await stage.moves(page, "Processing")
    for _ in range(FAILING + 2):
        await push(stage)
        stage.clock.pass_(3600)


async def test_a_card_that_cannot_be_written_is_told_once_and_is_over_when_it_is_written(
    stage: Stage, receiver: Receiver
) -> None:
    page = await stage.add_valid(status="Queued")
    await push(stage)
    await fail_to_write(stage, page)
    (message,) = receiver.messages
    assert message["title"] == "[ERROR] Showrunner: A card cannot be written to the board"
    assert message["type"] == "warning"
    assert f"page: {page}" in message["message"]
    stage.sandbox.faults.clear()
    stage.clock.pass_(3600)
    await push(stage)
    assert receiver.titles[1:] == ["[OVER] Showrunner: A card cannot be written to the board"]
    assert no_secret_in(receiver)


async def test_a_failing_card_is_over_when_it_is_trashed_or_shows_what_it_should(
    stage: Stage, receiver: Receiver
) -> None:
    trashed, agreed = await stage.add_valid(status="Queued"), await stage.add_valid(status="Queued")
    await push(stage)
    for page in (trashed, agreed):
        await fail_to_write(stage, page)
    watch = watch_of(stage)
    await watch.check()
    assert len(receiver.messages) == 2
    stage.sandbox.faults.clear()
    await stage.trash(trashed)
    await stage.webhook(trashed, "page.deleted")
    await stage.moves(agreed, "Queued")  # what the board shows anyhow
    await ingest(stage)
    await watch.check()
    assert receiver.titles[2:] == [
        "[OVER] Showrunner: 2 times: A card cannot be written to the board"
    ]


async def test_a_dead_event_is_told_and_is_over_when_it_was_processed(
    stage: Stage, receiver: Receiver
) -> None:
    page = await stage.add_valid()
    await push(stage)
    stage.sandbox.faults.add(status=500, times=None, path=f"/v1/pages/{page}")
    await stage.webhook(page)
    for _ in range(ATTEMPTS_MAX + 1):
        await ingest(stage)
        stage.clock.pass_(timedelta(hours=12).total_seconds())
    (message,) = receiver.messages
    assert message["title"] == "[ERROR] Showrunner: A webhook event could not be processed"
    (event,) = await stage.events()
    assert f"event id: {event.event_id}" in message["message"]
    stage.sandbox.faults.clear()
    await stage.sql("UPDATE webhook_events SET dead_at = NULL, attempts = 0")
    watch = watch_of(stage)
    await watch.check()
    assert len(receiver.messages) == 1, "due again is not over"
    await ingest(stage)
    await watch.check()
    assert receiver.titles[1:] == ["[OVER] Showrunner: A webhook event could not be processed"]
    assert no_secret_in(receiver)


async def test_what_dies_together_is_one_message_and_still_an_incident_each(
    stage: Stage, receiver: Receiver
) -> None:
    pages = [await stage.add_valid() for _ in range(3)]
    await push(stage)
    stage.sandbox.faults.add(status=404, times=None, method="POST", skip=10_000)
    for page in pages:
        stage.sandbox.faults.add(status=400, times=None, path=f"/v1/pages/{page}")
        await stage.webhook(page)
    for _ in range(ATTEMPTS_MAX + 1):
        await ingest(stage)
        stage.clock.pass_(timedelta(hours=12).total_seconds())
    (message,) = receiver.messages
    assert message["title"] == "[ERROR] Showrunner: 3 times: A webhook event could not be processed"
    assert all(event.event_id in message["message"] for event in await stage.events())
    async with stage.sessions() as session:
        assert len(await open_incidents(session, "dead_event:")) == 3


async def test_a_dead_lot_is_one_message_and_one_line(
    stage: Stage, receiver: Receiver, lines: list[Any]
) -> None:
    page = await stage.add_valid()
    await push(stage)
    stage.sandbox.faults.add(status=400, times=None, path=f"/v1/pages/{page}")
    for _ in range(250):
        await stage.webhook(page)
    await stage.sql("UPDATE webhook_events SET attempts = :tried", tried=ATTEMPTS_MAX - 1)
    await ingest(stage)
    assert receiver.titles == [
        "[ERROR] Showrunner: 250 times: A webhook event could not be processed"
    ]
    assert [line["count"] for line in lines if line["event"] == "alert"] == [250]
