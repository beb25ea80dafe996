"""When a fact about the sync's health is ok, a warning or a failure, and what to do then.

Pure: the caller passes facts and the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from models.operations.health.check import Check, Finding, checked, failure, graded, warning
from models.operations.health.facts import Failing, Server
from models.operations.known_problems import PROBLEMS, cure_of
from models.operations.outages import READ_ONLY, stores_nothing
from models.rules.formatting import spoken, times, utc_time
from models.tables.card_creation import Unmade
from models.tables.incidents import Incident, IncidentKind
from models.tables.sync_state import GOOD_WITHIN
from models.tables.webhook_event_queries import Counts

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

NO_CYCLE_YET: Final = "no cycle has ended well yet"
_INCIDENTS_NAMED: Final = 5
_BY_ITSELF: Final = (
    "Mend what it names; an alert closes by itself when a run shows that it is over."
)
_READ_ONLY: Final = failure(
    f"{stores_nothing(READ_ONLY)}: nothing is synced",
    PROBLEMS[IncidentKind.DATABASE_STORES_NOTHING].cure,
)
_NO_SECRET: Final = warning(
    "no secret is set, so the webhook receiver refuses every event; "
    "the sweep finds people's edits once a minute",
    "README, “Connect a real Notion board”, steps 6 to 8: "
    "enrol the subscription's verification token.",
)


def judge_server(server: Server) -> list[Finding]:
    """Whether PostgreSQL accepts writes, and has connections left for the next process."""
    findings = []
    if server.read_only:
        findings.append(_READ_ONLY)
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
    findings = [
        failure(
            f"Notion has refused something since {utc_time(one.since)}: {one.title}", cure_of(one)
        )
        for one in incidents
        if one.kind == IncidentKind.NOTION_AUTH and "403" in one.title
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
    wrong = "enrolment is open: anybody can send a token, and the first that comes is accepted"
    if has_secret:
        wrong = "enrolment is open: anybody can send a token beside the secret"
    cure = "Once Notion has verified the subscription: NOTION_WEBHOOK_ENROLMENT=false, and restart."
    return warning(wrong, cure)


def overdue_cycle(last_good: datetime, now: datetime) -> str:
    """A clause about cycles that do not succeed; empty within `GOOD_WITHIN` of a good one."""
    if now - last_good <= GOOD_WITHIN:
        return ""
    return f"no cycle has ended well for {spoken(now - last_good)}, since {utc_time(last_good)}"


def judge_cycle(last_good: datetime | None, *, running: bool, now: datetime) -> Check:
    """Whether a cycle succeeded within `GOOD_WITHIN`."""
    under_way = ""
    if running:
        under_way = "; one is under way now"
    cure = PROBLEMS[IncidentKind.NO_GOOD_CYCLE].cure
    findings = []
    if last_good is None:
        findings.append(warning(f"{NO_CYCLE_YET}{under_way}", f"Wait a minute. {cure}"))
    elif late := overdue_cycle(last_good, now):
        findings.append(failure(f"{late}{under_way}", cure))
    facts = f"{_ago(now, last_good)}{under_way}"
    return checked("last good cycle", facts, findings, last_good=last_good, running=running)


def judge_inbox(events: Counts, due_since: datetime | None, now: datetime) -> Check:
    """Whether the received events are processed in time."""
    findings = []
    if events.dead:
        wrong = f"{events.dead} dead: they could not be processed"
        findings.append(failure(wrong, PROBLEMS[IncidentKind.DEAD_EVENT].cure))
    waits = now - (due_since or now)
    if waits > WAITS_LONG:
        wrong = f"{events.waiting} waiting, the oldest due for {spoken(waits)}"
        cure = "`showrunner push` works through them now; `showrunner events list` shows them."
        findings.append(graded(wrong, cure, fails=waits > WAITS_TOO_LONG))
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
    count = f"{unmade.failing} of {unmade.waiting}"
    wrong = f"{count} tasks that wait for their card cannot have one: {unmade.why}"
    return [_alerted(IncidentKind.CARD_NOT_MADE, unmade.first, wrong.rstrip("."), incidents)]


def _failing_cards(failing: Sequence[Failing], incidents: Sequence[Incident]) -> list[Finding]:
    if not failing:
        return []
    worst = failing[0]
    failed = f"“{worst.title}” failed {times(worst.attempts)}"
    wrong = f"{len(failing)} cannot be written to the board; {failed}"
    return [_alerted(IncidentKind.CARD_FAILING, worst.page_id, wrong, incidents)]


def _alerted(kind: IncidentKind, id_: object, wrong: str, incidents: Sequence[Incident]) -> Finding:
    """A finding about that card or task: red once its kind of problem was alerted."""
    alerted = any(incident.kind == kind for incident in incidents)
    return graded(wrong, PROBLEMS[kind].cure_for(id_), fails=alerted)


def judge_incidents(incidents: Sequence[Incident]) -> Check:
    """The open incidents, the critical ones first."""
    ordered = sorted(incidents, key=lambda one: one.level != "CRITICAL")
    findings = [
        graded(str(one), cure_of(one) or _BY_ITSELF, fails=one.level == "CRITICAL")
        for one in ordered[:_INCIDENTS_NAMED]
    ]
    rest = len(incidents) - len(findings)
    if rest:
        findings.append(warning(f"{rest} more", "`showrunner doctor --json` names them all."))
    listed = [
        {"name": one.name, "level": one.level, "since": one.since, "title": one.title}
        for one in incidents
    ]
    return checked("alerts", "none is open", findings, open=listed)


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
        side = "ahead of" if skew > timedelta(0) else "behind"
        wrong = f"this machine's clock is {spoken(abs(skew))} {side} {owner}'s"
        findings.append(graded(wrong, cure, fails=abs(skew) > SKEW_HARMS))
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
    if moment is None:
        return "never"
    return f"{spoken(now - moment)} ago"
