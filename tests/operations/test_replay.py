"""Dead events: alerted, listed, replayed, and resolved once they were processed."""

from __future__ import annotations

import pytest
from kit.stage import Stage

from models.errors import NotionAuthError
from models.tables import webhook_event_queries as inbox_queries
from models.tables.incidents import Incident, open_incidents
from models.tables.webhook_events import ATTEMPTS_MAX, WebhookEvent

LONG = 60 * 60 * 10.0
"""Seconds after which every event that failed is due again."""


async def dies(stage: Stage) -> None:
    """Ingest until the only event has used up its attempts."""
    for _ in range(ATTEMPTS_MAX):
        await stage.ingest()
        stage.clock.pass_(LONG)


async def replayed(stage: Stage, rows: list[int] | None = None) -> list[int]:
    async with stage.sessions.begin() as session:
        return await inbox_queries.replay(session, rows, now=stage.clock())


async def listed_dead(stage: Stage) -> list[WebhookEvent]:
    async with stage.sessions() as session:
        return await inbox_queries.newest(session, dead=True, limit=10)


async def due_alerts(stage: Stage) -> list[Incident]:
    async with stage.sessions() as session:
        return await open_incidents(session, "dead_event:")


@pytest.fixture
async def unreadable(stage: Stage) -> str:
    """A card that Notion answers badly to, and an event about it."""
    page = await stage.add_valid()
    await stage.cycle()
    stage.sandbox.faults.add(status=500, times=None, path=f"/v1/pages/{page}")
    await stage.webhook(page)
    return page


async def test_a_dead_event_is_alerted_listed_replayed_processed_and_resolved(
    stage: Stage, unreadable: str
) -> None:
    await dies(stage)
    (event,) = await listed_dead(stage)
    assert (event.page_id, event.attempts) == (unreadable, ATTEMPTS_MAX)
    assert [incident.name for incident in await due_alerts(stage)] == [
        f"dead_event:{event.event_id}"
    ]
    stage.sandbox.faults.clear()
    assert await replayed(stage) == [event.row]
    assert len(await due_alerts(stage)) == 1
    await stage.ingest()
    assert await due_alerts(stage) == []
    (event,) = await stage.events()
    assert (event.processed, event.outcome, event.attempts, event.error) == (
        True,
        "looked_at",
        1,
        None,
    )


async def test_an_event_that_dies_again_after_a_replay_is_alerted_again(
    stage: Stage, unreadable: str
) -> None:
    await dies(stage)
    (first,) = await due_alerts(stage)
    await replayed(stage)
    await dies(stage)
    (second,) = await due_alerts(stage)
    assert second.name == first.name
    assert second.since > first.since
    assert [event.page_id for event in await listed_dead(stage)] == [unreadable]


async def test_a_replayed_event_that_failed_once_more_is_not_over_yet(
    stage: Stage, unreadable: str
) -> None:
    await dies(stage)
    await replayed(stage)
    await stage.ingest()
    (event,) = await stage.events()
    assert (event.page_id, event.attempts, event.dead_at) == (unreadable, 1, None)
    assert len(await due_alerts(stage)) == 1


async def test_a_dead_event_is_alerted_although_a_later_batch_stops_the_run(
    stage: Stage, unreadable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await stage.add_valid()
    for _ in range(ATTEMPTS_MAX - 1):
        await stage.ingest()
        stage.clock.pass_(LONG)
    monkeypatch.setattr("tasks.sync.ingest.BATCH", 1)
    stage.sandbox.faults.add(status=401, times=None, path=f"/v1/pages/{other}")
    await stage.webhook(other)
    with pytest.raises(NotionAuthError):
        await stage.ingest()
    assert [event.page_id for event in await listed_dead(stage)] == [unreadable]
    assert len(await due_alerts(stage)) == 1


async def test_replaying_a_processed_event_reads_its_card_again(stage: Stage) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    await stage.webhook(page)
    await stage.ingest()
    await stage.edit(page, status="Queued")
    (event,) = await stage.events()
    assert await replayed(stage, [event.row]) == [event.row]
    assert (await stage.ingest()).taken == 1
    assert (await stage.events())[0].processed
