"""How long to wait before trying again, longer after each failure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

_EXPONENT_MAX: Final = 10
"""Keeps the power small; every longest wait is reached long before."""


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff without jitter.

    Attributes:
        first: the wait after the first failure.
        longest: the wait never exceeds this.
        factor: each wait is this many times the one before.
    """

    first: timedelta
    longest: timedelta
    factor: int = 2

    def delay(self, failures: int) -> timedelta:
        """The wait after that many failures in a row; `failures` is at least 1."""
        growth: int = self.factor ** min(failures - 1, _EXPONENT_MAX)
        return min(self.first * growth, self.longest)
