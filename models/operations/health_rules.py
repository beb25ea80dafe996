"""When a sign of life is green, yellow or red, and what to do then.

Pure: whoever asks brings facts and the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from models.operations.health import Check, Finding, State, checked
from models.operations.health_facts import Failing, Server
from models.rules.formatting import clock_time, spoken
from models.tables.card_creation import Unmade
from models.tables.incidents import Incident
from models.tables.webhook_event_queries import Counts

GOOD_WITHIN: Final = timedelta(minutes=5)
"""How long no cycle may end well: five are due (design: section 12)."""
WAITS_LONG: Final = timedelta(minutes=2)
"""Every cycle drains the inbox, once a minute, so one that waits for two is late."""
WAITS_TOO_LONG: Final = timedelta(minutes=5)
"""An event that waits longer is taken by nobody."""
SKEW_SEEN: Final = timedelta(seconds=2)
"""Beyond it, clocks are not kept by a time service."""
SKEW_HARMS: Final = timedelta(seconds=30)
"""Beyond it, who edited what first is judged wrongly."""
CONNECTIONS_MOST: Final = 0.9
"""Share of PostgreSQL's connections beyond which the next process may find none."""

_INCIDENTS_NAMED: Final = 5


def judge_server(server: Server) -> list[Finding]:
    """Whether PostgreSQL stores anything, and has room for the next process."""
    return [*_judge_storing(server), *_judge_connections(server)]


def _judge_storing(server: Server) -> list[Finding]:
    if not server.read_only:
        return []
    wrong = "it is read-only (a standby, or default_transaction_read_only is on): nothing is synced"
    return [
        Finding(
            state=State.FAIL,
            wrong=wrong,
            cure="Let DATABASE_URL name the server that takes writes.",
        )
    ]


def _judge_connections(server: Server) -> list[Finding]:
    if server.connections <= server.connections_max * CONNECTIONS_MOST:
        return []
    wrong = f"{server.connections} of {server.connections_max} connections are taken"
    return [
        Finding(
            state=State.WARN,
            wrong=wrong,
            cure="Raise PostgreSQL's max_connections or lower DATABASE_POOL_SIZE.",
        )
    ]


def judge_migrations(current: str | None, known: Sequence[str]) -> Check:
    """Whether the database is at our last migration.

    Args:
        current: the one that the database is at; None when it never was migrated.
        known: ours, the oldest first.
    """
    head = known[-1]
    if current == head:
        return checked("migrations", f"at {head}", revision=current, head=head)
    if current is not None and current not in known:
        wrong = f"the database is at {current}, which this version does not know"
        cure = "Update Showrunner here if a newer version migrated this database; else give it a database of its own."
    else:
        pending = len(known) if current is None else len(known) - 1 - known.index(current)
        wrong = f"{pending} pending: the database is at {current or 'nothing'}, {head} is the last"
        cure = "Stop and start `showrunner up`: it migrates at its start. By hand: `alembic upgrade head`."
    return checked(
        "migrations",
        "",
        [Finding(state=State.FAIL, wrong=wrong, cure=cure)],
        revision=current,
        head=head,
    )


def judge_capabilities(
    incidents: Sequence[Incident], last_write: datetime | None, now: datetime
) -> Check:
    """What the connection is known to be allowed, once it has read the board's schema.

    Notion names a connection's capabilities nowhere, and no request asks for one without using it:
    a write is known to be allowed once one was.
    """
    facts = "read: yes; update: "
    facts += (
        f"yes, last write {_ago(now, last_write)}"
        if last_write
        else "not known until the first write"
    )
    refused = [one for one in incidents if one.name == "notion_auth" and "403" in one.title]
    findings = [
        Finding(
            state=State.FAIL,
            wrong=f"Notion has refused something since {clock_time(one.since)} UTC: {one.title}",
            cure="In Notion: Settings → Context → Develop or manage connections → this one → Capabilities: "
            "switch on read, update and insert content.",
        )
        for one in refused
    ]
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
    """Whether people's edits can be announced.

    Args:
        secret: whether one is configured, for Notion's webhooks or a database automation's.
        enrolled: whether a handshake brought one.
        waiting: how many tokens came beside a secret and are not accepted.
        enrolment_open: whether a verification token of anybody's would be taken.
        last_event: when the last event came; None when none ever did.
        address: where the door takes events, as seen from this machine.
    """
    findings = []
    if not (secret or enrolled):
        wrong = "no secret is set, so the door lets nobody in; the sweep finds people's edits once a minute"
        cure = "README, “Connect a real Notion board”, steps 6 to 8: enrol the subscription's verification token."
        findings.append(Finding(state=State.WARN, wrong=wrong, cure=cure))
    elif last_event is None:
        wrong = "a secret is set, but no event has ever come"
        cure = f"Edit a card. If none comes within a minute: does the subscription's address lead to {address}?"
        findings.append(Finding(state=State.WARN, wrong=wrong, cure=cure))
    if enrolment_open:
        wrong = "enrolment is open: anybody can send a token"
        wrong += (
            " beside the secret" if secret or enrolled else ", and the first that comes is believed"
        )
        cure = "Once Notion has verified the subscription: NOTION_WEBHOOK_ENROLMENT=false, and restart."
        findings.append(Finding(state=State.WARN, wrong=wrong, cure=cure))
    if waiting:
        wrong = (
            f"{waiting} verification token{'s wait' if waiting > 1 else ' waits'} to be accepted"
        )
        cure = "`showrunner webhook token`; what Notion takes: `showrunner webhook accept`; else `webhook forget`."
        findings.append(Finding(state=State.WARN, wrong=wrong, cure=cure))
    kind = "set" if secret else "enrolled"
    return checked(
        "webhook",
        f"secret {kind}, last event {_ago(now, last_event)}",
        findings,
        last_event=last_event,
    )


def judge_cycle(last_good: datetime | None, *, running: bool, now: datetime) -> Check:
    """Whether board and database were made equal lately."""
    name, under_way = "last good cycle", "; one is under way now" if running else ""
    cure = "`showrunner push` runs a cycle here and says what stops it; past ones are in the Prefect UI under Runs."
    findings = []
    if last_good is None:
        wrong = f"none has ended well yet{under_way}"
        findings = [Finding(state=State.WARN, wrong=wrong, cure="Wait a minute. " + cure)]
    elif now - last_good > GOOD_WITHIN:
        wrong = f"none has ended well for {spoken(now - last_good)}, since {clock_time(last_good)} UTC{under_way}"
        findings = [Finding(state=State.FAIL, wrong=wrong, cure=cure)]
    return checked(
        name, f"{_ago(now, last_good)}{under_way}", findings, last_good=last_good, running=running
    )


def judge_inbox(events: Counts, due_since: datetime | None, now: datetime) -> Check:
    """Whether what Notion told us is worked through."""
    findings = []
    if events.dead:
        wrong = f"{events.dead} dead: what they told was never looked at"
        cure = "`showrunner events list --dead` shows why; `showrunner events replay --dead` tries them again."
        findings.append(Finding(state=State.FAIL, wrong=wrong, cure=cure))
    waits = now - due_since if due_since is not None else timedelta(0)
    if waits > WAITS_LONG:
        state = State.FAIL if waits > WAITS_TOO_LONG else State.WARN
        wrong = f"{events.waiting} waiting, the oldest due for {spoken(waits)}"
        cure = "`showrunner push` works through them now; `showrunner events list` shows them."
        findings.append(Finding(state=state, wrong=wrong, cure=cure))
    facts = f"{events.waiting} waiting, {events.dead} dead, {events.processed} processed"
    counted = {"waiting": events.waiting, "dead": events.dead, "processed": events.processed}
    return checked("inbox", facts, findings, **counted, due_since=due_since)


def judge_cards(
    failing: Sequence[Failing], incidents: Sequence[Incident], unmade: Unmade | None = None
) -> Check:
    """Whether every card can be written to the board, and made; one that somebody was alerted about is red.

    Args:
        failing: the one with most attempts first.
        unmade: tasks that wait for their card.
    """
    findings = [*_failing_cards(failing, incidents), *_unmade_cards(unmade or Unmade(), incidents)]
    waiting = unmade.waiting if unmade is not None else 0
    facts = "every card can be written" + (
        f"; {waiting} tasks wait for their card" if waiting else ""
    )
    return checked(
        "cards", facts, findings, failing=[card.page_id for card in failing], waiting=waiting
    )


def _unmade_cards(unmade: Unmade, incidents: Sequence[Incident]) -> list[Finding]:
    if not unmade.failing:
        return []
    alerted = any(incident.name == "card_not_made" for incident in incidents)
    wrong = f"{unmade.failing} of {unmade.waiting} tasks that wait for their card cannot have one: {unmade.why}"
    cure = f"`showrunner task show {unmade.first}` says why; `showrunner push --dry-run` lists all."
    return [
        Finding(state=State.FAIL if alerted else State.WARN, wrong=wrong.rstrip("."), cure=cure)
    ]


def _failing_cards(failing: Sequence[Failing], incidents: Sequence[Incident]) -> list[Finding]:
    if not failing:
        return []
    worst = failing[0]
    times = "once" if worst.attempts == 1 else f"{worst.attempts} times in a row"
    wrong = f"{len(failing)} cannot be written to the board; “{worst.title}” failed {times}"
    cure = f"`showrunner card show {worst.page_id}` says why."
    alerted = any(incident.name.startswith("card_failing:") for incident in incidents)
    state = State.FAIL if alerted else State.WARN
    return [Finding(state=state, wrong=wrong, cure=cure)]


def judge_incidents(incidents: Sequence[Incident]) -> Check:
    """What a human was told, or is to be told, and is not over."""
    told = [
        Finding(
            state=State.FAIL if incident.level == "CRITICAL" else State.WARN,
            wrong=f"{incident.name} since {clock_time(incident.since)} UTC: {incident.title}",
            cure="Mend what it names; an alert closes by itself when a run shows that it is over.",
        )
        for incident in sorted(incidents, key=lambda one: one.level != "CRITICAL")
    ]
    shown = told[:_INCIDENTS_NAMED]
    if len(told) > len(shown):
        rest = len(told) - len(shown)
        shown.append(
            Finding(
                state=State.WARN,
                wrong=f"{rest} more",
                cure="`showrunner doctor --json` names them all.",
            )
        )
    names = [
        {"name": one.name, "level": one.level, "since": one.since, "title": one.title}
        for one in incidents
    ]
    return checked("alerts", "none is open", shown, open=names)


def judge_clocks(skews: Mapping[str, timedelta]) -> Check:
    """Whether this machine's clock agrees with others.

    Args:
        skews: how far this clock is ahead of another, by whose that is; negative when it is behind.
    """
    findings = []
    for whose, skew in skews.items():
        if abs(skew) <= SKEW_SEEN:
            continue
        state = State.FAIL if abs(skew) > SKEW_HARMS else State.WARN
        side = "ahead of" if skew > timedelta(0) else "behind"
        wrong = f"this machine's clock is {spoken(abs(skew))} {side} {whose}'s"
        cure = "Switch a time service on, on both machines: `timedatectl set-ntp true`."
        findings.append(Finding(state=state, wrong=wrong, cure=cure))
    facts = f"agrees with {' and '.join(skews)}"
    return checked(
        "clock",
        facts,
        findings,
        **{whose.lower(): skew.total_seconds() for whose, skew in skews.items()},
    )


def skew_of(began: datetime, ended: datetime, earliest: datetime, latest: datetime) -> timedelta:
    """How far our clock is ahead of another at least, that said it was between two moments.

    Args:
        began, ended: when we asked and were answered, by our clock.
        earliest, latest: what the other clock may have shown when it answered.
    """
    if began > latest:
        return began - latest
    return min(ended - earliest, timedelta(0))


def _ago(now: datetime, moment: datetime | None) -> str:
    return "never" if moment is None else f"{spoken(now - moment)} ago"
