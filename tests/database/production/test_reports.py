"""A worker's reports: heartbeats, columns, gates, steps, the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from kit.clock import NOW
from kit.production import Production

from models.production.steps import STEPS
from models.rules.statuses import BoardStatus

REVIEW = (
    "INSERT INTO reviews (at, task_id, task_title, gate, round, decision, actor, through) "
    "VALUES (%s, %s, 'squid', %s, %s, %s, 'person:ada', 'http')"
)


@pytest.fixture
def task(worker: Production) -> UUID:
    """A task that the worker “ada” has taken."""
    made = worker.add()
    assert worker.claimed() == made
    return made


def report(worker: Production, task: UUID, column: str, name: str = "ada") -> str:
    return str(worker.ask("report", task=task, worker=name, board_status=column))


def sqlstate(production: Production, function: str, /, **given: Any) -> tuple[str | None, str]:
    with pytest.raises(psycopg.Error) as caught:
        production.call(function, **given)
    return caught.value.sqlstate, str(caught.value)


def test_a_heartbeat_prolongs_the_lease(worker: Production, task: UUID) -> None:
    worker.pass_(minutes=5)
    given = {"task": task, "worker": "ada", "lease": timedelta(hours=1)}
    assert worker.ask("heartbeat", **given) == "continue"
    lease = worker.lease(task)
    assert lease["until"] == NOW + timedelta(hours=1, minutes=5)
    assert lease["heartbeat_at"] == worker.now


def test_an_expired_lease_that_nobody_took_is_still_its_workers(
    worker: Production, task: UUID
) -> None:
    worker.pass_(hours=9)
    assert worker.ask("heartbeat", task=task, worker="ada") == "continue"
    assert worker.call("return_expired_leases") == []


@pytest.mark.parametrize("how", ["another's", "nobody's", "no lease", "deleted"])
def test_whoever_does_not_hold_the_lease_has_lost_it(
    worker: Production, task: UUID, how: str
) -> None:
    if how == "nobody's":
        worker.move(task, "Queued")
    if how == "no lease":
        task = worker.add()
    if how == "deleted":
        worker.rows("DELETE FROM tasks")
    name = "bob" if how == "another's" else "ada"
    assert worker.ask("heartbeat", task=task, worker=name) == "lost"
    for function, given in (
        ("report", {"board_status": "Assets Generating"}),
        ("fail", {"kind": "retriable", "reason": "It rains."}),
        ("finish", {}),
    ):
        state, words = sqlstate(worker, function, task=task, worker=name, **given)
        assert state == "SR001"
        assert "Claim another one." in words
    if how != "deleted":
        assert worker.column(task) in {"Processing", "Queued"}


def test_a_heartbeat_of_a_year_is_refused(worker: Production, task: UUID) -> None:
    state, words = sqlstate(worker, "heartbeat", task=task, worker="ada", lease=timedelta(days=365))
    assert state == "22023"
    assert "A lease lasts between 5 seconds and 6 hours" in words


def test_a_report_moves_the_task_under_the_workers_name(worker: Production, task: UUID) -> None:
    worker.acts_as("job-17")
    given = {"task": task, "worker": "ada", "board_status": "Assets Generating"}
    assert worker.ask("report", **given, detail="3 of 18") == "continue"
    assert worker.column(task) == "Assets Generating"
    assert worker.history("actor", "new_value")[-1] == ("worker:ada", "Assets Generating")
    assert worker.lease(task)["detail"] == "3 of 18"
    assert worker.row("SELECT current_setting('showrunner.actor') AS actor") == {"actor": "job-17"}


@pytest.mark.parametrize(
    "column",
    [
        column
        for column in BoardStatus
        if column != BoardStatus.PROCESSING
        and not any(column in {rule.working, rule.done} for rule in STEPS.values())
    ]
    + [None, "Lunch"],
)
def test_a_worker_reports_no_column_that_is_not_its_own(
    worker: Production, task: UUID, column: str | None
) -> None:
    state, words = sqlstate(worker, "report", task=task, worker="ada", board_status=column)
    assert state == "SR002"
    assert "Assets Generating, Assets Ready" in words
    assert worker.column(task) == "Processing"


def test_a_task_walks_through_all_steps_and_waits_at_its_gates(worker: Production) -> None:
    worker.rows("UPDATE channels SET gates = '{composites,assembly}'")
    task = worker.add()
    answers = {}
    for rule in STEPS.values():
        for column in (rule.working, rule.done):
            found = worker.claim()
            if found is not None:
                assert found["task_id"] == task
            answers[column.value] = report(worker, task, column)
            if answers[column.value] == "waiting":
                assert worker.lease(task)["worker"] is None
                assert worker.claim() is None
                worker.acts_as("person:ada")
                worker.move(
                    task,
                    "Review Approved"
                    if column == BoardStatus.READY_FOR_REVIEW
                    else "Videos Generating",
                )
                worker.acts_as("")
    waits = {column for column, answer in answers.items() if answer == "waiting"}
    assert waits == {"Composites Ready", "Ready for Review"}
    assert answers["Upload Complete"] == "done"
    assert worker.lease(task)["worker"] is None
    assert [
        (row["gate"], row["round"], row["decision"], row["actor"], row["through"])
        for row in worker.rows("SELECT * FROM reviews ORDER BY id")
    ] == [
        ("composites", 1, "approve", "person:ada", "board"),
        ("assembly", 1, "approve", "person:ada", "board"),
    ]
    states = worker.rows("SELECT step, round, state, attempts FROM steps")
    assert {tuple(row.values()) for row in states} == {(step.value, 1, "done", 1) for step in STEPS}


@pytest.mark.parametrize("decided", [None, "reject", "stop", "approve earlier round", "withdrawn"])
def test_no_gate_is_passed_without_an_approval_of_its_round(
    worker: Production, task: UUID, decided: str | None
) -> None:
    worker.rows("UPDATE channels SET gates = '{composites,assembly}'")
    report(worker, task, "Composites Creating")
    now = worker.now
    if decided in {"reject", "stop"}:
        worker.rows(REVIEW, [now, task, "composites", 1, decided])
    if decided == "approve earlier round":
        worker.rows(REVIEW, [now, task, "composites", 1, "approve"])
        worker.rows("UPDATE steps SET round = 2")
    if decided == "withdrawn":
        worker.rows(REVIEW, [now, task, "composites", 1, "approve"])
        worker.rows(REVIEW, [now, task, "composites", 1, "reject"])
    for column in ("Videos Generating", "Audio Ready", "Ready for Review"):
        state, words = sqlstate(worker, "report", task=task, worker="ada", board_status=column)
        assert state == "SR003"
        assert 'Nobody approved the step "composites"' in words
        assert 'report "Composites Ready"' in words
    assert sqlstate(worker, "finish", task=task, worker="ada")[0] == "SR003"
    words = sqlstate(worker, "report", task=task, worker="ada", board_status="Uploading")[1]
    assert 'report "Ready for Review"' in words
    assert worker.column(task) == "Composites Creating"


def test_with_an_approval_the_gate_is_open(worker: Production, task: UUID) -> None:
    worker.rows("UPDATE channels SET gates = '{composites,assembly}'")
    worker.rows(REVIEW, [worker.now, task, "composites", 1, "approve"])
    assert report(worker, task, "Videos Generating") == "continue"


def test_a_rejection_begins_a_new_round_of_what_is_done_again(
    worker: Production, task: UUID
) -> None:
    report(worker, task, "Videos Generating")
    report(worker, task, "Videos Ready")
    report(worker, task, "Audio Ready")
    report(worker, task, "Ready for Review")
    worker.acts_as("person:ada")
    worker.move(task, "Review Rejected")
    worker.move(task, "Queued")
    worker.acts_as("")
    worker.pass_(minutes=1)
    assert worker.claimed() == task
    report(worker, task, "Videos Generating")
    report(worker, task, "Ready for Review")
    rounds = {
        row["step"]: (row["round"], row["state"]) for row in worker.rows("SELECT * FROM steps")
    }
    assert rounds == {
        "videos": (2, "working"),
        "audio": (1, "done"),
        "assembly": (2, "done"),
    }
    assert worker.rows("SELECT decision, round FROM reviews") == [
        {"decision": "reject", "round": 1}
    ]


def test_what_is_begun_again_in_the_same_round_is_another_attempt(
    worker: Production, task: UUID
) -> None:
    report(worker, task, "Assets Generating")
    report(worker, task, "Assets Generating")
    worker.ask("fail", task=task, worker="ada", kind="retriable", reason="Too busy.")
    worker.pass_(minutes=1)
    worker.call("return_due_retries")
    assert worker.claimed() == task
    report(worker, task, "Assets Generating")
    assert worker.row("SELECT round, attempts, state FROM steps") == {
        "round": 1,
        "attempts": 2,
        "state": "working",
    }


def test_finishing_a_step_for_the_first_time_clears_attempts_and_deaths(
    worker: Production, task: UUID
) -> None:
    for expected in (0, 2):
        worker.rows("UPDATE leases SET attempts = 2, deaths = 2")
        report(worker, task, "Assets Generating")
        report(worker, task, "Assets Ready")
        lease = worker.lease(task)
        assert (lease["attempts"], lease["deaths"]) == (expected, expected)


@pytest.mark.parametrize(
    ("column", "ends", "answer"),
    [
        ("Processing", "Ready for Review", "waiting"),
        ("Assembling Video", "Ready for Review", "waiting"),
        ("Uploading", "Upload Complete", "done"),
        ("Review Approved", "Upload Complete", "done"),
    ],
)
def test_finish_ends_with_the_review_or_with_the_upload(
    worker: Production, column: str, ends: str, answer: str
) -> None:
    task = worker.add(column=column)
    worker.rows("INSERT INTO leases (task_id, worker, until) VALUES (%s, 'ada', now())", [task])
    worker.rows(REVIEW, [worker.now, task, "assembly", 1, "approve"])
    assert worker.ask("finish", task=task, worker="ada") == answer
    assert worker.column(task) == ends
    assert worker.lease(task)["worker"] is None


def test_an_approved_film_is_uploaded_and_nothing_else(worker: Production) -> None:
    task = worker.add(column="Ready for Review")
    worker.move(task, "Review Approved")
    assert worker.claimed() == task
    for column in ("Processing", "Assets Generating", "Ready for Review"):
        state, words = sqlstate(worker, "report", task=task, worker="ada", board_status=column)
        assert (state, "report Uploading" in words) == ("SR002", True)
    assert report(worker, task, "Uploading") == "continue"
    assert report(worker, task, "Upload Complete") == "done"


STOPS = [
    ("report", {"board_status": "Assets Generating"}, "stop"),
    ("fail", {"kind": "retriable", "reason": "It rains."}, "Archived"),
    ("finish", {}, "stop"),
]


@pytest.mark.parametrize("how", ["dragged", "trashed", "asked"])
@pytest.mark.parametrize(("function", "given", "answer"), STOPS)
def test_a_stop_reaches_the_worker_and_takes_effect_at_its_next_word(
    worker: Production, task: UUID, how: str, function: str, given: dict[str, Any], answer: str
) -> None:
    worker.rows("INSERT INTO cards (notion_page_id, task_id) VALUES ('p', %s)", [task])
    if how == "dragged":
        worker.move(task, "Archived")
    if how == "trashed":
        worker.rows("UPDATE cards SET trashed_at = now()")
    if how == "asked":
        worker.rows("UPDATE leases SET stop_requested_at = now()")
    assert worker.lease(task)["stop_requested_at"] is not None
    assert worker.ask("heartbeat", task=task, worker="ada") == "stop"
    piece = {"kind": "clip", "position": 1, "title": "1", "path": "1.mp4", "cost_usd": 0.5}
    assert worker.ask("attach", task=task, worker="ada", **piece) == "inserted"
    assert worker.ask(function, task=task, worker="ada", **given) == answer
    assert worker.column(task) == "Archived"
    lease = worker.lease(task)
    assert (lease["worker"], lease["stop_requested_at"]) == (None, None)


def test_a_task_that_is_not_there_is_named(worker: Production) -> None:
    gone = uuid4()
    state, words = sqlstate(worker, "finish", task=gone, worker="ada")
    assert (state, f"There is no task {gone}" in words) == ("SR001", True)
