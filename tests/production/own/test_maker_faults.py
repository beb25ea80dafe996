"""What may go wrong while a step is made."""

from __future__ import annotations

import asyncio
import errno
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from kit.makers import Died, failing
from kit.own_production import OwnProduction

from models.production.leases import LEASE
from models.production.making import Failure, Request
from models.production.steps import Step
from tasks.production.produce import HELD, End


@pytest.mark.parametrize(
    ("failure", "column"),
    [
        (Failure.INVALID_INPUT, "Error: Invalid Input"),
        (Failure.API_FAILURE, "Error: API Failure"),
        (Failure.RETRIABLE, "Error: Retriable"),
        (Failure.MANUAL_REVIEW, "Error: Manual Review"),
    ],
)
async def test_a_makers_error_moves_the_card_and_says_why(
    own: OwnProduction, failure: Failure, column: str
) -> None:
    task = await own.add()
    own.plain.before = failing(failure, "Scene 1 is too wild.")
    (outcome,) = await own.run()
    assert (outcome.end, outcome.reason) == (End.FAILED, "Scene 1 is too wild.")
    assert await own.column(task) == column
    assert (await own.lease(task))["failure"] == "Scene 1 is too wild."


async def test_an_error_that_nobody_foresaw_is_tried_again_later(own: OwnProduction) -> None:
    task = await own.add()

    async def fail(_request: Request) -> None:
        raise ZeroDivisionError

    own.plain.before = fail
    await own.run()
    assert await own.column(task) == "Error: Retriable"
    assert "ZeroDivisionError" in (await own.lease(task))["failure"]
    own.plain.before = None
    own.clock.pass_(61)
    await own.run()
    assert await own.column(task) == "Composites Ready"


async def test_a_run_that_dies_leaves_the_missing_pieces_to_the_next(own: OwnProduction) -> None:
    task = await own.add()
    (work,) = await own.dispatch()

    async def die(request: Request) -> None:
        if request.position == 3:
            raise Died

    own.plain.before = die
    with suppress(Died, BaseExceptionGroup):
        await own.produce(work)
    made = len(await own.pieces(task, Step.ASSETS))
    assert await own.dispatch() == [], "its lease is alive"
    own.plain.before = None
    own.plain.made.clear()
    own.clock.pass_(HELD.total_seconds() + 1)
    await own.run()
    assert await own.column(task) == "Composites Ready"
    assert sum(step is Step.ASSETS for step, _ in own.plain.made) == 3 - made < 3


async def test_a_stop_takes_effect_while_a_piece_is_made(own: OwnProduction) -> None:
    task = await own.add()
    (work,) = await own.dispatch()
    cancelled = []

    async def wait(request: Request) -> None:
        await own.move(task, "Archived")
        own.beat.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(request.position)
            raise

    own.plain.before = wait
    outcome = await own.produce(work)
    assert outcome.end is End.STOPPED
    assert cancelled
    assert await own.column(task) == "Archived"
    assert (await own.lease(task))["worker"] is None
    assert await own.pieces(task, Step.ASSETS) == []


async def test_a_stop_between_pieces_keeps_later_ones_out(own: OwnProduction) -> None:
    task = await own.add()
    (work,) = await own.dispatch()

    async def stop(_request: Request) -> None:
        await own.move(task, "Archived")

    own.plain.before = stop
    outcome = await own.produce(work)
    assert outcome.end is End.STOPPED
    assert await own.pieces(task, Step.ASSETS) == []


async def test_whoever_lost_the_lease_records_nothing(own: OwnProduction) -> None:
    task = await own.add()
    (work,) = await own.dispatch()

    async def lose(_request: Request) -> None:
        await own.sql("UPDATE leases SET worker = 'another'")

    own.plain.before = lose
    outcome = await own.produce(work)
    assert outcome.end is End.LOST
    assert await own.pieces(task, Step.ASSETS) == []
    assert await own.column(task) == "Assets Generating"
    assert (await own.produce(work)).end is End.LOST


async def test_a_full_disk_is_for_a_person(
    own: OwnProduction, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await own.add()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    await own.run()
    assert await own.column(task) == "Error: Manual Review"
    assert "is full. Make room" in (await own.lease(task))["failure"]


async def test_a_maker_that_is_not_installed_any_more_is_for_a_person(own: OwnProduction) -> None:
    await own.channel("other", makers={})
    task = await own.add()
    (work,) = await own.dispatch()
    del own.makers["plain"]
    await own.produce(work)
    assert await own.column(task) == "Error: Manual Review"


async def test_a_block_that_became_wrong_begins_nothing(own: OwnProduction) -> None:
    await own.channel("other", makers={})
    task = await own.add()
    (own.folder / "channels" / "deep_sea.yaml").write_text(
        "display_name: Deep\nproduction: {makers: {assets: nobody}}"
    )
    assert await own.dispatch() == []
    assert await own.column(task) == "Queued"


async def test_three_deaths_in_a_row_are_for_a_person(own: OwnProduction) -> None:
    task = await own.add()
    for _ in range(3):
        assert len(await own.dispatch()) == 1
        own.clock.pass_((LEASE + timedelta(seconds=1)).total_seconds())
    assert await own.dispatch() == []
    assert await own.column(task) == "Error: Manual Review"
