"""The shared rate limit: slots are fair, and no span sees more requests than the rate allows."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from kit.rows import NOW
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.postgres.engine import Sessions
from models.tables.rate_limit import NOTION, Rate, RateLimit, hold, reserve, take

SLACK = 60.0
"""Seconds that may pass between a statement's reading of the clock and the moment held against it
here."""
SLOW = Rate(requests=3, seconds=3000.0)


async def taken(sessions: Sessions, rate: Rate = SLOW, *, background: bool = False) -> float:
    async with sessions.begin() as session:
        return await take(session, rate, background=background)


async def reserved(
    sessions: Sessions, times: int, rate: Rate, name: str = NOTION
) -> list[tuple[float, float]]:
    """Reserved moments, each with the seconds to wait that were told, all by PostgreSQL's clock."""
    got = []
    for _ in range(times):
        async with sessions.begin() as session:
            wait = await reserve(session, rate, name)
            query = text(
                "SELECT extract(epoch FROM next_slot_at) - :interval FROM rate_limit WHERE name = "
                ":name"
            )
            slot = (
                await session.execute(query, {"interval": rate.interval, "name": name})
            ).scalar_one()
            got.append((float(slot), wait))
    return got


async def went(sessions: Sessions, *seconds_ago: float) -> None:
    """As if the last requests had gone so long ago, oldest first."""
    ago = ", ".join(f"clock_timestamp() - interval '{seconds} seconds'" for seconds in seconds_ago)
    async with sessions.begin() as session:
        await _free_since_2001(session)
        await session.execute(text(f"UPDATE rate_limit SET sent_at = ARRAY[{ago}]"))


async def _free_since_2001(session: AsyncSession) -> None:
    await session.merge(RateLimit(name=NOTION, next_slot_at=NOW.replace(year=2001)))
    await session.flush()


async def test_turns_are_spaced_evenly_over_any_number_of_connections(sessions: Sessions) -> None:
    batches = await asyncio.gather(*(reserved(sessions, 8, SLOW) for _ in range(5)))
    slots = sorted(slot for batch in batches for slot, _ in batch)
    assert [after - before for before, after in pairwise(slots)] == pytest.approx(
        [1000.0] * 39, abs=1e-3
    )
    for batch in batches:
        assert batch == sorted(batch), "a caller's later request got an earlier turn"
    waits = sorted(wait for batch in batches for _, wait in batch)
    assert waits[0] == pytest.approx(0.0, abs=SLACK)
    assert waits[-1] > 38 * 1000.0


async def test_a_turn_that_nobody_has_is_given_at_once(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await _free_since_2001(session)
        assert await reserve(session, SLOW) == pytest.approx(0.0, abs=SLACK)
        assert await reserve(session, SLOW) == pytest.approx(1000.0, abs=SLACK)


async def test_budgets_do_not_share_their_turns(sessions: Sessions) -> None:
    assert [wait for _, wait in await reserved(sessions, 1, SLOW, "one")] == pytest.approx(
        [0], abs=SLACK
    )
    assert [wait for _, wait in await reserved(sessions, 1, SLOW, "other")] == pytest.approx(
        [0], abs=SLACK
    )


async def test_no_span_sees_more_requests_than_the_rate_over_any_number_of_connections(
    sessions: Sessions,
) -> None:
    await went(sessions, 9000)
    waits = sorted(await asyncio.gather(*(taken(sessions) for _ in range(8))))
    assert waits[:3] == [0.0, 0.0, 0.0]
    assert waits[3:] == pytest.approx([3000.0] * 5, abs=SLACK)


async def test_who_went_late_for_its_turn_makes_the_one_after_the_next_two_wait(
    sessions: Sessions,
) -> None:
    await went(sessions, 2400, 2000, 1000)
    assert await taken(sessions) == pytest.approx(600, abs=SLACK)
    await went(sessions, 3001, 2000, 1000)
    assert await taken(sessions) == 0.0
    assert await taken(sessions) == pytest.approx(1000, abs=SLACK)


async def test_a_lower_rate_counts_what_went_under_a_higher_one(sessions: Sessions) -> None:
    await went(sessions, 2900, 2800, 2700, 2600, 2500)
    assert await taken(sessions) == pytest.approx(300, abs=SLACK)
    assert await taken(sessions, Rate(requests=10, seconds=3000.0)) == 0.0


async def test_background_takes_only_what_nobody_has_reserved(sessions: Sessions) -> None:
    await reserved(sessions, 2, SLOW)
    assert await taken(sessions, background=True) == pytest.approx(2000, abs=SLACK)
    assert await taken(sessions) == 0.0


async def test_background_that_is_alone_goes_at_once_and_then_evenly(sessions: Sessions) -> None:
    assert await taken(sessions, background=True) == 0.0
    assert await taken(sessions, background=True) == pytest.approx(1000, abs=SLACK)


@pytest.mark.parametrize(("late", "wait"), [(400, 600), (999, 1), (5000, 0)])
async def test_background_that_woke_late_keeps_its_rhythm_and_saves_up_no_turns(
    sessions: Sessions, late: int, wait: int
) -> None:
    await went(sessions, 9000)
    async with sessions.begin() as session:
        moment = f"clock_timestamp() - make_interval(secs => {late})"
        await session.execute(text(f"UPDATE rate_limit SET next_slot_at = {moment}"))
    assert await taken(sessions, background=True) == 0.0
    assert await taken(sessions, background=True) == pytest.approx(wait, abs=SLACK)


@pytest.mark.parametrize("used", [True, False])
async def test_when_notion_says_wait_everybody_waits_even_with_a_turn(
    sessions: Sessions, *, used: bool
) -> None:
    async with sessions.begin() as session:
        if used:
            await reserve(session, Rate(requests=1, seconds=1.0))
        await hold(session, 1000.0)
    (slot,) = await reserved(sessions, 1, SLOW)
    assert slot[1] == pytest.approx(1000.0, abs=SLACK)
    assert await taken(sessions) == pytest.approx(1000.0, abs=SLACK)


async def test_a_shorter_wait_never_shortens_a_longer_one(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await hold(session, 1000.0)
        await hold(session, 1.0)
        waited: Any = await reserve(session, SLOW)
    assert waited == pytest.approx(1000.0, abs=SLACK)
    assert await taken(sessions) == pytest.approx(1000.0, abs=SLACK)


async def test_what_went_before_a_hold_still_counts_after_it(sessions: Sessions) -> None:
    await went(sessions, 30, 20, 10)
    async with sessions.begin() as session:
        await hold(session, 0.0)
    assert await taken(sessions) == pytest.approx(2970, abs=SLACK)


@pytest.mark.parametrize(
    ("per_second", "requests", "seconds"),
    [(3, 3, 1.0), (10, 10, 1.0), (2.5, 2, 0.8), (1, 1, 1.0), (0.25, 1, 4.0)],
)
def test_a_rate_is_the_whole_requests_of_a_second_or_the_seconds_of_one(
    per_second: float, requests: int, seconds: float
) -> None:
    assert Rate.of(per_second) == Rate(requests=requests, seconds=pytest.approx(seconds))
    assert Rate.of(per_second, 0.01).interval == pytest.approx(1.01 / per_second)
