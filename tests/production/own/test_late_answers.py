"""Answers that come late, and processes that die at the worst moment, make nobody pay twice."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from kit.makers import PRICE, Died
from kit.own_production import LOCAL, OwnProduction

from models.production.leases import LEASE
from models.production.making import Failure
from models.production.paid_orders import LOOK_UPS, Answer
from models.production.steps import Step
from models.tables.production import claims
from tasks.production.produce import End, produce_step

PAID = {"makers": {**LOCAL, "assets": "service"}, "pieces_at_once": {"service": 10}}
OVER = LOOK_UPS[-1].total_seconds() + 1


@pytest.fixture
async def paid(own: OwnProduction) -> OwnProduction:
    """A channel whose images a service makes that finds no job by its key."""
    await own.channel(**PAID)
    own.service.can_be_looked_up = False
    return own


async def give_up(paid: OwnProduction) -> None:
    """Let the lease of a run expire whose submission is not answered, until it is given up."""
    paid.clock.pass_(LEASE.total_seconds() + OVER)
    await paid.run()
    await paid.collect()


async def answer_late(paid: OwnProduction) -> None:
    """Run a step whose submission is answered after it was given up and ordered once more."""

    async def ordered_once_more() -> None:
        await give_up(paid)
        await paid.run()
        assert paid.service.submits == 2

    paid.service.during = ordered_once_more
    (work,) = await paid.dispatch()
    assert (await paid.produce(work)).end is End.LOST


async def die_before_it_is_shown(paid: OwnProduction, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill the process that is about to show a failure on its card, and let its lease expire."""

    async def die(*_: Any) -> str:
        raise Died

    with monkeypatch.context() as patched, suppress(Died, BaseExceptionGroup):
        patched.setattr(claims, "fail", die)
        await paid.run()
    paid.clock.pass_(LEASE.total_seconds() + 1)


@pytest.mark.parametrize("late", [Answer.ACCEPTED, Answer.NOT_NOW, "lost"])
async def test_a_late_answer_leaves_the_newer_order_as_it_is(
    paid: OwnProduction, late: Any
) -> None:
    task = await paid.add(story="One.")
    paid.service.price_usd = Decimal("0.04")
    paid.service.answers = [late]

    await answer_late(paid)
    (piece,) = await paid.pieces(task, Step.ASSETS)
    assert piece["state"] == "submitted"
    assert piece["job_id"] == f"job-{piece['submit_key']}"
    await paid.collect()
    await paid.run()
    assert await paid.column(task) == "Composites Ready"
    assert paid.service.submits == 2
    assert await paid.spent() == sum(paid.service.ledger.values())


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_late_answer_takes_the_place_of_a_newer_order_that_was_refused(
    paid: OwnProduction, at_once: Any
) -> None:
    task = await paid.add(story="One.")
    paid.service.price_usd = Decimal("0.04")
    paid.service.at_once = at_once
    paid.service.answers = [Answer.ACCEPTED, Answer.NOT_NOW]

    await answer_late(paid)
    paid.clock.pass_(OVER)
    await paid.run()
    await paid.collect()
    await paid.run()
    assert await paid.column(task) == "Composites Ready"
    assert paid.service.submits == 2
    assert await paid.spent() == sum(paid.service.ledger.values())


async def test_a_submission_that_was_given_up_and_then_accepted_is_not_ordered_anew(
    paid: OwnProduction,
) -> None:
    task = await paid.add(story="One.")
    paid.service.during = lambda: give_up(paid)
    (work,) = await paid.dispatch()
    await paid.produce(work)
    await paid.run()
    await paid.collect()
    await paid.run()
    assert await paid.column(task) == "Composites Ready"
    assert (paid.service.submits, await paid.spent()) == (1, PRICE)


async def test_a_late_answer_beside_a_new_run_is_not_ordered_anew(paid: OwnProduction) -> None:
    task = await paid.add(story="One.")
    paid.service.price_usd = Decimal("0.04")
    sent, answered = asyncio.Event(), asyncio.Event()

    async def answered_later() -> None:
        sent.set()
        await answered.wait()

    paid.service.during = answered_later
    (work,) = await paid.dispatch()
    first = asyncio.ensure_future(paid.produce(work))
    await sent.wait()
    await give_up(paid)
    (again,) = await paid.dispatch()

    async def answer_now(*_counts: int) -> None:
        answered.set()
        await first

    outcome = await produce_step(paid.ctx, again, answer_now)
    assert outcome.end is End.WAITING
    assert paid.service.submits == 1
    await paid.collect()
    await paid.run()
    assert await paid.column(task) == "Composites Ready"
    assert await paid.spent() == Decimal("0.04")


async def test_a_failure_that_no_card_shows_yet_is_not_ordered_anew_by_a_process_that_died(
    paid: OwnProduction, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await paid.add(story="One.")
    paid.service.answers = ["lost"]
    await paid.run()
    paid.clock.pass_(OVER)
    await paid.collect()
    await die_before_it_is_shown(paid, monkeypatch)
    await paid.run()
    assert paid.service.submits == 1
    assert await paid.column(task) == "Error: Manual Review"
    assert "may have been charged" in (await paid.lease(task))["failure"]


async def test_videos_side_by_side_share_a_budget(paid: OwnProduction) -> None:
    await paid.channel(**PAID, budget={"month": 1})
    task = await paid.add(story="One.\n\nTwo.")
    other = await paid.add("other", story="One.")
    (first, second) = await paid.dispatch()

    async def produce_the_other() -> None:
        await paid.produce(second)

    paid.service.during = produce_the_other
    outcome = await paid.produce(first)
    assert outcome.end is End.FAILED
    assert "month" in outcome.reason
    assert paid.service.submits == 2
    assert await paid.spent() == 2 * PRICE
    assert await paid.column(task) == "Error: Manual Review"
    assert await paid.column(other) == "Assets Generating"


async def test_a_stop_waits_for_the_answer_to_what_was_sent(paid: OwnProduction) -> None:
    task = await paid.add()
    (work,) = await paid.dispatch()

    async def stopped() -> None:
        await paid.move(task, "Archived")
        paid.beat.set()
        for _ in range(50):
            await asyncio.sleep(0.002)

    paid.service.during = stopped
    assert (await paid.produce(work)).end is End.STOPPED
    assert paid.service.submits == 1
    assert [piece["state"] for piece in await paid.pieces(task, Step.ASSETS)] == ["submitted"]
    await paid.collect()
    assert [piece["state"] for piece in await paid.pieces(task, Step.ASSETS)] == ["done"]
    assert await paid.column(task) == "Archived"
    assert await paid.spent() == PRICE


async def test_a_job_that_failed_is_shown_also_when_the_process_died(
    paid: OwnProduction, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await paid.add(story="One.")
    paid.service.failing = Failure.INVALID_INPUT
    await paid.run()
    await paid.collect()
    await die_before_it_is_shown(paid, monkeypatch)
    await paid.run()
    assert paid.service.submits == 1
    assert await paid.column(task) == "Error: Invalid Input"


async def reject_in_work(paid: OwnProduction, task: UUID) -> None:
    """A new round of every step begins while the service works on the one before."""
    await paid.sql(
        "INSERT INTO reviews (at, task_id, task_title, gate, round, decision, actor, through) "
        "VALUES (showrunner_now(), :task, 'squid', 'composites', 1, 'reject', 'ada', 'http')",
        task=task,
    )
    await paid.move(task, "Queued")


async def test_a_job_of_the_round_before_is_not_ordered_again(paid: OwnProduction) -> None:
    task = await paid.add(story="One.")
    await paid.run()
    await reject_in_work(paid, task)
    await paid.run()
    assert paid.service.submits == 1
    await paid.collect()
    await paid.run()
    assert await paid.column(task) == "Composites Ready"
    assert paid.service.submits == 1
    assert await paid.spent() == PRICE


async def test_a_failure_of_the_round_before_is_shown_before_anything_is_ordered_again(
    paid: OwnProduction,
) -> None:
    task = await paid.add(story="One.")
    paid.service.answers = ["lost"]
    await paid.run()
    paid.clock.pass_(OVER)
    await paid.collect()
    await reject_in_work(paid, task)
    await paid.run()
    assert paid.service.submits == 1
    assert await paid.column(task) == "Error: Manual Review"
    await paid.move(task, "Queued")
    await paid.run()
    assert paid.service.submits == 2
