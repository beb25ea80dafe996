"""The texts of alerts: what happened, what it means, what to do, since when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from models.tables.incidents import Incident

_SHOWN: Final = 10
"""Incidents that a message about many of them lists at most."""


class Kind(NamedTuple):
    """What every incident of a kind has in common.

    `headline` replaces the titles in a message about many incidents.
    """

    headline: str
    meaning: str
    cure: str


_STOPPED: Final = "The sentence above says what to change; the next run goes on by itself."

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "notion_auth": Kind(
            "Notion does not let us in",
            "The token was revoked or replaced, or the connection lacks a capability or the "
            "board. Board and database drift apart until that is mended; nothing is lost "
            "meanwhile.",
            "In Notion, Settings → Connections: is the connection there, may it read, update and "
            "insert content, and is the board shared with it? Then set NOTION_API_TOKEN and "
            "restart. It goes on by itself.",
        ),
        "safety_stop": Kind(
            "Cards wait for somebody to look",
            "People seem to have moved or trashed many cards while no cycle was good, or Notion "
            "does not find many. That is what a restored database, a wrong board or a token that "
            "sees too little looks like. These cards are left as they are; every other card is "
            "synced.",
            "`showrunner push --dry-run` lists them with what would become of each. If that is "
            "right: `showrunner push --confirm`, at any time. If the board is right and the "
            "database old (a restored dump): `showrunner import --take-board` takes the board's "
            "statuses instead. If neither, mend the database, the board or the token first.",
        ),
        "push_stopped": Kind(
            "The push cycle cannot go on",
            "Board and database drift apart; nothing is lost.",
            _STOPPED,
        ),
        "ingest_stopped": Kind(
            "The ingest cannot go on", "What people do on the board arrives later.", _STOPPED
        ),
        "import_stopped": Kind(
            "The import cannot go on", "Cards not read yet are not followed.", _STOPPED
        ),
        "retention_stopped": Kind(
            "Old rows are not deleted", "The database grows; the sync goes on.", _STOPPED
        ),
        "no_good_cycle": Kind(
            "No cycle was good for 5 minutes",
            "Board and database drift apart. Nothing is lost: the next good cycle brings over all"
            " that differs.",
            "Look at what is known below, and mend an incident named there first. Else see "
            "whether the worker runs (its log), whether Prefect's server answers, and in its UI "
            "what became of the last runs of `push`; `showrunner push` runs a cycle by hand and "
            "says what stops it.",
        ),
        "database_lost": Kind(
            "PostgreSQL does not answer",
            "Nothing is synced, and the door tells Notion to deliver its webhooks again later. "
            "Nothing is lost.",
            "Is PostgreSQL running, does this machine reach it, is its disk full, is DATABASE_URL"
            " right? Everything goes on by itself when it answers.",
        ),
        "database_stores_nothing": Kind(
            "PostgreSQL stores nothing",
            "It answers, but nothing is synced, and the door tells Notion to deliver its webhooks"
            " again later. Nothing is lost.",
            "After a failover, let DATABASE_URL name the server that takes writes; free its disk;"
            " give our user its rights back. Everything goes on by itself when it stores again.",
        ),
        "board_drift": Kind(
            "The board lacks options that the pipeline needs",
            "Cards that are to get there stay behind and are tried again; every other card is "
            "synced.",
            "`showrunner board check` says what changed, and `showrunner board repair` adds what "
            "is missing. An option that was renamed is to be renamed back in Notion.",
        ),
        "channel_file": Kind(
            "A channel file is wrong",
            "What the file said when it was right last counts; one that never was is no channel "
            "yet. Every other channel is synced.",
            "Mend the file as the sentence above says; the next cycle reads it anew.",
        ),
        "card_failing": Kind(
            "A card cannot be written to the board",
            "This card does not show what the database holds; every other card does. It is tried "
            "again, at last once an hour.",
            "Read the error below; `showrunner push --dry-run` shows what would be written.",
        ),
        "card_not_made": Kind(
            "A task cannot become a card on the board",
            "Workers inserted it, and the board does not show it; nothing else is held up. It is "
            "tried again.",
            "`showrunner task show ID` says why, `showrunner push --dry-run` lists all that wait."
            " Correct the task by SQL, or give the board the option that it lacks (`showrunner "
            "board repair`).",
        ),
        "dead_event": Kind(
            "A webhook event could not be processed",
            "It was tried 8 times and is kept in webhook_events, with its error. What people "
            "changed on that card since is found by the sweep all the same.",
            "Read its error: SELECT page_id, error FROM webhook_events WHERE dead_at IS NOT NULL.",
        ),
    },
)
"""By an incident's kind. A message about any other kind has its title and facts alone."""

_CURE: Final = "what to do"
"""A fact of this name replaces the cure of the incident's kind."""


def message(incidents: Sequence[Incident]) -> tuple[str, str]:
    """Title and body of one message.

    Args:
        incidents: all of one kind, and all open or all over.
    """
    first = incidents[0]
    state = first.level if first.until is None else "OVER"
    if len(incidents) == 1:
        headline = first.title
        body = _open(first) if first.until is None else _over(first)
    else:
        kind = KINDS.get(first.kind)
        headline = f"{len(incidents)} times: {kind.headline if kind else first.kind}"
        body = _list(incidents, kind)
    return f"[{state}] Showrunner: {headline}", body


def _open(incident: Incident) -> str:
    kind = KINDS.get(incident.kind)
    facts = dict(incident.facts)
    cure = facts.pop(_CURE, kind.cure if kind else "")
    lines = []
    if kind:
        lines.append(f"What it means: {kind.meaning}")
    if cure:
        lines.append(f"What to do: {cure}")
    lines.append(f"Since: {moment(incident.since)}")
    lines += [f"{name}: {value}" for name, value in facts.items()]
    lines.append(f"incident: {incident.name}")
    return "\n".join(lines)


def _over(incident: Incident) -> str:
    lines = [_from_to(incident)]
    if not incident.told:
        lines.append("You were not told when it began: nobody could be reached.")
    lines.append(f"incident: {incident.name}")
    return "\n".join(lines)


def _list(incidents: Sequence[Incident], kind: Kind | None) -> str:
    lines = []
    if kind and incidents[0].until is None:
        lines += [f"What it means: {kind.meaning}", f"What to do: {kind.cure}"]
    for incident in incidents[:_SHOWN]:
        when = moment(incident.since) if incident.until is None else _from_to(incident)
        facts = ", ".join(f"{name}: {value}" for name, value in incident.facts.items())
        lines.append(f"- {when} {facts or incident.name}")
    left = len(incidents) - _SHOWN
    if left > 0:
        lines.append(f"- and {left} more")
    return "\n".join(lines)


def _from_to(incident: Incident) -> str:
    end = moment(incident.until) if incident.until is not None else ""
    return f"From {moment(incident.since)} to {end}."


def moment(when: datetime) -> str:
    """A time as messages show it, e.g. `2026-11-27 10:00:30 UTC`."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
