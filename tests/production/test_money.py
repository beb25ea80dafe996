"""Amounts, budgets and attempts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from models.production.attempts import ATTEMPTS, wait_after
from models.production.money import Cap, amount, overdrawn, usd
from models.production.reuse import input_hash


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


def test_the_same_inputs_have_one_hash_in_whatever_order() -> None:
    assert input_hash({"a": 1, "b": "é"}) == input_hash({"b": "é", "a": 1})
    assert input_hash({"a": 1}) != input_hash({"a": 2})
