"""Small facts by key, and the one row that paces every process."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from database_rows import NOW
from sqlalchemy import text

from models.database import Sessions
from models.sync_state import forget, get_moment, get_value, hold_slots, next_slot, remember, remember_once

SLACK = 60.0
"""Seconds that may pass between a reservation's reading of the clock and the moment held against it here."""


async def test_a_fact_is_known_until_it_is_forgotten(sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        assert (await get_value(session, "board"), await get_moment(session, "board")) == (None, None)
        await remember(session, "board", value={"a": [1, None]}, moment=NOW)
        assert (await get_value(session, "board"), await get_moment(session, "board")) == ({"a": [1, None]}, NOW)
        assert await forget(session, "board") is True
        assert await forget(session, "board") is False
        assert await get_value(session, "board") is None


async def test_a_fact_remembered_anew_replaces_the_whole_old_one(sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        await remember(session, "k", value={"a": 1}, moment=NOW)
        assert await get_value(session, "k") == {"a": 1}
        await remember(session, "k", value={"b": 2})
        assert (await get_value(session, "k"), await get_moment(session, "k")) == ({"b": 2}, None)


async def test_a_session_sees_what_another_remembered_meanwhile(sessions: Sessions) -> None:
    async with sessions() as one, sessions() as other:
        await remember(one, "k", value={"a": 1})
        await one.commit()
        assert await get_value(one, "k") == {"a": 1}
        await remember(other, "k", value={"a": 2})
        await other.commit()
        assert await get_value(one, "k") == {"a": 2}


async def test_no_value_is_null_for_plain_sql_too(sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        await remember(session, "k", moment=NOW)
        query = text("SELECT value IS NULL FROM sync_state WHERE key = 'k'")
        assert (await session.execute(query)).scalar_one() is True


async def test_what_is_remembered_once_is_never_replaced(sessions: Sessions) -> None:
    async def enrol(token: str) -> bool:
        async with sessions() as session, session.begin():
            return await remember_once(session, "token", value={"token": token})

    assert sorted(await asyncio.gather(*(enrol(f"t{n}") for n in range(5)))) == [False] * 4 + [True]
    async with sessions() as session:
        kept = await get_value(session, "token")
    assert await enrol("late") is False
    async with sessions() as session:
        assert await get_value(session, "token") == kept


async def reserve(sessions: Sessions, times: int, interval: float, budget: str = "notion") -> list[tuple[float, float]]:
    """Reserved moments, each with the moment before it was asked for, all by PostgreSQL's clock."""
    got = []
    for _ in range(times):
        async with sessions() as session, session.begin():
            wait = await next_slot(session, budget, interval)
            query = text("SELECT extract(epoch FROM moment) - :interval FROM sync_state WHERE key = :key")
            slot = (await session.execute(query, {"interval": interval, "key": budget})).scalar_one()
            got.append((float(slot), wait))
    return got


async def test_slots_are_spaced_exactly_over_any_number_of_connections(sessions: Sessions) -> None:
    interval = 1000.0
    batches = await asyncio.gather(*(reserve(sessions, 8, interval) for _ in range(5)))
    slots = sorted(slot for batch in batches for slot, _ in batch)
    assert [after - before for before, after in pairwise(slots)] == pytest.approx([interval] * 39, abs=1e-3)
    for batch in batches:
        assert batch == sorted(batch), "a caller's later request got an earlier slot"
    waits = sorted(wait for batch in batches for _, wait in batch)
    assert waits[0] == pytest.approx(0.0, abs=SLACK)
    assert all(0 <= wait <= 39 * interval for wait in waits)
    assert waits[-1] > 38 * interval


async def test_a_free_slot_is_given_at_once(sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        await remember(session, "notion", moment=NOW.replace(year=2001))
        assert await next_slot(session, "notion", 1000.0) == pytest.approx(0.0, abs=SLACK)
        assert await next_slot(session, "notion", 1000.0) == pytest.approx(1000.0, abs=SLACK)


async def test_budgets_do_not_share_their_slots(sessions: Sessions) -> None:
    assert [wait for _, wait in await reserve(sessions, 1, 1000.0, "one")] == pytest.approx([0], abs=SLACK)
    assert [wait for _, wait in await reserve(sessions, 1, 1000.0, "other")] == pytest.approx([0], abs=SLACK)


@pytest.mark.parametrize("used", [True, False])
async def test_when_notion_says_wait_everybody_waits(sessions: Sessions, *, used: bool) -> None:
    async with sessions() as session, session.begin():
        if used:
            await next_slot(session, "notion", 1.0)
        await hold_slots(session, "notion", 1000.0)
    (slot,) = await reserve(sessions, 1, 1.0)
    assert slot[1] == pytest.approx(1000.0, abs=SLACK)


async def test_a_shorter_wait_never_shortens_a_longer_one(sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        await hold_slots(session, "notion", 1000.0)
        await hold_slots(session, "notion", 1.0)
        waited: Any = await next_slot(session, "notion", 1.0)
    assert waited == pytest.approx(1000.0, abs=SLACK)
