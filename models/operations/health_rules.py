"""When a fact about the sync's health is ok, a warning or a failure, and what to do then.

Pure: the caller passes facts and the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from models.operations.health import Check, Finding, checked, failure, warning
from models.operations.health_facts import Failing, Server
from models.rules.formatting import clock_time, spoken
from models.tables.card_creation import Unmade
from models.tables.incidents import Incident
from models.tables.webhook_event_queries import Counts

GOOD_WITHIN: Final = timedelta(minutes=5)
"""Without a good cycle for longer, something is wrong: five were due (design: sections 10 and 12).

Doctor, watchdog and card diagnosis use this threshold.
"""
WAITS_LONG: Final = timedelta(minutes=2)
"""An event due for longer is late: every cycle, once a minute, drains the inbox."""
WAITS_TOO_LONG: Final = timedelta(minutes=5)
"""An event due for longer is not being processed at all."""
SKEW_SEEN: Final = timedelta(seconds=2)
"""Clocks that differ by more are not synchronised by a time service."""
SKEW_HARMS: Final = timedelta(seconds=30)
"""Clocks that differ by more lead to wrong decisions about which edit came first."""
CONNECTIONS_MOST: Final = 0.9
"""Share of PostgreSQL's connections in use above which the next process may get none."""

_INCIDENTS_NAMED: Final = 5
_READ_ONLY: Final = failure(
    "it is read-only (a standby, or default_transaction_read_only is on): nothing is synced",
    "Let DATABASE_URL name the server that takes writes.",
)
_NO_SECRET: Final = warning(
    "no secret is set, so the door lets nobody in; the sweep finds people's edits once a minute",
    "README, “Connect a real Notion board”, steps 6 to 8: "
    "enrol the subscription's verification token.",
)


def judge_server(server: Server) -> list[Finding]:
    """Whether PostgreSQL accepts writes, and has connections left for the next process."""
    findings = [_READ_ONLY] if server.read_only else []
    if server.connections > server.connections_max * CONNECTIONS_MOST:
        wrong = f"{server.connections} of {server.connections_max} connections are taken"
        cure = "Raise PostgreSQL's max_connections or lower DATABASE_POOL_SIZE."
        findings.append(warning(wrong, cure))
    return findings


def judge_migrations(current: str | None, known: Sequence[str]) -> Check:
    """Whether the database is at our last migration.

    Args:
        current: the migration that the database is at; None when it was never migrated.
        known: ours, the oldest first.
    """
    head = known[-1]
    if current == head:
        return checked("migrations", f"at {head}", revision=current, head=head)
    if current is not None and current not in known:
        wrong = f"the database is at {current}, which this version does not know"
        cure = (
            "Update Showrunner here if a newer version migrated this database; "
            "else give it a database of its own."
        )
    else:
        pending = len(known)
        if current is not None:
            pending -= known.index(current) + 1
        wrong = f"{pending} pending: the database is at {current or 'nothing'}, {head} is the last"
        cure = (
            "Stop and start `showrunner up`: it migrates at its start. "
            "By hand: `alembic upgrade head`."
        )
    return checked("migrations", "", [failure(wrong, cure)], revision=current, head=head)


def judge_capabilities(
    incidents: Sequence[Incident], last_write: datetime | None, now: datetime
) -> Check:
    """What the connection may do, once it has read the board's schema.

    Notion lists a connection's capabilities nowhere, and no request tests one without using it. So
    a write is known to be allowed once one succeeded.
    """
    update = "not known until the first write"
    if last_write is not None:
        update = f"yes, last write {_ago(now, last_write)}"
    cure = (
        "In Notion: Settings → Connections → Develop or manage connections → this one → "
        "Capabilities: switch on read, update and insert content."
    )
    findings = [
        failure(
            f"Notion has refused something since {clock_time(one.since)} UTC: {one.title}", cure
        )
        for one in incidents
        if one.name == "notion_auth" and "403" in one.title
    ]
    facts = f"read: yes; update: {update}"
    return checked("capabilities", facts, findings, last_write=last_write)


def judge_webhook(
    *,
    secret: bool,
    enrolled: bool,
    waiting: int,
    enrolment_open: bool,
    last_event: datetime | None,
    address: str,
    now: datetime,
) -> Check:
    """Whether Notion can announce people's edits.

    Args:
        secret: whether one is configured, for Notion's webhooks or a database automation's.
        enrolled: whether one came with a handshake.
        waiting: number of tokens that came beside a secret and are not accepted.
        enrolment_open: whether a verification token from any sender would be stored.
        last_event: when the last event came; None when none ever did.
        address: where the receiver takes events, as seen from this machine.
    """
    has_secret = secret or enrolled
    findings = []
    if not has_secret:
        findings.append(_NO_SECRET)
    elif last_event is None:
        cure = (
            "Edit a card. If none comes within a minute: "
            f"does the subscription's address lead to {address}?"
        )
        findings.append(warning("a secret is set, but no event has ever come", cure))
    if enrolment_open:
        findings.append(_enrolment_is_open(has_secret=has_secret))
    if waiting:
        wait = "token waits" if waiting == 1 else "tokens wait"
        cure = (
            "`showrunner webhook token`; what Notion takes: `showrunner webhook accept`; "
            "else `webhook forget`."
        )
        findings.append(warning(f"{waiting} verification {wait} to be accepted", cure))
    kind = "set" if secret else "enrolled"
    facts = f"secret {kind}, last event {_ago(now, last_event)}"
    return checked("webhook", facts, findings, last_event=last_event)


def _enrolment_is_open(*, has_secret: bool) -> Finding:
    wrong = "enrolment is open: anybody can send a token"
    wrong += " beside the secret" if has_secret else ", and the first that comes is believed"
    cure = "Once Notion has verified the subscription: NOTION_WEBHOOK_ENROLMENT=false, and restart."
    return warning(wrong, cure)


def judge_cycle(last_good: datetime | None, *, running: bool, now: datetime) -> Check:
    """Whether a cycle succeeded within `GOOD_WITHIN`."""
    under_way = "; one is under way now" if running else ""
    cure = (
        "`showrunner push` runs a cycle here and says what stops it; "
        "past ones are in the Prefect UI under Runs."
    )
    findings = []
    if last_good is None:
        findings.append(warning(f"none has ended well yet{under_way}", f"Wait a minute. {cure}"))
    elif now - last_good > GOOD_WITHIN:
        lasted = f"{spoken(now - last_good)}, since {clock_time(last_good)} UTC"
        findings.append(failure(f"none has ended well for {lasted}{under_way}", cure))
    facts = f"{_ago(now, last_good)}{under_way}"
    return checked("last good cycle", facts, findings, last_good=last_good, running=running)


def judge_inbox(events: Counts, due_since: datetime | None, now: datetime) -> Check:
    """Whether the received events are processed in time."""
    findings = []
    if events.dead:
        wrong = f"{events.dead} dead: what they told was never looked at"
        cure = (
            "`showrunner events list --dead` shows why; "
            "`showrunner events replay --dead` tries them again."
        )
        findings.append(failure(wrong, cure))
    waits = now - (due_since or now)
    if waits > WAITS_LONG:
        wrong = f"{events.waiting} waiting, the oldest due for {spoken(waits)}"
        cure = "`showrunner push` works through them now; `showrunner events list` shows them."
        report = failure if waits > WAITS_TOO_LONG else warning
        findings.append(report(wrong, cure))
    counts = {"waiting": events.waiting, "dead": events.dead, "processed": events.processed}
    facts = ", ".join(f"{count} {state}" for state, count in counts.items())
    return checked("inbox", facts, findings, **counts, due_since=due_since)


def judge_cards(
    failing: Sequence[Failing], incidents: Sequence[Incident], unmade: Unmade | None = None
) -> Check:
    """Whether every card can be written to the board, and created.

    A failing card is a warning, and a failure once it was alerted.

    Args:
        failing: the one with most attempts first.
        unmade: tasks that wait for their card.
    """
    unmade = unmade or Unmade()
    findings = [*_failing_cards(failing, incidents), *_unmade_cards(unmade, incidents)]
    facts = "every card can be written"
    if unmade.waiting:
        facts += f"; {unmade.waiting} tasks wait for their card"
    ids = [card.page_id for card in failing]
    return checked("cards", facts, findings, failing=ids, waiting=unmade.waiting)


def _unmade_cards(unmade: Unmade, incidents: Sequence[Incident]) -> list[Finding]:
    if not unmade.failing:
        return []
    alerted = any(incident.name == "card_not_made" for incident in incidents)
    report = failure if alerted else warning
    count = f"{unmade.failing} of {unmade.waiting}"
    wrong = f"{count} tasks that wait for their card cannot have one: {unmade.why}"
    cure = f"`showrunner task show {unmade.first}` says why; `showrunner push --dry-run` lists all."
    return [report(wrong.rstrip("."), cure)]


def _failing_cards(failing: Sequence[Failing], incidents: Sequence[Incident]) -> list[Finding]:
    if not failing:
        return []
    alerted = any(incident.name.startswith("card_failing:") for incident in incidents)
    report = failure if alerted else warning
    worst = failing[0]
    times = "once" if worst.attempts == 1 else f"{worst.attempts} times in a row"
    wrong = f"{len(failing)} cannot be written to the board; “{worst.title}” failed {times}"
    return [report(wrong, f"`showrunner card show {worst.page_id}` says why.")]


def judge_incidents(incidents: Sequence[Incident]) -> Check:
    """The open incidents, the critical ones first."""
    ordered = sorted(incidents, key=lambda one: one.level != "CRITICAL")
    findings = [_open_incident(incident) for incident in ordered[:_INCIDENTS_NAMED]]
    rest = len(incidents) - len(findings)
    if rest:
        findings.append(warning(f"{rest} more", "`showrunner doctor --json` names them all."))
    listed = [
        {"name": one.name, "level": one.level, "since": one.since, "title": one.title}
        for one in incidents
    ]
    return checked("alerts", "none is open", findings, open=listed)


def _open_incident(incident: Incident) -> Finding:
    report = failure if incident.level == "CRITICAL" else warning
    return report(
        f"{incident.name} since {clock_time(incident.since)} UTC: {incident.title}",
        "Mend what it names; an alert closes by itself when a run shows that it is over.",
    )


def judge_clocks(skews: Mapping[str, timedelta]) -> Check:
    """Whether this machine's clock agrees with others.

    Args:
        skews: how far this clock is ahead of another, by the other's owner; negative when behind.
    """
    cure = "Switch a time service on, on both machines: `timedatectl set-ntp true`."
    findings = []
    for owner, skew in skews.items():
        if abs(skew) <= SKEW_SEEN:
            continue
        report = failure if abs(skew) > SKEW_HARMS else warning
        side = "ahead of" if skew > timedelta(0) else "behind"
        wrong = f"this machine's clock is {spoken(abs(skew))} {side} {owner}'s"
        findings.append(report(wrong, cure))
    seconds = {owner.lower(): skew.total_seconds() for owner, skew in skews.items()}
    return checked("clock", f"agrees with {' and '.join(skews)}", findings, **seconds)


def skew_of(began: datetime, ended: datetime, earliest: datetime, latest: datetime) -> timedelta:
    """The least amount by which our clock is ahead of another one; negative when it is behind.

    Args:
        began, ended: when we asked and were answered, by our clock.
        earliest, latest: the range within which the other clock was when it answered.
    """
    if began > latest:
        return began - latest
    return min(ended - earliest, timedelta(0))


def _ago(now: datetime, moment: datetime | None) -> str:
    return "never" if moment is None else f"{spoken(now - moment)} ago"
