"""Many events at once: waited out, claimed together, read by few queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from kit.stage import Stage

from tasks.board.followed import bot_id
from tasks.runtime.debounce import LONGEST, MANY, QUIET_SECONDS
from tasks.runtime.locks import Lock, one_at_a_time
from tasks.sync import ingest


async def board_of(stage: Stage, count: int) -> list[str]:
    """A followed board, an hour old."""
    pages = [await stage.add_valid(title=f"Card {number}") for number in range(count)]
    stage.clock.pass_(3600)
    await stage.cycle()
    stage.clock.pass_(120)
    return pages


async def edited(stage: Stage, pages: list[str]) -> None:
    for page in pages:
        await stage.edit(page, topic="Edited")
        await stage.webhook(page)


async def topics(stage: Stage, pages: list[str]) -> set[str]:
    return {task.topic for page in pages if (task := await stage.task(page)) is not None}


class Waits:
    """Waits in which more events come."""

    def __init__(self, stage: Stage, *more: list[str]) -> None:
        self.stage, self.more, self.seconds = stage, list(more), list[float]()

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.stage.clock.pass_(seconds)
        if self.more:
            await edited(self.stage, self.more.pop(0))


async def test_a_burst_is_waited_out_and_read_by_as_few_queries_as_it_has_hundreds(
    stage: Stage,
) -> None:
    pages = await board_of(stage, 190)
    stage.ctx.sleep = waits = Waits(stage, pages[MANY:120], pages[120:])
    await edited(stage, pages[:MANY])
    async with stage.requests() as made:
        report = await stage.ingest()
    assert waits.seconds == [QUIET_SECONDS] * 3
    assert [request.split("/")[-1] for request in made()] == ["query", "query"]
    assert report.taken == 190
    assert await topics(stage, pages) == {"Edited"}


async def test_a_burst_that_does_not_end_is_stored_all_the_same(stage: Stage) -> None:
    pages = await board_of(stage, MANY + 12)
    stage.ctx.sleep = waits = Waits(stage, *([page] for page in pages[MANY:]))
    await edited(stage, pages[:MANY])
    await stage.ingest()
    assert waits.seconds == [QUIET_SECONDS] * LONGEST
    assert await topics(stage, pages[: MANY + LONGEST]) == {"Edited"}


async def test_what_a_few_people_do_is_not_waited_for(stage: Stage) -> None:
    pages = await board_of(stage, MANY - 1)
    stage.ctx.sleep = waits = Waits(stage)
    await edited(stage, pages)
    await stage.ingest()
    assert not waits.seconds
    assert await topics(stage, pages) == {"Edited"}


async def test_a_run_that_finds_somebody_gathering_leaves_the_burst_to_them(stage: Stage) -> None:
    pages = await board_of(stage, MANY)
    stage.ctx.sleep = waits = Waits(stage)
    await edited(stage, pages)
    async with one_at_a_time(stage.ctx, Lock.GATHERING) as mine, stage.requests() as made:
        assert mine
        assert not await stage.ingest()
    assert (made(), waits.seconds) == ([], [])
    assert {event.attempts for event in await stage.events()} == {0}
    await stage.ingest()
    assert await topics(stage, pages) == {"Edited"}


async def test_our_own_writes_that_come_back_make_no_burst_that_a_person_waits_for(
    stage: Stage,
) -> None:
    pages = await board_of(stage, 2)
    stage.ctx.sleep = waits = Waits(stage)
    for _ in range(MANY + 10):
        await stage.webhook(pages[0], authors=[{"id": await bot_id(stage.ctx), "type": "bot"}])
    await edited(stage, pages[1:])
    await stage.ingest()
    assert not waits.seconds
    assert await topics(stage, pages[1:]) == {"Edited"}


async def test_a_cycle_waits_for_no_burst(stage: Stage) -> None:
    pages = await board_of(stage, MANY)
    stage.ctx.sleep = waits = Waits(stage)
    await edited(stage, pages)
    async with one_at_a_time(stage.ctx, Lock.GATHERING):
        await stage.cycle()
    assert not waits.seconds
    assert all(event.processed for event in await stage.events())


async def test_pages_that_one_claim_has_no_time_for_are_released_and_come_next(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "PORTION", 2)
    monkeypatch.setattr(ingest, "CLAIM_FOR", timedelta(0))
    pages = await board_of(stage, 6)
    for page in pages:
        await stage.trash(page)
        await stage.webhook(page, "page.deleted")
    report = await stage.ingest()
    assert report.trashed == 6
    assert {(event.attempts, event.outcome) for event in await stage.events()} == {(1, "looked_at")}
