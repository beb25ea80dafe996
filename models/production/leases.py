"""Leases: how long one lasts, and what a worker that prolongs one is answered.

The rules themselves are functions of the database (`showrunner.heartbeat`,
`showrunner.return_expired_leases`), which workers call without this code.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final

LEASE: Final = timedelta(minutes=10)
"""How long a lease lasts unless the worker asks for another length."""
LONGEST: Final = timedelta(hours=6)
"""A longer lease is refused: a dead worker would keep its task that long."""
SHORTEST: Final = timedelta(seconds=5)
DEATHS: Final = 3
"""Leases in a row that may expire before a person has to look."""


class Heartbeat(StrEnum):
    """What a worker is answered."""

    CONTINUE = "continue"
    STOP = "stop"
    """A person stopped the task or trashed its card."""
    LOST = "lost"
    """The lease is another worker's, or nobody's: nothing that the worker still does counts."""
