"""What a check of health finds: green, yellow or red, the facts, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """What a check found."""

    OK = "ok"
    WARN = "warn"
    """It works; somebody should look at it by day."""
    FAIL = "fail"
    """Something does not work, or is being lost."""
    SKIP = "skip"
    """It could not be checked, because something that is red stands before it."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        wrong: a clause without a full stop.
        cure: the command or click that mends it.
    """

    state: State
    wrong: str
    cure: str


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of `showrunner doctor`.

    Attributes:
        facts: one short clause.
        cures: what to do; empty when nothing is to be done.
        details: the figures behind the facts, for scripts.
    """

    name: str
    state: State
    facts: str
    cures: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def checked(name: str, facts: str, findings: Sequence[Finding] = (), **details: Any) -> Check:
    """The check with what was found; `facts` are told when nothing was."""
    worst = next(
        (state for state in (State.FAIL, State.WARN) if any(f.state is state for f in findings)),
        State.OK,
    )
    ordered = sorted(findings, key=lambda finding: finding.state is not State.FAIL)
    told = "; ".join(finding.wrong for finding in ordered) or facts
    cures = tuple(dict.fromkeys(finding.cure for finding in ordered))
    return Check(name=name, state=worst, facts=told, cures=cures, details=details)


def failed(name: str, wrong: str, cure: str) -> Check:
    """A red check."""
    return checked(name, "", [Finding(state=State.FAIL, wrong=wrong, cure=cure)])


def skipped(name: str, why: str) -> Check:
    """A check that could not be made; `why` names what stands before it, e.g. `no database`."""
    return Check(name=name, state=State.SKIP, facts=f"not checked: {why}")
