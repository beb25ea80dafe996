"""Delivery: no receiver holds up or ends a run, and an undelivered message is repeated."""

from __future__ import annotations

import asyncio
import logging

import pytest
from kit.alerts import Gate, Receiver, passes, push, watch_of
from kit.stage import Stage

from flows.runs.context import recorded
from models.errors import BoardError, NotionAuthError
from models.tables.incidents import open_incidents
from tasks import alert_receivers
from tasks.alerts import Level, deliver_alerts, resolve_alert, send_alert

OPENED = "[CRITICAL] Showrunner: The token is wrong"
OVER = "[OVER] Showrunner: The token is wrong"


async def opens(stage: Stage, incident: str = "notion_auth") -> bool:
    return await send_alert(stage.ctx, Level.CRITICAL, incident, "The token is wrong", {})


async def test_a_receiver_that_is_down_costs_no_run_anything_and_is_told_when_it_is_back(
    stage: Stage, receiver: Receiver
) -> None:
    page = await stage.add_valid(status="Queued")
    await push(stage)
    receiver.close()
    assert await opens(stage, "unheard")
    await stage.moves(page, "Processing")
    await push(stage)
    assert (await stage.shows(page))["Status"] == "Processing"
    await passes(stage, 600)
    receiver.open()
    await passes(stage, 900)
    assert receiver.titles == [OPENED]


async def test_tries_come_less_and_less_often_and_never_end(
    stage: Stage, receiver: Receiver
) -> None:
    receiver.mood = "refuses"
    await opens(stage)
    asked = []
    for _ in range(5):
        await passes(stage, 3600)
        asked.append(receiver.asked)
    tries = [after - before for before, after in zip([0, *asked], asked, strict=False)]
    assert tries[0] > tries[1] == tries[4] == 4


async def test_a_receiver_that_hangs_is_left_after_a_while(
    stage: Stage, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_receivers, "DELIVERY_SECONDS", 0.2)
    receiver.mood = "hangs"
    await opens(stage)
    await asyncio.wait_for(deliver_alerts(stage.ctx), 3)
    await asyncio.wait_for(deliver_alerts(stage.ctx), 0.1)  # not due again yet
    receiver.mood = "takes"
    stage.clock.pass_(60)
    monkeypatch.undo()
    await deliver_alerts(stage.ctx)
    assert receiver.titles[-1] == OPENED


async def test_one_receiver_that_takes_it_is_enough_and_hears_it_once(
    stage: Stage, receiver: Receiver
) -> None:
    broken = Receiver(mood="refuses")
    broken.open()
    urls = (broken.url, "nonsense://x", receiver.url)
    stage.ctx.settings = stage.ctx.settings.model_copy(update={"alert_urls": urls})
    await opens(stage)
    await passes(stage, 300)
    broken.close()
    assert receiver.titles[0] == OPENED
    assert receiver.titles.count(OPENED) == 1


async def test_what_was_over_before_anybody_could_be_told_is_told_as_over(
    stage: Stage, receiver: Receiver
) -> None:
    receiver.mood = "refuses"
    await opens(stage)
    await deliver_alerts(stage.ctx)
    assert await resolve_alert(stage.ctx, "notion_auth")
    receiver.mood = "takes"
    stage.clock.pass_(60)
    await deliver_alerts(stage.ctx)
    (message,) = receiver.messages
    assert message["title"] == OVER
    assert "You were not told when it began" in message["message"]


async def test_what_begins_again_before_its_end_was_told_never_ended_for_who_was_told(
    stage: Stage, receiver: Receiver
) -> None:
    await opens(stage)
    await deliver_alerts(stage.ctx)
    await resolve_alert(stage.ctx, "notion_auth")
    assert await opens(stage), "the log said that it was over"
    await deliver_alerts(stage.ctx)
    assert receiver.titles == [OPENED]
    await resolve_alert(stage.ctx, "notion_auth")
    await deliver_alerts(stage.ctx)
    await opens(stage)
    await deliver_alerts(stage.ctx)
    assert receiver.titles == [OPENED, OVER, OPENED]


async def test_processes_that_deliver_at_the_same_moment_tell_it_once(
    stage: Stage, receiver: Receiver
) -> None:
    for number in range(5):
        await opens(stage, f"incident_{number}")
    await asyncio.gather(*(watch_of(stage).check() for _ in range(4)), deliver_alerts(stage.ctx))
    await deliver_alerts(stage.ctx)
    assert receiver.titles == [OPENED] * 5


async def test_an_incident_during_a_database_outage_is_told_once_and_ends_like_any_other(
    stage: Stage, receiver: Receiver, gate: Gate
) -> None:
    await push(stage)
    with gate.shut():
        for _ in range(3):
            with pytest.raises(NotionAuthError, match="The token is wrong"):
                async with recorded("push", stage.ctx):
                    raise NotionAuthError("The token is wrong")
            stage.clock.pass_(60)
        assert receiver.titles == [OPENED]
    assert not await opens(stage)
    async with stage.sessions() as session:
        assert [incident.name for incident in await open_incidents(session)] == ["notion_auth"]
    await push(stage)
    assert receiver.titles == [OPENED, OVER]


async def test_an_incident_that_began_and_ended_during_an_outage_is_told_as_both(
    stage: Stage, receiver: Receiver, gate: Gate
) -> None:
    with gate.shut():
        assert await opens(stage)
        assert not await opens(stage)
        await deliver_alerts(stage.ctx)
        assert await resolve_alert(stage.ctx, "notion_auth")
        assert not await resolve_alert(stage.ctx, "notion_auth")
    await deliver_alerts(stage.ctx)
    await deliver_alerts(stage.ctx)
    assert receiver.titles == [OPENED, OVER]


async def test_the_end_of_a_run_tells_even_when_the_run_failed(
    stage: Stage, receiver: Receiver
) -> None:
    with pytest.raises(BoardError):
        async with recorded("push", stage.ctx):
            raise BoardError("Topic is gone.")
    assert receiver.titles == ["[CRITICAL] Showrunner: Topic is gone."]


async def test_an_address_that_apprise_cannot_read_stands_in_no_log(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    stage.ctx.settings = stage.ctx.settings.model_copy(
        update={"alert_urls": ("slack://bad/hunter2", "no://hunter2")}
    )
    assert await opens(stage)
    handler = logging.StreamHandler()
    logging.getLogger().addHandler(handler)
    try:
        await deliver_alerts(stage.ctx)
    finally:
        logging.getLogger().removeHandler(handler)
    assert "hunter2" not in capfd.readouterr().err
