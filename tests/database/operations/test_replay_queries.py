"""What an operator asks of the inbox: its events, their states, and the replay of dead ones."""

from __future__ import annotations

import pytest
from kit.rows import MINUTE, NOW, SECOND
from sqlmodel import select

from models.errors import GiveUp
from models.operations.lookup import find_event
from models.postgres.engine import Sessions
from models.tables.webhook_event_queries import (
    Counts,
    counts,
    newest,
    replay,
    unfinished_of,
)
from models.tables.webhook_events import (
    ATTEMPTS_MAX,
    LEASE,
    Delivery,
    EventState,
    WebhookEvent,
    claim,
    finish,
    postpone,
    put,
)


async def arrive(sessions: Sessions, *event_ids: str, page_id: str = "page-1") -> None:
    async with sessions.begin() as session:
        for id_ in event_ids:
            delivery = Delivery(
                event_id=id_, event_type="page.created", page_id=page_id, payload={}
            )
            await put(session, delivery, now=NOW, correlation_id="c")


async def one_of_each(sessions: Sessions) -> dict[str, WebhookEvent]:
    """An event in each state at NOW, by its state."""
    await arrive(sessions, "processed", "dead", "later", "claimed")
    async with sessions.begin() as session:
        rows = {event.event_id: event for event in await claim(session, now=NOW, limit=4)}
        await finish(session, [rows["processed"].row], now=NOW, outcome="looked_at")
        rows["dead"].attempts = ATTEMPTS_MAX
        await session.flush()
        await postpone(session, [rows["dead"].row], now=NOW, error="no")
        await postpone(session, [rows["later"].row], now=NOW, error="not yet")
    await arrive(sessions, "waiting")
    async with sessions() as session:
        return {event.event_id: event for event in await session.scalars(select(WebhookEvent))}


async def replayed(sessions: Sessions, *rows: int) -> list[int]:
    async with sessions.begin() as session:
        return await replay(session, rows or None, now=NOW)


async def test_an_event_is_in_the_state_that_a_claim_would_find_it_in(sessions: Sessions) -> None:
    events = await one_of_each(sessions)
    assert {name: event.state(NOW).value for name, event in events.items()} == {
        name: name for name in EventState
    }
    assert events["claimed"].state(NOW + LEASE) == EventState.CLAIMED
    assert events["claimed"].state(NOW + LEASE + SECOND) == EventState.WAITING
    assert events["later"].state(events["later"].next_attempt_at - SECOND) == EventState.LATER
    assert events["later"].state(events["later"].next_attempt_at) == EventState.WAITING
    async with sessions.begin() as session:
        found = await claim(session, now=NOW + LEASE + MINUTE, limit=9)
    assert {event.event_id for event in found} == {"waiting", "claimed", "later"}


async def test_events_are_listed_newest_first_and_counted_whole(sessions: Sessions) -> None:
    await one_of_each(sessions)
    async with sessions() as session:
        assert [e.event_id for e in await newest(session, dead=False, limit=2)] == [
            "waiting",
            "claimed",
        ]
        assert [e.event_id for e in await newest(session, dead=True, limit=9)] == ["dead"]
        assert await counts(session) == Counts(waiting=3, processed=1, dead=1)


async def test_an_empty_inbox_counts_nothing(sessions: Sessions) -> None:
    async with sessions() as session:
        assert await counts(session) == Counts(waiting=0, processed=0, dead=0)
        assert await newest(session, dead=False, limit=9) == []


async def test_what_is_left_to_do_for_a_page_is_all_its_events_that_are_not_processed(
    sessions: Sessions,
) -> None:
    await one_of_each(sessions)
    await arrive(sessions, "elsewhere", page_id="page-2")
    async with sessions() as session:
        left = await unfinished_of(session, "page-1")
        assert [event.event_id for event in left] == ["dead", "later", "claimed", "waiting"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("1", "5f0c-a"),
        (" 2 ", "5f0c-ab"),
        ("5f0c-a", "5f0c-a"),
        ("5f0c-ab", "5f0c-ab"),
        ("77", "77b%"),
        ("77b%", "77b%"),
    ],
)
async def test_an_event_is_found_by_its_row_its_id_or_its_beginning(
    sessions: Sessions, wanted: str, found: str
) -> None:
    await arrive(sessions, "5f0c-a", "5f0c-ab", "77b%")
    async with sessions() as session:
        assert (await find_event(session, wanted)).event_id == found


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("5f", "More than one event id begins with 5f"),
        ("%", "There is no event %"),
        ("", "There is no event"),
        ("9" * 40, "There is no event 999"),
        ("4", "There is no event 4"),
    ],
)
async def test_an_event_that_is_not_the_only_one_meant_is_none(
    sessions: Sessions, wanted: str, sentence: str
) -> None:
    await arrive(sessions, "5f0c-a", "5f0c-ab", "77b")
    async with sessions() as session:
        with pytest.raises(GiveUp, match=sentence):
            await find_event(session, wanted)


async def test_a_replayed_event_is_due_with_all_its_attempts_before_it(sessions: Sessions) -> None:
    events = await one_of_each(sessions)
    wanted = [events[name].row for name in ("dead", "processed", "later")]
    assert await replayed(sessions, *wanted) == sorted(wanted)
    async with sessions.begin() as session:
        again = {event.event_id: event for event in await claim(session, now=NOW, limit=9)}
    assert again.keys() == {"dead", "processed", "later", "waiting"}
    assert {event.attempts for event in again.values()} == {1}
    assert (again["processed"].processed_at, again["processed"].outcome, again["dead"].dead_at) == (
        None,
        None,
        None,
    )
    assert again["dead"].error == "no"


async def test_replaying_the_dead_leaves_everybody_else_alone(sessions: Sessions) -> None:
    events = await one_of_each(sessions)
    assert await replayed(sessions) == [events["dead"].row]
    assert await replayed(sessions) == []
    async with sessions() as session:
        assert await counts(session) == Counts(waiting=4, processed=1, dead=0)


async def test_an_event_that_somebody_works_on_is_left_to_them(sessions: Sessions) -> None:
    events = await one_of_each(sessions)
    assert await replayed(sessions, events["claimed"].row) == []
    async with sessions() as session:
        assert (await find_event(session, "claimed")).claimed_until == NOW + LEASE
