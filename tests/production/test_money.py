"""Amounts, budgets, attempts and leases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from models.production.attempts import ATTEMPTS, wait_after
from models.production.leases import (
    DEATHS,
    Heartbeat,
    Lease,
    heartbeat,
    is_expired,
    lease_error,
    returns_to_queue,
)
from models.production.money import Cap, amount, overdrawn, usd
from models.production.reuse import input_hash

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize("value", [-1, "x", None, float("nan"), float("inf"), True, "1e9", ""])
def test_what_is_no_amount_is_refused_with_what_to_send(value: object) -> None:
    with pytest.raises(ValueError, match=r"amount|cost"):
        amount(value)


@pytest.mark.parametrize(
    ("value", "kept"), [("0.55", "0.55"), (0.1, "0.1"), (0, "0"), ("0.0000004", "0"), (7, "7")]
)
def test_an_amount_is_kept_to_the_millionth(value: object, kept: str) -> None:
    assert amount(value) == Decimal(kept)


def test_the_first_budget_that_is_exceeded_is_named() -> None:
    limits = {Cap.VIDEO: Decimal(10), Cap.DAY: Decimal(12)}
    assert overdrawn(Decimal(4), {Cap.VIDEO: Decimal(6)}, limits) is None
    over = overdrawn(Decimal(4), {Cap.VIDEO: Decimal(6), Cap.DAY: Decimal("8.01")}, limits)
    assert over is not None
    assert over.cap is Cap.DAY
    assert over.sentence == (
        "The next step costs about 4.00 USD, and 8.01 USD of the 12.00 USD for all channels today "
        "are spent; raise the budget or wait."
    )


def test_without_budgets_nothing_is_exceeded() -> None:
    assert overdrawn(Decimal(9_999), {}, {}) is None
    assert usd(Decimal("1234.565")) == "1,234.57 USD"


def test_attempts_wait_longer_and_end() -> None:
    minutes = [wait_after(attempt) for attempt in range(1, ATTEMPTS + 1)]
    assert minutes == [*(timedelta(minutes=wait) for wait in (1, 5, 15, 60)), None]
    with pytest.raises(ValueError, match="none"):
        wait_after(0)


@pytest.mark.parametrize(
    ("holder", "stop", "answer"),
    [
        ("w1", False, Heartbeat.CONTINUE),
        ("w1", True, Heartbeat.STOP),
        ("w2", False, Heartbeat.LOST),
        ("w2", True, Heartbeat.LOST),
        (None, True, Heartbeat.LOST),
    ],
)
def test_a_heartbeat_says_whether_the_work_still_counts(
    holder: str | None,
    stop: bool,  # noqa: FBT001
    answer: Heartbeat,
) -> None:
    lease = Lease(worker=holder, until=NOW - timedelta(hours=1), stop_asked=stop)
    assert heartbeat(lease, "w1") is answer


def test_a_lease_expires_at_its_moment_and_only_if_somebody_holds_it() -> None:
    assert is_expired(Lease(worker="w", until=NOW), NOW)
    assert not is_expired(Lease(worker="w", until=NOW + timedelta(microseconds=1)), NOW)
    assert not is_expired(Lease(worker=None, until=NOW), NOW)


def test_work_that_kills_its_workers_goes_to_a_person() -> None:
    assert [returns_to_queue(deaths) for deaths in range(1, DEATHS + 1)] == [True, True, False]


@pytest.mark.parametrize(
    ("length", "refused"),
    [
        (timedelta(minutes=10), False),
        (timedelta(days=365), True),
        (timedelta(0), True),
        (timedelta(seconds=-5), True),
    ],
)
def test_a_lease_of_a_year_or_of_nothing_is_refused(length: timedelta, refused: bool) -> None:  # noqa: FBT001
    assert (lease_error(length) is not None) is refused


def test_the_same_inputs_have_one_hash_in_whatever_order() -> None:
    assert input_hash({"a": 1, "b": "é"}) == input_hash({"b": "é", "a": 1})
    assert input_hash({"a": 1}) != input_hash({"a": 2})
