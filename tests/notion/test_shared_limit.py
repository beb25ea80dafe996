"""The rate limit of one process, and the one that processes share through PostgreSQL."""

from __future__ import annotations

import asyncio

import pytest
from scripted_notion import Connect, Script
from sqlalchemy import text
from starlette.responses import JSONResponse

from models.postgres.engine import Sessions
from models.tables.rate_limit import hold
from tasks.notion.client import NotionClient
from tasks.notion.priority import RequestPriority, with_priority
from tasks.notion.shared_rate_limit import LEEWAY, SharedBudget

OK = JSONResponse({"object": "page", "id": "p"})


class Budget:
    """A budget that writes down when it was asked, on the loop's clock."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    async def acquire(self, *, background: bool = False) -> None:  # noqa: ARG002
        self.moments.append(asyncio.get_running_loop().time())

    async def hold(self, seconds: float) -> None:
        raise AssertionError(seconds)


async def test_one_process_alone_keeps_to_three_a_second(script: Script, connect: Connect) -> None:
    budget = Budget()
    client: NotionClient = connect(per_second=3)
    client._transport._budget = budget
    await asyncio.gather(*(client.get_page(f"page-{n}") for n in range(6)))
    assert budget.moments[5] - budget.moments[0] >= 0.95
    assert len(script.asked) == 6


EARLIER = """
UPDATE rate_limit SET next_slot_at = next_slot_at - make_interval(secs => :s),
  sent_at = ARRAY(SELECT sent - make_interval(secs => :s) FROM unnest(sent_at) AS sent)
"""
RARELY = 0.001
"""Requests a second, so few that what a test itself takes does not matter."""


async def test_processes_that_share_a_budget_keep_to_it_together(sessions: Sessions) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        """Time passes for PostgreSQL too: what was sent and reserved is longer ago."""
        slept.append(seconds)
        async with sessions.begin() as session:
            await session.execute(text(EARLIER), {"s": seconds})

    budgets = [SharedBudget(sessions, RARELY, sleep) for _ in range(4)]
    for _ in range(5):
        for budget in budgets:
            await budget.acquire()
    assert sum(slept) == pytest.approx(19 * (1 + LEEWAY) / RARELY, abs=60)


async def test_background_work_takes_only_moments_that_nobody_reserved(sessions: Sessions) -> None:
    tries: list[float] = []

    async def sleep(seconds: float) -> None:
        tries.append(seconds)
        if len(tries) == 3:
            async with sessions.begin() as session:
                await session.execute(
                    text("UPDATE rate_limit SET next_slot_at = clock_timestamp() - interval '1 s'")
                )

    budget = SharedBudget(sessions, 3, sleep)
    await budget.acquire()
    async with sessions.begin() as session:
        await session.execute(
            text("UPDATE rate_limit SET next_slot_at = clock_timestamp() + interval '1 h'")
        )
    await budget.acquire(background=True)
    assert len(tries) == 3


async def test_a_hold_is_everybodys_even_with_a_turn_reserved(sessions: Sessions) -> None:
    slept: list[float] = []
    one = SharedBudget(sessions, RARELY)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        async with sessions.begin() as session:
            if len(slept) == 1:
                await hold(session, 5000)
            else:
                await session.execute(
                    text("UPDATE rate_limit SET sent_at = '{}', blocked_until = NULL")
                )

    other = SharedBudget(sessions, RARELY, sleep)
    await one.acquire()
    await other.acquire()
    assert slept == [pytest.approx(1 / RARELY, abs=60), pytest.approx(5000, abs=60)]


async def test_a_persons_edit_is_sent_before_what_a_push_lined_up(
    script: Script, connect: Connect
) -> None:
    client = connect(per_second=3)
    with with_priority(RequestPriority.PUSH):
        pushes = [asyncio.create_task(client.get_page(f"push-{number}")) for number in range(8)]
    for _ in range(5):
        await asyncio.sleep(0)
    await client.get_page("edit")
    paths = [path.rsplit("/", 1)[1] for _, path, _ in script.asked]
    assert paths.index("edit") <= 4, paths
    await asyncio.gather(*pushes)
