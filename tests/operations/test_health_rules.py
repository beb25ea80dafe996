"""When a sign of life is green, yellow or red."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.operations.health.check import Finding, State, checked
from models.operations.health.facts import Failing, Server
from models.operations.health.rules import (
    judge_capabilities,
    judge_cards,
    judge_clocks,
    judge_cycle,
    judge_inbox,
    judge_incidents,
    judge_migrations,
    judge_server,
    judge_webhook,
    skew_of,
)
from models.tables.incidents import Incident
from models.tables.webhook_event_queries import Counts

NOW = datetime(2026, 11, 23, 10, 0, 30, tzinfo=UTC)
OK, WARN, FAIL = State.OK, State.WARN, State.FAIL


def ago(**length: float) -> datetime:
    return NOW - timedelta(**length)


def incident(name: str, level: Any = "CRITICAL", title: str = "It broke.") -> Incident:
    return Incident(name=name, level=level, title=title, since=ago(hours=1))


@pytest.mark.parametrize(
    ("last", "running", "state", "facts"),
    [
        (None, False, WARN, "no cycle has ended well yet"),
        (None, True, WARN, "no cycle has ended well yet; one is under way now"),
        (ago(seconds=61), False, OK, "61 s ago"),
        (ago(minutes=5), True, OK, "5 min ago; one is under way now"),
        (
            ago(minutes=5, seconds=1),
            False,
            FAIL,
            "no cycle has ended well for 5 min, since 2026-11-23 09:55:29 UTC",
        ),
    ],
)
def test_a_cycle_is_good_for_five_minutes(
    last: datetime | None,
    running: bool,  # noqa: FBT001
    state: State,
    facts: str,
) -> None:
    check = judge_cycle(last, running=running, now=NOW)
    assert (check.state, check.facts, bool(check.cures)) == (state, facts, state is not OK)


@pytest.mark.parametrize(
    ("dead", "due", "state", "facts"),
    [
        (0, None, OK, "3 waiting, 0 dead, 9 processed"),
        (0, ago(minutes=2), OK, "3 waiting, 0 dead, 9 processed"),
        (0, ago(minutes=3), WARN, "3 waiting, the oldest due for 3 min"),
        (0, ago(minutes=6), FAIL, "3 waiting, the oldest due for 6 min"),
        (
            2,
            ago(minutes=3),
            FAIL,
            "2 dead: they could not be processed; 3 waiting, the oldest due for 3 min",
        ),
    ],
)
def test_an_inbox_is_worked_through_and_nothing_in_it_is_dead(
    dead: int, due: datetime | None, state: State, facts: str
) -> None:
    check = judge_inbox(Counts(waiting=3, processed=9, dead=dead), due, NOW)
    assert (check.state, check.facts) == (state, facts)


@pytest.mark.parametrize(
    ("given", "state", "facts"),
    [
        ({"secret": True}, OK, "secret set, last event 3 min ago"),
        ({"enrolled": True}, OK, "secret enrolled, last event 3 min ago"),
        ({}, WARN, "no secret is set, so the webhook receiver refuses every event"),
        ({"secret": True, "last_event": None}, WARN, "a secret is set, but no event has ever come"),
        (
            {"enrolled": True, "enrolment_open": True},
            WARN,
            "enrolment is open: anybody can send a token beside",
        ),
        ({"secret": True, "waiting": 1}, WARN, "1 verification token waits to be accepted"),
    ],
)
def test_a_webhook_needs_a_secret_a_closed_enrolment_and_events(
    given: dict[str, Any], state: State, facts: str
) -> None:
    usual = {
        "secret": False,
        "enrolled": False,
        "waiting": 0,
        "enrolment_open": False,
        "last_event": ago(minutes=3),
    }
    check = judge_webhook(**{**usual, **given}, address="http://receiver/webhook/notion", now=NOW)
    assert check.state is state
    assert check.facts.startswith(facts)


@pytest.mark.parametrize(
    ("current", "state", "facts", "cure"),
    [
        ("0003", OK, "at 0003", ""),
        ("0001", FAIL, "2 pending: the database is at 0001, 0003 is the last", "showrunner up"),
        (None, FAIL, "3 pending: the database is at nothing, 0003 is the last", "showrunner up"),
        (
            "0009",
            FAIL,
            "the database is at 0009, which this version does not know",
            "Update Showrunner",
        ),
    ],
)
def test_a_database_is_at_the_last_migration(
    current: str | None, state: State, facts: str, cure: str
) -> None:
    check = judge_migrations(current, ["0001", "0002", "0003"])
    assert (check.state, check.facts) == (state, facts)
    assert cure in "".join(check.cures)


def test_what_was_refused_for_want_of_a_capability_is_red_until_that_is_over() -> None:
    assert (
        judge_capabilities([], None, NOW).facts
        == "read: yes; update: not known until the first write"
    )
    assert (
        judge_capabilities([], ago(minutes=3), NOW).facts
        == "read: yes; update: yes, last write 3 min ago"
    )
    assert (
        judge_capabilities([incident("notion_auth", title="Notion answered 401")], None, NOW).state
        is OK
    )
    refused = judge_capabilities(
        [incident("notion_auth", title="Notion answered 403")], ago(days=1), NOW
    )
    assert refused.state is FAIL
    assert "Capabilities" in refused.cures[0]


def test_a_card_that_fails_is_yellow_until_somebody_was_alerted() -> None:
    cards = [
        Failing(page_id="p1", title="Giant squid", attempts=6),
        Failing(page_id="p2", title="Eel", attempts=1),
    ]
    assert judge_cards([], []).state is OK
    assert judge_cards(cards[1:], []).facts == "1 cannot be written to the board; “Eel” failed once"
    assert judge_cards(cards, [incident("dead_event:x", "ERROR")]).state is WARN
    red = judge_cards(cards, [incident("card_failing:p1", "ERROR")])
    assert red.state is FAIL
    assert red.cures[0].startswith("`showrunner card show p1` says why; ")


def test_every_open_incident_is_named_the_critical_ones_first_and_many_are_counted() -> None:
    assert judge_incidents([]).facts == "none is open"
    many = [incident(f"dead_event:{n}", "ERROR") for n in range(6)]
    assert judge_incidents(many).state is WARN
    check = judge_incidents([*many, incident("notion_auth")])
    assert check.state is FAIL
    assert check.facts.startswith("notion_auth since 2026-11-23 09:00:30 UTC: It broke.")
    assert check.facts.endswith("2 more")
    assert len(check.details["open"]) == 7


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(0, OK), (2, OK), (-2, OK), (2.1, WARN), (-30, WARN), (30.1, FAIL), (-3600, FAIL)],
)
def test_clocks_may_differ_by_two_seconds_and_harm_from_thirty_on(
    seconds: float, state: State
) -> None:
    check = judge_clocks({"PostgreSQL": timedelta(0), "Notion": timedelta(seconds=seconds)})
    assert check.state is state
    if state is not OK:
        assert ("ahead of Notion's" if seconds > 0 else "behind Notion's") in check.facts


@pytest.mark.parametrize(
    ("theirs", "skew"),
    [(NOW, 0), (ago(seconds=1.4), 0), (ago(seconds=12), 11), (NOW + timedelta(seconds=9), -8.5)],
)
def test_a_skew_is_what_neither_the_way_nor_the_cut_second_explains(
    theirs: datetime, skew: float
) -> None:
    found = skew_of(NOW, NOW + timedelta(seconds=0.5), theirs, theirs + timedelta(seconds=1))
    assert found.total_seconds() == pytest.approx(skew, abs=0.41)


@pytest.mark.parametrize(("connections", "found"), [(90, []), (91, [WARN])])
def test_connections_that_run_out_are_yellow(connections: int, found: list[State]) -> None:
    server = Server(version="16", connections=connections, connections_max=100, clock=NOW)
    assert [finding.state for finding in judge_server(server)] == found


def test_a_database_that_is_read_only_is_red() -> None:
    server = Server(version="16", connections=1, connections_max=100, clock=NOW, read_only=True)
    assert [finding.state for finding in judge_server(server)] == [FAIL]


def test_a_line_is_as_bad_as_its_worst_finding_and_tells_each_cure_once() -> None:
    yellow = Finding(state=WARN, wrong="a", cure="do this")
    red = Finding(state=FAIL, wrong="b", cure="do this")
    check = checked("x", "all well", [yellow, red])
    assert (check.state, check.facts, check.cures) == (FAIL, "b; a", ("do this",))
    assert checked("x", "all well").facts == "all well"
