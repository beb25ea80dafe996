"""What becomes of one property that both people and the database may change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class LostValue:
    """A value a person wrote and did not get: it goes to the history.

    Attributes:
        action: `refused` (it was not allowed), `overruled` (the database changed too, and wins),
            `waiting` (it is granted once the card is valid) or `put_back` (where the card stood it
            cannot stay).
        reason: `not_yours`, `invalid_card`, `unknown_option`, `emptied`, `both_changed` or
            `starts_late`.
    """

    property: str
    action: str
    reason: str
    value: str | None
    kept: str | None


@dataclass(frozen=True, kw_only=True)
class Verdict(Generic[Value]):
    """What becomes of one two-sided property.

    Attributes:
        agreed: the merge base from now on.
        database: what the database holds from now on.
        lost: the wish that was not granted, with the sentence (`refusal`) that tells its author so.
        moved: whether the database's value changes by this: a person's wish was granted, or a rule
            moved the card.
        waits: whether the board's value is a wish that is granted once the card is valid, if it
            still stands there.
    """

    agreed: Value
    database: Value
    lost: tuple[LostValue, ...] = ()
    refusal: str = ""
    moved: bool = False
    waits: bool = False
