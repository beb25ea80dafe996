"""The time of a sandbox: a clock, and what was added to it."""

from datetime import datetime, timedelta

from studio_sandbox.config import Clock
from studio_sandbox.store.journal import Journal


class SandboxClock:
    """The time, which can be advanced; how far it was is kept.

    Args:
        base: The clock of the machine, or of a test.
        journal: Where it is kept.
    """

    def __init__(self, base: Clock, journal: Journal) -> None:
        self._base = base
        self._journal = journal

    @property
    def ahead(self) -> timedelta:
        """What was added."""
        return timedelta(seconds=(self._journal.get("clock", "ahead") or {"seconds": 0})["seconds"])

    def __call__(self) -> datetime:
        """The time."""
        return self._base() + self.ahead

    def advance(self, span: timedelta) -> None:
        """Let time pass."""
        seconds = (self.ahead + span).total_seconds()
        self._journal.put(("clock", "ahead", {"seconds": seconds}))
