"""Money: amounts in USD, budgets, and whether a step may still begin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from enum import StrEnum
from typing import Final

CENT: Final = Decimal("0.01")
SMALLEST: Final = Decimal("0.000001")
"""Amounts are kept to the millionth of a dollar: prices per character or token are that small."""
LARGEST: Final = Decimal(10_000)
"""A single amount above this is taken for a mistake."""


class Cap(StrEnum):
    """What a budget is for."""

    VIDEO = "video"
    CHANNEL = "channel"
    """A channel's calendar month, UTC."""
    DAY = "day"
    """All channels together, a calendar day, UTC."""


@dataclass(frozen=True, kw_only=True)
class Overdrawn:
    """A budget that a step would exceed."""

    cap: Cap
    limit: Decimal
    spent: Decimal
    asked: Decimal

    @property
    def sentence(self) -> str:
        """For the card."""
        what = {
            Cap.VIDEO: "this video",
            Cap.CHANNEL: "this channel this month",
            Cap.DAY: "all channels today",
        }[self.cap]
        return (
            f"The next step costs about {usd(self.asked)}, and {usd(self.spent)} of the "
            f"{usd(self.limit)} for {what} are spent; raise the budget or wait."
        )


def overdrawn(
    asked: Decimal, spent: Mapping[Cap, Decimal], limits: Mapping[Cap, Decimal]
) -> Overdrawn | None:
    """The first budget that an amount would exceed; None when it fits all.

    Args:
        asked: the estimate for what is about to begin.
        spent: what was spent, and what was submitted and may still be charged.
        limits: the budgets that are set.
    """
    for cap in Cap:
        limit = limits.get(cap)
        already = spent.get(cap, Decimal(0))
        if limit is not None and already + asked > limit:
            return Overdrawn(cap=cap, limit=limit, spent=already, asked=asked)
    return None


def amount(value: object) -> Decimal:
    """An amount that a worker reports.

    Raises:
        ValueError: when it is no number, negative, or larger than any price, with what to send.
    """
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if isinstance(value, bool) or not found.is_finite():
        raise ValueError(f"“{value}” is no amount; send US dollars as a number, e.g. 0.55.")
    if found < 0 or found > LARGEST:
        raise ValueError(f"{value} USD is no cost; it lies between 0 and {LARGEST:,} USD.")
    return found.quantize(SMALLEST, rounding=ROUND_HALF_UP)


def usd(value: Decimal) -> str:
    """An amount as it is shown: to the cent."""
    return f"{value.quantize(CENT, rounding=ROUND_HALF_UP):,} USD"
