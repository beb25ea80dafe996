"""The result of a health check: ok, warn or fail, the facts, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARN = "warn"
    """It works, but needs attention during working hours."""
    FAIL = "fail"
    """Something does not work, or is being lost."""
    SKIP = "skip"
    """It could not be checked, because a check that it depends on failed."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        wrong: a clause without a full stop.
        cure: the command or click that fixes it.
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


def failure(wrong: str, cure: str) -> Finding:
    """A finding that makes its check red."""
    return Finding(state=State.FAIL, wrong=wrong, cure=cure)


def warning(wrong: str, cure: str) -> Finding:
    """A finding that makes its check yellow."""
    return Finding(state=State.WARN, wrong=wrong, cure=cure)


def graded(wrong: str, cure: str, *, fails: bool) -> Finding:
    """A finding that makes its check red if `fails`, else yellow."""
    return failure(wrong, cure) if fails else warning(wrong, cure)


def checked(name: str, facts: str, findings: Sequence[Finding] = (), **details: Any) -> Check:
    """Build a check from its findings, the failures first; without any it shows `facts`."""
    if not findings:
        return Check(name=name, state=State.OK, facts=facts, details=details)
    ordered = sorted(findings, key=lambda finding: finding.state is not State.FAIL)
    wrong = "; ".join(finding.wrong for finding in ordered)
    cures = tuple(dict.fromkeys(finding.cure for finding in ordered))
    return Check(name=name, state=ordered[0].state, facts=wrong, cures=cures, details=details)


def failed(name: str, wrong: str, cure: str) -> Check:
    """A check with one failure."""
    return checked(name, "", [failure(wrong, cure)])


def skipped(name: str, why: str) -> Check:
    """A check that could not be made; `why` names what it depends on, e.g. `no database`."""
    return Check(name=name, state=State.SKIP, facts=f"not checked: {why}")
