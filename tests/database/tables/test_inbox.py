"""The inbox: no event is processed twice, by two workers at once, never, or for ever."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from kit.rows import MINUTE, NOW, SECOND
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.postgres.engine import Sessions
from models.tables.webhook_event_queries import dead_since, waiting
from models.tables.webhook_events import (
    ATTEMPTS_MAX,
    LEASE,
    Delivery,
    WebhookEvent,
    claim,
    finish,
    postpone,
    put,
    release,
)


async def arrive(sessions: Sessions, *event_ids: str, at: datetime = NOW) -> list[bool]:
    async with sessions() as session, session.begin():
        return [
            await put(
                session,
                Delivery(
                    event_id=id_,
                    event_type="page.created",
                    page_id="page-1",
                    payload={"id": id_, "text": "ä"},
                ),
                now=at,
                correlation_id=f"c-{id_}",
            )
            for id_ in event_ids
        ]


async def claimed(sessions: Sessions, at: datetime = NOW, limit: int = 10) -> list[WebhookEvent]:
    async with sessions() as session, session.begin():
        return await claim(session, now=at, limit=limit)


async def event(session: AsyncSession, event_id: str) -> WebhookEvent:
    query = select(WebhookEvent).where(col(WebhookEvent.event_id) == event_id)
    return (await session.scalars(query, execution_options={"populate_existing": True})).one()


def names(events: list[WebhookEvent]) -> list[str]:
    return [event.event_id for event in events]


def ids(events: list[WebhookEvent]) -> list[int]:
    return [event.id for event in events if event.id is not None]


async def test_a_delivery_is_stored_once_however_often_it_comes(sessions: Sessions) -> None:
    assert await arrive(sessions, "a", "b", "a") == [True, True, False]
    assert await arrive(sessions, "a", at=NOW + MINUTE) == [False]
    async with sessions() as session:
        stored = await event(session, "a")
        assert await waiting(session) == 2
    assert (stored.received_at, stored.payload, stored.correlation_id) == (
        NOW,
        {"id": "a", "text": "ä"},
        "c-a",
    )
    assert (stored.processed, stored.attempts, stored.next_attempt_at) == (False, 0, NOW)


async def test_events_are_claimed_oldest_first_and_at_most_as_many_as_asked_for(
    sessions: Sessions,
) -> None:
    await arrive(sessions, "late", at=NOW + SECOND)
    await arrive(sessions, "first", "second")
    assert names(await claimed(sessions, NOW + SECOND, limit=2)) == ["first", "second"]
    assert names(await claimed(sessions, NOW + SECOND, limit=2)) == ["late"]


async def test_an_event_is_not_due_before_its_time(sessions: Sessions) -> None:
    await arrive(sessions, "a", at=NOW)
    assert await claimed(sessions, NOW - SECOND) == []
    assert names(await claimed(sessions, NOW)) == ["a"]


async def test_a_claimed_event_is_given_to_nobody_else_until_its_lease_runs_out(
    sessions: Sessions,
) -> None:
    await arrive(sessions, "a")
    assert names(await claimed(sessions)) == ["a"]
    assert await claimed(sessions, NOW + LEASE) == []
    (again,) = await claimed(sessions, NOW + LEASE + SECOND)
    assert (again.event_id, again.attempts) == ("a", 2)


async def test_two_callers_at_once_claim_different_events_without_waiting(
    sessions: Sessions,
) -> None:
    await arrive(sessions, "a", "b")
    async with sessions() as one, sessions() as other:
        first = await claim(one, now=NOW, limit=1)
        second = await claim(other, now=NOW, limit=5)
        assert (names(first), names(second)) == (["a"], ["b"])
        await other.commit()
        await one.rollback()
    assert names(await claimed(sessions)) == ["a"]


async def test_a_finished_event_is_done_for_good(sessions: Sessions) -> None:
    await arrive(sessions, "a")
    events = await claimed(sessions)
    async with sessions() as session, session.begin():
        await finish(session, ids(events), now=NOW + SECOND, outcome="taken")
    assert await claimed(sessions, NOW + 2 * LEASE) == []
    assert await arrive(sessions, "a") == [False]
    async with sessions() as session:
        done = await event(session, "a")
        assert await waiting(session) == 0
    assert (done.processed, done.processed_at, done.outcome) == (True, NOW + SECOND, "taken")
    assert (done.claimed_until, done.error) == (None, None)


async def test_an_event_that_keeps_failing_waits_three_times_longer_each_time_and_dies_after_8(
    sessions: Sessions,
) -> None:
    await arrive(sessions, "a")
    at, waits = NOW, []
    for attempt in range(1, ATTEMPTS_MAX + 1):
        (taken,) = await claimed(sessions, at)
        assert taken.attempts == attempt
        async with sessions() as session, session.begin():
            await postpone(session, ids([taken]), now=at, error="x" * 3000)
            stored = await event(session, "a")
            dead = await dead_since(session, NOW)
        assert dead == (["a"] if attempt == ATTEMPTS_MAX else [])
        waits.append((stored.next_attempt_at - at).total_seconds())
        assert await claimed(sessions, stored.next_attempt_at - SECOND) == []
        at = stored.next_attempt_at
    assert waits[:7] == [15, 45, 135, 405, 1215, 3645, 10935]
    assert sum(waits[:7]) / 3600 == pytest.approx(4.55, abs=0.01)
    assert stored.dead_at is not None
    assert stored.error == "x" * 2000
    assert await claimed(sessions, at + timedelta(days=9)) == []
    async with sessions() as session:
        assert await waiting(session) == 0


async def test_an_event_that_ends_every_worker_dies_too(sessions: Sessions) -> None:
    await arrive(sessions, "a")
    at = NOW
    for _ in range(ATTEMPTS_MAX):
        assert names(await claimed(sessions, at)) == ["a"]
        at += LEASE + SECOND
    assert await claimed(sessions, at) == []
    async with sessions() as session:
        dead = await event(session, "a")
        assert await waiting(session) == 0
    assert (dead.dead_at, dead.attempts) == (at, ATTEMPTS_MAX)
    assert dead.error == "every worker that took it ended before it could say why"


async def test_a_released_event_counts_no_attempt_and_is_due_after_the_wait(
    sessions: Sessions,
) -> None:
    await arrive(sessions, "a")
    at = NOW
    for _ in range(2 * ATTEMPTS_MAX):
        events = await claimed(sessions, at)
        assert names(events) == ["a"]
        async with sessions() as session, session.begin():
            await release(session, ids(events), now=at, wait=MINUTE)
        assert await claimed(sessions, at + MINUTE - SECOND) == []
        at += MINUTE
    (last,) = await claimed(sessions, at)
    assert (last.attempts, last.dead_at) == (1, None)


async def test_finishing_nothing_is_nothing(sessions: Sessions) -> None:
    await arrive(sessions, "a")
    async with sessions() as session, session.begin():
        await finish(session, [], now=NOW, outcome="taken")
        await release(session, [], now=NOW, wait=MINUTE)
        await postpone(session, [], now=NOW, error="x")
        assert await waiting(session) == 1
