"""A repaired board: the next cycle goes on, with or without a webhook."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from kit.stage import Stage

from models.errors import BoardError
from models.rules.new_board import board_schema
from models.settings import Settings
from tasks.board.followed import bot_id
from tasks.board.repair import repair
from tasks.board.snapshot import BoardAccess, take_snapshot
from webhook.app import create_app
from webhook.signature import sign

CHANNELS = ("deep_sea_stories", "history_in_ten")
TOPIC = {"Topic": board_schema(CHANNELS)["Topic"]}
SECRET = "secret_of_the_subscription"


async def change(stage: Stage, properties: dict[str, Any]) -> None:
    """A person changes the board's schema."""
    await stage.ask("PATCH", f"/v1/data_sources/{stage.data_source_id}", {"properties": properties})


async def board_repair(stage: Stage) -> None:
    """`showrunner board repair`, in a process of its own."""
    access = BoardAccess(notion=stage.ctx.notion, channels=CHANNELS, sessions=stage.sessions)
    done = await repair(access, await take_snapshot(access, stage.database_id))
    assert "needed-property-missing" in [one.slug for one in done.mended]


def receiver(stage: Stage, kicks: list[str]) -> FastAPI:
    settings = Settings(_env_file=None, notion_webhook_secret=SECRET)
    return create_app(
        settings, stage.sessions, clock=stage.clock, trigger=lambda: kicks.append("kick")
    )


async def schema_event(stage: Stage, author: str) -> int:
    """Deliver Notion's event of a schema change; how many ingest runs that requested."""
    event = {
        "id": f"event-{stage.clock().isoformat()}",
        "type": "data_source.schema_updated",
        "authors": [{"id": author, "type": "bot"}],
        "entity": {"id": stage.data_source_id, "type": "data_source"},
        "data": {"parent": {"id": stage.database_id, "type": "database"}},
    }
    body = json.dumps(event).encode()
    headers = {"Content-Type": "application/json", "X-Notion-Signature": sign(body, SECRET)}
    kicks: list[str] = []
    app = receiver(stage, kicks)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver") as http,
    ):
        answer = await http.post("/webhook/notion", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return len(kicks)


async def without_topic(stage: Stage) -> None:
    """A board with a card, whose property Topic is deleted; the cycle stops."""
    await stage.add_valid(status="Queued")
    await stage.cycle()
    await change(stage, {"Topic": None})
    await schema_event(stage, "person-1")
    with pytest.raises(BoardError, match="no property “Topic”"):
        await stage.ingest()
    stage.clock.pass_(60)
    with pytest.raises(BoardError, match="no property “Topic”"):
        await stage.cycle()


async def test_after_board_repair_the_next_cycle_goes_on_without_a_webhook(stage: Stage) -> None:
    await without_topic(stage)
    await board_repair(stage)
    stage.clock.pass_(60)
    await stage.cycle()
    page = await stage.add_valid(title="Later", topic="Whale", status="Queued")
    stage.clock.pass_(60)
    await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert task.topic == "Whale"


async def test_a_person_who_mends_the_board_is_enough_too(stage: Stage) -> None:
    await without_topic(stage)
    await change(stage, TOPIC)
    stage.clock.pass_(60)
    await stage.cycle()


async def test_a_board_that_stays_broken_costs_each_cycle_one_request(stage: Stage) -> None:
    await without_topic(stage)
    for _ in range(3):
        stage.clock.pass_(60)
        async with stage.requests() as made:
            with pytest.raises(BoardError, match="no property “Topic”"):
                await stage.cycle()
        assert made() == [f"GET /v1/data_sources/{stage.data_source_id}"]


async def test_a_property_deleted_and_restored_between_two_cycles_stops_none_without_a_webhook(
    stage: Stage,
) -> None:
    await stage.add_valid(status="Queued")
    await stage.cycle()
    await change(stage, {"Topic": None})
    await board_repair(stage)
    page = await stage.add_valid(title="Later", topic="Whale", status="Queued")
    stage.clock.pass_(60)
    await stage.cycle()
    assert await stage.task(page) is not None


async def test_schema_changes_of_our_own_bot_are_read(stage: Stage) -> None:
    await stage.add_valid(status="Queued")
    await stage.cycle()
    await change(stage, {"Topic": None})
    await board_repair(stage)
    assert await schema_event(stage, await bot_id(stage.ctx)) == 1
    async with stage.requests() as made:
        await stage.ingest()
    assert made() == [f"GET /v1/data_sources/{stage.data_source_id}"]
