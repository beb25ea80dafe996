"""Pieces that a service makes for money: each is submitted once, and every cent is booked."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from kit.makers import PRICE, Died
from kit.own_production import LOCAL, OwnProduction

from models.production.leases import LEASE
from models.production.making import Failure
from models.production.paid_orders import LOOK_UPS, Answer
from models.production.steps import Step
from tasks.production.pauses import PAUSE
from tasks.production.produce import LATER, End

PAID = {"makers": {**LOCAL, "assets": "service"}, "pieces_at_once": {"service": 10}}
OVER = LOOK_UPS[-1].total_seconds() + 1


@pytest.fixture
async def paid(own: OwnProduction) -> OwnProduction:
    """A channel whose images a service makes."""
    await own.channel(**PAID)
    return own


async def collect_all(own: OwnProduction) -> None:
    """Collect until nothing is under way, as time goes by."""
    for _ in range(6):
        if not (await own.collect()).left:
            return
        own.clock.pass_(60)


async def test_pieces_are_submitted_once_collected_and_booked(paid: OwnProduction) -> None:
    task = await paid.add()
    (work,) = await paid.dispatch()
    assert (await paid.produce(work)).end is End.WAITING
    assert await paid.spent() == 3 * PRICE, "an estimate counts from the moment it is sent"
    assert await paid.dispatch() == [], "no place is held, and nobody begins anew"
    found = await paid.collect()
    assert (found.asked, found.ended, found.offered, found.left) == (3, 3, 1, 0)
    await paid.run()
    assert await paid.column(task) == "Composites Ready"
    assert paid.service.submits == 3
    assert await paid.spent() == sum(paid.service.ledger.values()) == 3 * PRICE


async def test_a_job_that_takes_long_holds_no_run(paid: OwnProduction) -> None:
    await paid.add()
    paid.service.running = 4
    await paid.run()
    assert (await paid.collect()).left == 3
    assert (await paid.collect()).left == 1
    assert (await paid.collect()).left == 0
    assert paid.service.submits == 3


async def test_a_lost_answer_is_looked_up_and_adopted(paid: OwnProduction) -> None:
    task = await paid.add(story="One.")
    paid.service.answers = ["lost"]
    await paid.run()
    assert [piece["state"] for piece in await paid.pieces(task, Step.ASSETS)] == ["unknown"]
    paid.clock.pass_(OVER)
    await collect_all(paid)
    await paid.run()
    assert await paid.column(task) == "Composites Ready"
    assert (paid.service.submits, await paid.spent()) == (1, PRICE)


async def test_a_process_that_dies_while_submitting_pays_once(paid: OwnProduction) -> None:
    task = await paid.add(story="One.")
    paid.service.answers = ["died"]
    (work,) = await paid.dispatch()
    with suppress(Died, BaseExceptionGroup):
        await paid.produce(work)
    paid.clock.pass_(LEASE.total_seconds() + OVER)
    await paid.run()
    await collect_all(paid)
    await paid.run()
    assert await paid.column(task) == "Composites Ready"
    assert paid.service.submits == 1
    assert await paid.spent() == sum(paid.service.ledger.values()) == PRICE


async def test_what_nobody_can_look_up_is_for_a_person_with_the_amount_at_risk(
    paid: OwnProduction,
) -> None:
    task = await paid.add(story="One.")
    paid.service.can_be_looked_up = False
    paid.service.answers = ["lost"]
    await paid.run()
    await collect_all(paid)
    await paid.run()
    assert await paid.column(task) == "Error: Manual Review"
    assert "0.50 USD may have been charged" in (await paid.lease(task))["failure"]
    assert paid.service.submits == 1
    await paid.move(task, "Queued")
    await paid.run()
    await collect_all(paid)
    await paid.run()
    assert await paid.column(task) == "Composites Ready"
    assert await paid.spent() == sum(paid.service.ledger.values()) == 2 * PRICE


@pytest.mark.parametrize("lost", ["lost", "never"])
async def test_below_the_setting_it_is_sent_once_more_and_both_are_booked(
    paid: OwnProduction, lost: str
) -> None:
    task = await paid.add(story="One.")
    paid.service.can_be_looked_up, paid.service.price_usd = False, Decimal("0.04")
    paid.service.answers = [lost, lost]
    await paid.run()
    await collect_all(paid)
    await paid.run()
    assert paid.service.submits == 2
    await collect_all(paid)
    await paid.run()
    assert await paid.column(task) == "Error: Manual Review", "once more, not twice"
    assert await paid.spent() == Decimal("0.08")


async def test_a_job_that_no_look_up_finds_is_not_sent_again(paid: OwnProduction) -> None:
    task = await paid.add(story="One.")
    paid.service.answers = ["never"]
    await paid.run()
    await collect_all(paid)
    await paid.run()
    assert await paid.column(task) == "Error: Manual Review"
    assert paid.service.submits == 1


async def test_waiting_for_a_place_is_no_attempt(paid: OwnProduction) -> None:
    task = await paid.add(story="One.")
    paid.service.answers = [Answer.NOT_NOW] * 7
    for _ in range(7):
        (outcome,) = await paid.run()
        assert outcome.end is End.WAITING
        assert await paid.spent() == 0
        paid.clock.pass_(LATER.total_seconds() + 1)
    assert (await paid.lease(task))["attempts"] == 0
    await paid.run()
    await collect_all(paid)
    await paid.run()
    assert await paid.column(task) == "Composites Ready"


async def test_no_more_pieces_are_in_flight_than_the_channel_says(paid: OwnProduction) -> None:
    task = await paid.add()
    await paid.channel(makers=PAID["makers"], pieces_at_once={"service": 2})
    await paid.run()
    assert paid.service.submits == 2
    paid.clock.pass_(LATER.total_seconds() + 1)
    await paid.run()
    assert paid.service.submits == 2
    await collect_all(paid)
    paid.clock.pass_(LATER.total_seconds() + 1)
    await paid.run()
    await collect_all(paid)
    await paid.run()
    assert paid.service.submits == 3
    assert await paid.column(task) == "Composites Ready"


async def test_what_was_not_sent_is_an_attempt_that_costs_nothing(paid: OwnProduction) -> None:
    task = await paid.add(story="One.")
    paid.service.answers = [Answer.NOT_SENT]
    await paid.run()
    assert await paid.column(task) == "Error: Retriable"
    assert await paid.spent() == 0
    paid.clock.pass_(61)
    await paid.run()
    assert paid.service.submits == 2


async def test_a_refused_piece_names_the_scene(paid: OwnProduction) -> None:
    task = await paid.add()
    paid.service.answers = [Answer.ACCEPTED, Answer.REFUSED_PIECE]
    await paid.run()
    assert await paid.column(task) == "Error: Invalid Input"
    assert (await paid.lease(task))["failure"] == "Scene 2: it says why."
    assert paid.service.submits == 2
    await collect_all(paid)
    assert await paid.spent() == PRICE


async def test_an_account_without_money_pauses_its_steps_only_and_says_so_once(
    paid: OwnProduction,
) -> None:
    await paid.channel("b")
    task = await paid.add(story="One.")
    paid.service.answers = [Answer.REFUSED_ACCOUNT]
    await paid.run()
    other, free = await paid.add("other", story="One."), await paid.add("free", channel="b")
    await paid.run()
    assert await paid.column(task) == await paid.column(other) == "Assets Generating"
    assert await paid.column(free) == "Composites Ready"
    assert paid.service.submits == 1
    incidents = "SELECT name FROM incidents WHERE ended_at IS NULL"
    assert await paid.sql(incidents) == [{"name": "maker_paused:service"}]
    paid.clock.pass_(PAUSE.total_seconds() + 1)
    await paid.run()
    await collect_all(paid)
    await paid.run()
    assert await paid.column(task) == await paid.column(other) == "Composites Ready"
    assert await paid.sql(incidents) == []
    assert await paid.spent() == 2 * PRICE


async def test_a_job_that_fails_is_told_on_the_card_and_ordered_anew_by_a_person(
    paid: OwnProduction,
) -> None:
    task = await paid.add(story="One.")
    paid.service.failing = Failure.INVALID_INPUT
    await paid.run()
    await paid.collect()
    await paid.run()
    assert await paid.column(task) == "Error: Invalid Input"
    assert (await paid.lease(task))["failure"] == "Scene 1 is too wild."
    assert await paid.spent() == 0
    paid.service.failing = None
    await paid.move(task, "Queued")
    await paid.run()
    await paid.collect()
    await paid.run()
    assert await paid.column(task) == "Composites Ready"
    assert await paid.spent() == PRICE


async def test_a_stopped_video_submits_nothing_more_and_what_it_ordered_is_collected(
    paid: OwnProduction,
) -> None:
    task = await paid.add()
    paid.service.answers = [Answer.ACCEPTED, Answer.NOT_NOW]
    await paid.run()
    await paid.move(task, "Archived")
    paid.clock.pass_(LATER.total_seconds() + 1)
    await paid.run()
    await collect_all(paid)
    assert paid.service.submits == 2
    assert [piece["state"] for piece in await paid.pieces(task, Step.ASSETS)] == ["done", "failed"]
    assert await paid.spent() == PRICE
    assert await paid.column(task) == "Archived"


async def test_a_step_that_would_exceed_a_budget_submits_nothing(paid: OwnProduction) -> None:
    await paid.channel(**PAID, budget={"video": 1})
    task = await paid.add()
    await paid.run()
    assert await paid.column(task) == "Error: Manual Review"
    assert "The next step costs about 1.50 USD" in (await paid.lease(task))["failure"]
    assert paid.service.submits == 0


async def test_two_collects_book_a_job_once(paid: OwnProduction) -> None:
    await paid.add(story="One.")
    await paid.run()
    await paid.collect()
    assert (await paid.collect()).asked == 0
    assert await paid.spent() == PRICE
