"""Leases: who works on a task or a step, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
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


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The lease of a task, with the values of its row.

    Attributes:
        worker: whose it is; None when nobody holds it.
        until: when it expires.
        stop_asked: whether a person stopped the task or trashed its card.
    """

    worker: str | None
    until: datetime | None
    stop_asked: bool = False


def heartbeat(lease: Lease, worker: str) -> Heartbeat:
    """What a worker's heartbeat is answered.

    A lease that has expired and that nobody took meanwhile is still its worker's: it may have been
    suspended, and its work is not lost.
    """
    if lease.worker != worker:
        return Heartbeat.LOST
    return Heartbeat.STOP if lease.stop_asked else Heartbeat.CONTINUE


def is_expired(lease: Lease, now: datetime) -> bool:
    """Whether the dispatcher may return it."""
    return lease.worker is not None and lease.until is not None and lease.until <= now


def returns_to_queue(deaths: int) -> bool:
    """Whether work whose lease expired for that many times in a row is offered again.

    Else it goes to Error: Manual Review.
    """
    return deaths < DEATHS


def lease_error(length: timedelta) -> str | None:
    """Why a lease of that length is refused; None when it is not."""
    if length < SHORTEST or length > LONGEST:
        return (
            f"A lease lasts between {SHORTEST.seconds} seconds and "
            f"{LONGEST // timedelta(hours=1)} hours; prolong it with heartbeats."
        )
    return None
