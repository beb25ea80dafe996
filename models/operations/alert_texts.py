"""The texts of alerts: what happened, what it means, what to do, since when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from models.operations.known_problems import PROBLEMS, Problem, cure_of, other_facts
from models.rules.formatting import utc_time
from models.tables.incidents import Incident

_SHOWN: Final = 10
"""Incidents that a message about many of them lists at most."""


def message(incidents: Sequence[Incident]) -> tuple[str, str]:
    """Title and body of one message.

    Args:
        incidents: all of one kind, and all open or all over.
    """
    first = incidents[0]
    state = "OVER" if first.until else first.level
    if len(incidents) > 1:
        problem = PROBLEMS.get(first.kind)
        headline = problem.headline if problem else first.kind
        title, body = f"{len(incidents)} times: {headline}", _list(incidents, problem)
    elif first.until is None:
        title, body = first.title, _open(first)
    else:
        title, body = first.title, _over(first)
    return f"[{state}] Showrunner: {title}", body


def _open(incident: Incident) -> str:
    lines = []
    if incident.kind in PROBLEMS:
        lines.append(f"What it means: {PROBLEMS[incident.kind].meaning}")
    if cure := cure_of(incident):
        lines.append(f"What to do: {cure}")
    lines.append(f"Since: {utc_time(incident.since)}")
    lines += [
        f"{name}: {value}"
        for name, value in other_facts(incident).items()
        if not _says(incident.title, value)
    ]
    lines.append(f"incident: {incident.name}")
    return "\n".join(lines)


def _says(title: str, value: str) -> bool:
    """Whether the title names the value, as whole words."""
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", title) is not None


def _over(incident: Incident) -> str:
    lines = [f"{_period(incident)}."]
    if not incident.notified:
        lines.append("You were not told when it began: nobody could be reached.")
    lines.append(f"incident: {incident.name}")
    return "\n".join(lines)


def _list(incidents: Sequence[Incident], problem: Problem | None) -> str:
    lines = []
    if problem and incidents[0].until is None:
        lines += [f"What it means: {problem.meaning}", f"What to do: {problem.cure_for()}"]
    for incident in incidents[:_SHOWN]:
        facts = ", ".join(f"{name}: {value}" for name, value in incident.facts.items())
        lines.append(f"- {_period(incident)} {facts or incident.name}")
    left = len(incidents) - _SHOWN
    if left > 0:
        lines.append(f"- and {left} more")
    return "\n".join(lines)


def _period(incident: Incident) -> str:
    since = utc_time(incident.since)
    if incident.until is None:
        return since
    return f"From {since} to {utc_time(incident.until)}"
