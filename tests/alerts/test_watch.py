"""The watchdog alerts a stalled sync and a lost database once, however many watchdogs run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from kit.alerts import Gate, Receiver, push, watch_of, watched
from kit.clock import NOW
from kit.stage import Stage

from models.operations.health.rules import GOOD_WITHIN
from models.tables.sync_state import FAILED_CYCLE, IMPORT, LAST_GOOD_CYCLE, get_moment, remember
from tasks.operations.watchdog import (
    Watchdog,
    WatchdogFacts,
    run_watchdog,
    stalled_since,
)
from tasks.runtime.locks import Lock, one_at_a_time
from tasks.sync import cycle as cycles

MINUTE = timedelta(minutes=1)


def facts(**seen: object) -> WatchdogFacts:
    nothing = {
        "last_good_cycle": None,
        "watched_since": NOW,
        "imported": None,
        "incidents": (),
        "failed": None,
    }
    return WatchdogFacts(**{**nothing, "running": False, **seen})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "progressed", "late"),
    [
        pytest.param(facts(), None, True, id="never-good"),
        pytest.param(facts(last_good_cycle=NOW + MINUTE), None, False, id="good-four-minutes-ago"),
        pytest.param(
            facts(last_good_cycle=NOW - 60 * MINUTE), None, True, id="good-before-the-watch-began"
        ),
        pytest.param(
            facts(watched_since=NOW + MINUTE), None, False, id="watched-for-four-minutes-only"
        ),
        pytest.param(facts(), NOW + MINUTE, False, id="an-import-goes-on"),
        pytest.param(facts(), NOW, True, id="an-import-stands-still"),
    ],
)
def test_five_minutes_are_counted_from_the_last_thing_that_went_well(
    seen: WatchdogFacts,
    progressed: object,
    late: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    since = stalled_since(seen, progressed, NOW + GOOD_WITHIN)  # type: ignore[arg-type]
    assert since == (NOW if late else None)


async def test_cycles_that_fail_for_five_minutes_are_one_message_and_a_good_one_is_its_end(
    stage: Stage, receiver: Receiver
) -> None:
    await push(stage)
    watch = watch_of(stage)
    await watch.check()
    stage.sandbox.faults.add(status=502, times=None)
    for _ in range(4):
        await push(stage)
        await watched(stage, watch, seconds=60)
    assert receiver.messages == []
    for _ in range(5):
        await push(stage)
        await watched(stage, watch, seconds=60)
    (message,) = receiver.messages
    assert message["title"].startswith(
        "[CRITICAL] Showrunner: No cycle was good since 2026-11-23 10:00:30 UTC"
    )
    assert "last failure: 2026-11-23 10:0" in message["message"]
    assert "502" in message["message"]
    stage.sandbox.faults.clear()
    await push(stage)
    await watched(stage, watch, seconds=120)
    assert receiver.titles[1:] == [message["title"].replace("[CRITICAL]", "[OVER]")]


async def test_a_message_names_the_other_incidents_and_what_is_under_way(
    stage: Stage, receiver: Receiver
) -> None:
    watch = watch_of(stage)
    await watch.check()
    stage.sandbox.faults.add(status=401)
    await push(stage)
    async with one_at_a_time(stage.ctx, Lock.PUSH):
        await watched(stage, watch, seconds=330)
    message = receiver.messages[-1]["message"]
    assert "last good cycle: never" in message
    assert "under way: a cycle is\n" in message
    assert "other incidents: notion_auth since 2026-11-23 10:00:30 UTC: " in message
    assert "prefect server: not known here" in message


async def test_a_failure_from_before_the_last_good_cycle_is_not_the_reason(
    stage: Stage, receiver: Receiver
) -> None:
    stage.sandbox.faults.add(status=502, times=None)
    await push(stage)
    stage.sandbox.faults.clear()
    await push(stage)
    watch = watch_of(stage)
    await watch.check()
    await watched(stage, watch, seconds=330)
    assert "last failure: none since then\n" in receiver.texts


async def test_a_prefect_server_that_is_away_is_named(stage: Stage, receiver: Receiver) -> None:
    closed = Receiver()
    closed.open()
    closed.close()
    api = f"http://127.0.0.1:{closed.port}/api"
    stage.ctx.settings = stage.ctx.settings.model_copy(update={"prefect_api_url": api})
    watch = watch_of(stage)
    await watch.check()
    await watched(stage, watch, seconds=330)
    assert "prefect server: does not answer (ConnectError): nothing starts cycles" in receiver.texts
    assert "under way: no cycle is\n" in receiver.texts


async def test_two_watches_are_one_message(stage: Stage, receiver: Receiver) -> None:
    watches = [
        watch_of(stage),
        watch_of(stage, of_database=False),
        watch_of(stage, of_database=False),
    ]
    for _ in range(13):
        stage.clock.pass_(30)
        await asyncio.gather(*(watch.check() for watch in watches))
    assert len(receiver.messages) == 1
    await push(stage)
    await asyncio.gather(*(watch.check() for watch in watches))
    assert len(receiver.messages) == 2


async def test_a_stop_overnight_is_no_incident_and_restarts_every_minute_hide_none(
    stage: Stage, receiver: Receiver
) -> None:
    await push(stage)
    await watch_of(stage).check()
    stage.clock.pass_(12 * 3600)
    await watched(stage, watch_of(stage), seconds=240)
    assert receiver.messages == []
    for _ in range(3):
        await watched(stage, watch_of(stage), seconds=60)
    assert len(receiver.messages) == 1


async def test_a_first_import_that_goes_on_is_no_incident_and_one_that_stands_still_is(
    stage: Stage, receiver: Receiver
) -> None:
    watch = watch_of(stage)
    await watch.check()
    for cards in range(100, 2000, 100):
        async with stage.sessions.begin() as session:
            await remember(session, IMPORT, value={"cards": cards})
        await watched(stage, watch, seconds=60)
    assert receiver.messages == []
    await watched(stage, watch, seconds=360)
    assert len(receiver.messages) == 1


async def test_a_cycle_that_works_through_a_backlog_is_good_each_time_it_looks_up(
    stage: Stage, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.sync.push.all_cards.at_once", lambda _per_second: 1)
    pages = [await stage.add_valid(status="Queued") for _ in range(8)]
    await push(stage)
    for page in pages:
        await stage.moves(page, "Processing")
    watch = watch_of(stage)
    goods = []
    write = stage.ctx.notion.update_page

    async def slowly(page_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        await watched(stage, watch, seconds=90)
        async with stage.sessions() as session:
            goods.append(await get_moment(session, LAST_GOOD_CYCLE))
        return await write(page_id, properties)

    monkeypatch.setattr(stage.ctx.notion, "update_page", slowly)
    await push(stage)
    assert len(set(goods)) == len(pages) == 8
    assert stage.clock() - NOW > 2 * GOOD_WITHIN
    assert receiver.messages == []
    assert cycles.INTERVAL < GOOD_WITHIN


async def test_a_database_that_is_away_for_a_minute_is_told_once_and_when_it_is_back(
    stage: Stage, receiver: Receiver, gate: Gate
) -> None:
    await push(stage)
    worker, webhook_receiver = watch_of(stage), watch_of(stage, of_database=False)
    await watched(stage, worker, webhook_receiver, seconds=30)
    with gate.shut():
        await watched(stage, worker, webhook_receiver, seconds=60)
        assert receiver.messages == []
        await watched(stage, worker, webhook_receiver, seconds=240)
        (message,) = receiver.messages
        assert message["title"] == "[CRITICAL] Showrunner: PostgreSQL does not answer."
        assert "last answer before: 2026-11-23 10:01:30 UTC" in message["message"]
        assert "DATABASE_URL right?" in message["message"]
    await watched(stage, webhook_receiver, worker, webhook_receiver, seconds=60)
    assert receiver.titles[1:] == ["[OVER] Showrunner: PostgreSQL does not answer."]
    assert worker.unstored == {}


async def test_a_restart_of_the_database_is_no_incident(
    stage: Stage, receiver: Receiver, gate: Gate
) -> None:
    watch = watch_of(stage)
    for _ in range(4):
        with gate.shut():
            await watched(stage, watch, seconds=30)
        await watched(stage, watch, seconds=30)
        await push(stage)
    assert receiver.messages == []


async def test_a_watch_goes_on_after_whatever_happens_to_it(
    stage: Stage, receiver: Receiver
) -> None:
    looked = asyncio.Event()
    sleeps = 0

    async def sleep(seconds: float) -> None:
        nonlocal sleeps
        sleeps += 1
        stage.clock.pass_(seconds)
        if sleeps == 1:
            await stage.sql("DELETE FROM sync_state WHERE key = 'last_failed_cycle'")
        if receiver.messages:
            looked.set()
            await asyncio.Event().wait()

    async with stage.sessions.begin() as session:
        await remember(session, FAILED_CYCLE, value={"wrong": "shape"}, moment=NOW)
    watch = Watchdog(
        stage.ctx.settings, stage.sessions, of_database=True, clock=stage.clock, sleep=sleep
    )
    async with run_watchdog(watch):
        await asyncio.wait_for(looked.wait(), 20)
    assert len(receiver.messages) == 1
