"""Late runs of the push schedule: one a minute does the work, however late all of them start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from kit.stage import Stage

from flows import push as flow
from models.tables.sync_state import LAST_GOOD_CYCLE, get_moment
from tasks.sync.cycle import INTERVAL

LateRun = Callable[[], Awaitable[None]]


@pytest.fixture
def late_run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> LateRun:
    """A scheduled run that starts two intervals late."""
    for module in ("flows.push", "flows.runs.context"):
        monkeypatch.setattr(f"{module}.connections", lambda: stage.ctx)
    monkeypatch.setattr("flows.push.is_superseded", lambda _interval: True)

    async def run() -> None:
        await flow.push.fn()

    return run


async def last_good(stage: Stage) -> Any:
    async with stage.sessions() as session:
        return await get_moment(session, LAST_GOOD_CYCLE)


async def test_a_late_run_works_when_no_other_has_for_an_interval(
    stage: Stage, late_run: LateRun
) -> None:
    page = await stage.add_valid(status="Queued")
    await late_run()
    assert await stage.task(page) is not None
    for _ in range(3):
        stage.clock.pass_((INTERVAL + timedelta(seconds=1)).total_seconds())
        await late_run()
        assert stage.clock() - await last_good(stage) < INTERVAL


async def test_a_late_run_does_nothing_when_another_one_just_ended(
    stage: Stage, late_run: LateRun
) -> None:
    await stage.cycle()
    before = await last_good(stage)
    stage.clock.pass_(30)
    async with stage.requests() as made:
        await late_run()
        assert made() == []
    assert await last_good(stage) == before
