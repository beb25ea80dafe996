"""What the services charge: the dated list in `prices.toml`.

A piece's spend keeps the amount that was valid when it was ordered.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

_LIST: Final = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True, kw_only=True)
class Price:
    """What one unit costs.

    Attributes:
        as_of: when it was read.
        source: where.
    """

    service: str
    model: str
    unit: str
    usd: Decimal
    as_of: date
    source: str


@cache
def price_list() -> tuple[Price, ...]:
    """All prices that are known."""
    rows = tomllib.loads(_LIST.read_text(encoding="utf-8"))["price"]
    return tuple(Price(**{**row, "usd": Decimal(row["usd"])}) for row in rows)


def usd_for(service: str, model: str, unit: str) -> Decimal:
    """What a unit costs.

    Raises:
        ValueError: when no price is known, with the models or units that have one.
    """
    known = [one for one in price_list() if one.service == service]
    of_model = [one for one in known if one.model == model]
    for one in of_model:
        if one.unit == unit:
            return one.usd
    if not of_model:
        there = ", ".join(dict.fromkeys(one.model for one in known if one.model != "any"))
        raise ValueError(f"model: “{model}” of “{service}” has no known price; there are {there}.")
    units = ", ".join(one.unit for one in of_model)
    raise ValueError(f"model: “{model}” has no price for “{unit}”; there are {units}.")
