"""Services that answer with the result itself: it is stored together with what it cost, once."""

from __future__ import annotations

import errno
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from kit.makers import PRICE, Died
from kit.own_production import LOCAL, OwnProduction

from models.production.leases import LEASE
from models.production.paid_orders import LOOK_UPS, Answer
from models.production.steps import Step
from tasks.production import order_once
from tasks.production.produce import LATER, End

PAID = {"makers": {**LOCAL, "assets": "service"}, "pieces_at_once": {"service": 10}}
OVER = LOOK_UPS[-1].total_seconds() + 1
KINDS = "SELECT kind, usd FROM spends ORDER BY id"


@pytest.fixture
async def paid(own: OwnProduction) -> OwnProduction:
    """A channel whose images a service makes that answers with them and finds nothing by key."""
    await own.channel(**PAID)
    own.service.at_once, own.service.can_be_looked_up = True, False
    return own


async def collect_all(own: OwnProduction) -> None:
    for _ in range(6):
        if not (await own.collect()).left:
            return
        own.clock.pass_(60)


async def test_a_result_in_the_answer_needs_no_collect(paid: OwnProduction) -> None:
    task = await paid.add()
    (work,) = await paid.dispatch()
    assert (await paid.produce(work)).end is End.DONE
    pieces = await paid.pieces(task, Step.ASSETS)
    assert [piece["state"] for piece in pieces] == ["done"] * 3
    assert all((paid.folder / "films" / piece["path"]).is_file() for piece in pieces)
    assert pieces[0]["notes"]["by"] == "it"
    await paid.run()
    assert await paid.column(task) == "Composites Ready"
    assert await paid.spent() == sum(paid.service.ledger.values()) == 3 * PRICE


async def test_what_the_answer_says_was_charged_takes_the_estimates_place(
    paid: OwnProduction,
) -> None:
    await paid.add(story="One.")

    async def charges_less() -> None:
        paid.service.price_usd = Decimal("0.30")

    paid.service.during = charges_less
    await paid.run()
    assert await paid.spent() == Decimal("0.30")
    assert [row["kind"] for row in await paid.sql(KINDS)] == ["estimated", "released", "charged"]


async def test_a_process_that_dies_before_a_result_is_stored_is_for_a_person(
    paid: OwnProduction, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await paid.add(story="One.")

    async def die(*_: object) -> None:
        raise Died

    (work,) = await paid.dispatch()
    with monkeypatch.context() as patched, suppress(Died, BaseExceptionGroup):
        patched.setattr(order_once, "book_charged", die)
        await paid.produce(work)
    assert [piece["state"] for piece in await paid.pieces(task, Step.ASSETS)] == ["submitting"]
    assert await paid.spent() == PRICE, "the estimate, and nothing twice"
    paid.clock.pass_(LEASE.total_seconds() + OVER)
    await paid.run()
    await collect_all(paid)
    await paid.run()
    assert await paid.column(task) == "Error: Manual Review"
    assert "may have been charged" in (await paid.lease(task))["failure"]
    assert paid.service.submits == 1


async def test_a_result_that_cannot_be_used_is_booked_and_not_ordered_anew(
    paid: OwnProduction,
) -> None:
    task = await paid.add()
    paid.service.broken = "Scene 1: the picture that was paid for is broken."
    (outcome,) = await paid.run()
    assert (outcome.end, outcome.reason) == (End.FAILED, paid.service.broken)
    assert await paid.column(task) == "Error: Manual Review"
    assert paid.service.submits == 1, "the other scenes are not paid for to be lost as well"
    await paid.run()
    await collect_all(paid)
    assert paid.service.submits == 1
    assert await paid.spent() == PRICE
    paid.service.broken = None
    await paid.move(task, "Queued")
    await paid.run()
    assert await paid.column(task) == "Composites Ready"
    assert await paid.spent() == sum(paid.service.ledger.values()) == 4 * PRICE


async def test_a_cheap_result_that_cannot_be_used_is_ordered_once_more_and_both_are_booked(
    paid: OwnProduction,
) -> None:
    task = await paid.add(story="One.")
    paid.service.broken, paid.service.price_usd = "Scene 1: cut off.", Decimal("0.04")
    (outcome,) = await paid.run()
    assert outcome.end is End.WAITING
    paid.clock.pass_(LATER.total_seconds() + 1)
    await paid.run()
    assert await paid.column(task) == "Error: Manual Review", "once more, not twice"
    assert (paid.service.submits, await paid.spent()) == (2, Decimal("0.08"))


async def test_a_full_disk_says_what_was_paid_for_and_lost(
    paid: OwnProduction, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await paid.add()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    await paid.run()
    assert await paid.column(task) == "Error: Manual Review"
    failure = (await paid.lease(task))["failure"]
    assert "image 1 was made for 0.50 USD and is lost" in failure
    assert "Make room" in failure
    assert (paid.service.submits, await paid.spent()) == (1, PRICE)


async def test_a_late_result_is_kept_and_not_ordered_anew(paid: OwnProduction) -> None:
    task = await paid.add(story="One.")

    async def given_up() -> None:
        paid.clock.pass_(LEASE.total_seconds() + OVER)
        await paid.run()
        await paid.collect()

    paid.service.during = given_up
    (work,) = await paid.dispatch()
    await paid.produce(work)
    await paid.run()
    assert await paid.column(task) == "Composites Ready"
    assert (paid.service.submits, await paid.spent()) == (1, PRICE)


async def test_a_late_result_leaves_the_newer_order_as_it_is(paid: OwnProduction) -> None:
    task = await paid.add(story="One.")
    paid.service.price_usd = Decimal("0.04")

    async def ordered_once_more() -> None:
        paid.clock.pass_(LEASE.total_seconds() + OVER)
        await paid.run()
        await paid.collect()
        await paid.run()
        assert paid.service.submits == 2

    paid.service.during = ordered_once_more
    (work,) = await paid.dispatch()
    assert (await paid.produce(work)).end is End.LOST
    (piece,) = await paid.pieces(task, Step.ASSETS)
    kept = (paid.folder / "films" / piece["path"]).read_text()
    assert (piece["state"], kept) == ("done", str(piece["submit_key"]))
    assert await paid.spent() == sum(paid.service.ledger.values()) == Decimal("0.08")


async def test_a_refusal_that_was_charged_is_booked(paid: OwnProduction) -> None:
    task = await paid.add(story="One.")
    paid.service.answers = [Answer.REFUSED_PIECE]
    paid.service.refusal_costs = Decimal("0.02")
    await paid.run()
    assert await paid.column(task) == "Error: Invalid Input"
    assert await paid.spent() == Decimal("0.02")


async def test_a_channel_whose_account_refuses_stops_no_other(paid: OwnProduction) -> None:
    await paid.channel("b", **PAID)
    task = await paid.add(story="One.")
    paid.service.answers, paid.service.of_channel = [Answer.REFUSED_ACCOUNT], True
    await paid.run()
    other = await paid.add("other", story="One.", channel="b")
    more = await paid.add("more", story="Two.")
    await paid.run()
    assert await paid.column(task) == await paid.column(more) == "Assets Generating"
    assert await paid.column(other) == "Composites Ready"
    incidents = "SELECT name FROM incidents WHERE ended_at IS NULL"
    assert await paid.sql(incidents) == [{"name": "maker_paused:service:deep_sea"}]
