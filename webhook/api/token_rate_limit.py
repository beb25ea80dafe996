"""How many requests a token may make: a token bucket each, in the memory of this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

PER_SECOND: Final = 20.0
"""Requests a second of one token, in the long run."""
BURST: Final = 60
"""Requests that a token may make at once."""


@dataclass
class _Bucket:
    left: float
    at: float


class RateLimiter:
    """Token buckets by name. Names are those of stored tokens, so that they are few.

    Args:
        elapsed: seconds of a monotonic clock.
    """

    def __init__(
        self,
        *,
        per_second: float = PER_SECOND,
        burst: int = BURST,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._elapsed = elapsed
        self._buckets: dict[str, _Bucket] = {}

    def wait(self, name: str) -> float:
        """Count a request; 0 when it is allowed, else the seconds until one is."""
        now = self._elapsed()
        bucket = self._buckets.setdefault(name, _Bucket(left=self._burst, at=now))
        bucket.left = min(self._burst, bucket.left + (now - bucket.at) * self._per_second)
        bucket.at = now
        if bucket.left >= 1:
            bucket.left -= 1
            return 0
        return (1 - bucket.left) / self._per_second
