"""What one difference between a board and what it should be is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a difference is, the worst first."""

    STOPS = "stops the sync"
    LOSES = "loses something"
    COSMETIC = "cosmetic"
    NOTE = "note"


class RepairAction(StrEnum):
    """What `showrunner board repair` does about a difference."""

    ADD = "add"
    """It adds what is missing."""
    SET = "set"
    """It sets something of ours back to what it should be."""


class Part(StrEnum):
    """Which part of the board a difference is in."""

    BOARD = "board"
    PROPERTY = "property"
    VIEW = "view"


REPAIR = "`showrunner board repair`"


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One difference.

    Attributes:
        slug: the kind, e.g. `option-missing`.
        about: Showrunner's name of the property, or the key of the planned view; empty for the
            board as a whole.
        wrong: what is wrong.
        breaks: what it breaks.
        cure: the command or click that mends it.
        mend: what repair does about it; None when only a person can mend it.
    """

    slug: str
    severity: Severity
    part: Part
    about: str = ""
    wrong: str
    breaks: str
    cure: str
    mend: RepairAction | None = None

    @property
    def matters(self) -> bool:
        """Whether it stops the sync or loses something."""
        return self.severity in {Severity.STOPS, Severity.LOSES}


def listed(names: list[str] | tuple[str, ...]) -> str:
    """Names as they stand in a sentence."""
    return ", ".join(f"“{name}”" for name in names)
