"""When a step that failed for a while is tried again, and when it is given up."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

WAITS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
"""Between one attempt and the next."""
ATTEMPTS: Final = len(WAITS) + 1
"""After so many the task goes to Error: API Failure."""


def wait_after(attempts: int) -> timedelta | None:
    """How long to wait after so many failed attempts in a row; None when there is no further one.

    Raises:
        ValueError: when there was none.
    """
    if attempts < 1:
        raise ValueError(f"{attempts} failed attempts are none.")
    return WAITS[attempts - 1] if attempts < ATTEMPTS else None
