"""The parts of one difference between a board and its spec: kind, severity, texts and repair."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    """How bad a difference is, the worst first."""

    STOPS = "stops the sync"
    LOSES = "loses something"
    EXCLUDES = "keeps cards out"
    COSMETIC = "cosmetic"
    NOTE = "note"


class RepairAction(StrEnum):
    """What `showrunner board repair` does about a difference."""

    ADD = "add"
    """It adds what is missing."""
    SET = "set"
    """It sets something that Showrunner made back to its planned value."""


class Part(StrEnum):
    """Which part of the board a difference is in."""

    BOARD = "board"
    PROPERTY = "property"
    VIEW = "view"
    PIECES = "pieces"


REPAIR: Final = "`showrunner board repair`"


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One difference.

    Attributes:
        slug: the kind, e.g. `option-missing`.
        about: Showrunner's name of the property, or the key of the planned view; empty for the
            board as a whole.
        wrong: what is wrong.
        breaks: what it breaks.
        cure: the command or click that fixes it.
        repair_action: what repair does about it; None when only a person can fix it.
    """

    slug: str
    severity: Severity
    part: Part
    about: str = ""
    wrong: str
    breaks: str
    cure: str
    repair_action: RepairAction | None = None

    @property
    def matters(self) -> bool:
        """Whether it stops the sync or loses something."""
        return self.severity in {Severity.STOPS, Severity.LOSES}


@dataclass(frozen=True, kw_only=True)
class DriftKind:
    """One row of the table of differences (`models.board.drift_table`).

    `slug`, `wrong`, `breaks` and `cure` are templates over the facts that `drift` is given, as of
    `str.format`. `{repair}` is the repair command; `{about}` is the property or view.
    """

    slug: str
    severity: Severity
    part: Part
    wrong: str
    breaks: str
    cure: str
    repair_action: RepairAction | None = None

    def drift(self, about: str = "", **facts: object) -> Drift:
        """Fill in the facts of one difference of this kind."""
        facts = {"about": about, "repair": REPAIR, **facts}
        return Drift(
            slug=self.slug.format_map(facts),
            severity=self.severity,
            part=self.part,
            about=about,
            wrong=self.wrong.format_map(facts),
            breaks=self.breaks.format_map(facts),
            cure=self.cure.format_map(facts),
            repair_action=self.repair_action,
        )


def listed(names: Iterable[str]) -> str:
    """Quote names and join them with commas, for a sentence."""
    return ", ".join(f"“{name}”" for name in names)
