"""Errors that a worker reports, leases that expire, and what comes back by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from kit.production import Production
from sqlalchemy import URL

from models.production.attempts import ATTEMPTS, wait_after
from models.production.leases import DEATHS
from models.production.making import Failure
from models.rules.statuses import BoardStatus

COLUMNS = {
    Failure.INVALID_INPUT: BoardStatus.ERROR_INVALID_INPUT,
    Failure.API_FAILURE: BoardStatus.ERROR_API_FAILURE,
    Failure.RETRIABLE: BoardStatus.ERROR_RETRIABLE,
    Failure.MANUAL_REVIEW: BoardStatus.ERROR_MANUAL_REVIEW,
}


@pytest.fixture
def task(worker: Production) -> UUID:
    """A task that the worker “ada” has taken."""
    made = worker.add()
    assert worker.claimed() == made
    return made


def fail(worker: Production, task: UUID, kind: str = "retriable", **given: Any) -> str:
    given = {"reason": "The service is too busy.", **given}
    return str(worker.ask("fail", task=task, worker="ada", kind=kind, **given))


@pytest.mark.parametrize("kind", list(Failure))
def test_each_kind_of_error_has_its_column_and_its_reason(
    worker: Production, task: UUID, kind: Failure
) -> None:
    assert fail(worker, task, kind, reason="  Scene 2 is empty: write a text.\n") == COLUMNS[kind]
    assert worker.column(task) == COLUMNS[kind]
    lease = worker.lease(task)
    assert (lease["worker"], lease["failed_as"]) == (None, kind)
    assert lease["failure"] == "Scene 2 is empty: write a text."
    assert (lease["next_attempt_at"] is not None) is (kind is Failure.RETRIABLE)


def test_what_fails_for_a_while_comes_back_by_itself_until_its_attempts_are_used_up(
    worker: Production, task: UUID
) -> None:
    for attempt in range(1, ATTEMPTS):
        assert fail(worker, task) == "Error: Retriable"
        wait = wait_after(attempt)
        assert wait is not None
        assert worker.lease(task)["next_attempt_at"] == worker.now + wait
        worker.pass_(seconds=wait.total_seconds() - 1)
        assert worker.call("return_due_retries") == []
        assert worker.claim() is None
        worker.pass_(seconds=1)
        assert worker.call("return_due_retries") == [
            {"task_id": task, "attempts": attempt, "board_status": "Queued"}
        ]
        found = worker.claim()
        assert found is not None
        assert found["attempt"] == attempt + 1
    assert wait_after(ATTEMPTS) is None
    assert fail(worker, task) == "Error: API Failure"
    lease = worker.lease(task)
    assert (lease["failed_as"], lease["next_attempt_at"]) == ("api_failure", None)
    assert lease["failure"] == (
        "The service is too busy. It was tried 5 times; drag the card to Queued to try again."
    )


def test_a_worker_may_know_better_when_to_try_again(worker: Production, task: UUID) -> None:
    tomorrow = worker.now + timedelta(days=1)
    fail(worker, task, retry_at=tomorrow)
    assert worker.lease(task)["next_attempt_at"] == tomorrow


def test_a_moment_that_is_over_is_now(worker: Production, task: UUID) -> None:
    fail(worker, task, retry_at=worker.now - timedelta(days=1))
    assert worker.lease(task)["next_attempt_at"] == worker.now


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "bad_luck"}, "kind is invalid_input, api_failure, retriable or manual_review"),
        ({"kind": None}, "kind is invalid_input, api_failure, retriable or manual_review"),
        ({"reason": " "}, "reason is what people read on the card"),
        ({"reason": None}, "reason is what people read on the card"),
        ({"kind": "api_failure", "retry_at": "2026-11-24"}, "retry_at is for kind retriable"),
        ({"retry_at": "2036-11-24"}, "at most 31 days away"),
        ({"retry_at": "infinity"}, "at most 31 days away"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(
    worker: Production, task: UUID, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=words):
        fail(worker, task, **{"kind": "retriable", **given})
    assert worker.column(task) == "Processing"


def test_a_person_who_drags_an_error_to_queued_resets_everything(
    worker: Production, task: UUID
) -> None:
    fail(worker, task)
    worker.rows("UPDATE leases SET deaths = 2")
    worker.acts_as("person:ada")
    worker.move(task, "Queued")
    lease = worker.lease(task)
    assert [lease[name] for name in ("attempts", "deaths")] == [0, 0]
    assert [
        lease[name] for name in ("next_attempt_at", "failure", "failed_as", "stop_requested_at")
    ] == [None] * 4
    assert worker.claimed() == task


def test_an_error_that_somebody_moved_on_does_not_come_back(worker: Production, task: UUID) -> None:
    fail(worker, task)
    worker.move(task, "Draft")
    worker.pass_(days=1)
    assert worker.call("return_due_retries") == []
    assert worker.column(task) == "Draft"


def test_an_error_of_a_trashed_card_stays_where_it_is(worker: Production, task: UUID) -> None:
    fail(worker, task)
    worker.rows(
        "INSERT INTO cards (notion_page_id, task_id, trashed_at) VALUES ('p', %s, now())", [task]
    )
    worker.pass_(days=1)
    assert worker.call("return_due_retries") == []
    worker.rows("UPDATE cards SET trashed_at = NULL")
    assert len(worker.call("return_due_retries")) == 1


def test_a_dead_workers_task_goes_back_to_where_it_stood_and_the_third_time_to_a_person(
    worker: Production, task: UUID
) -> None:
    for deaths in range(1, DEATHS + 1):
        worker.ask("report", task=task, worker="ada", board_status="Assets Generating")
        worker.pass_(minutes=10, seconds=-1)
        assert worker.call("return_expired_leases") == []
        worker.pass_(seconds=1)
        goes_back = deaths < DEATHS
        target = "Queued" if goes_back else "Error: Manual Review"
        assert worker.call("return_expired_leases") == [
            {
                "task_id": task,
                "worker": "ada",
                "step": None,
                "deaths": deaths,
                "board_status": target,
            }
        ]
        assert worker.column(task) == target
        assert worker.call("return_expired_leases") == []
        found = worker.claim()
        assert (found["attempt"] if found else None) == (deaths + 1 if goes_back else None)
    lease = worker.lease(task)
    assert lease["failed_as"] == "manual_review"
    assert 'stopped answering 3 times in a row, the last one was "ada"' in lease["failure"]
    assert worker.history("actor")[-1] == ("dispatcher",)


@pytest.mark.parametrize("how", ["died", "failed"])
@pytest.mark.parametrize("column", ["Review Approved", "Videos Generating"])
def test_an_approved_task_goes_back_to_its_column_and_is_given_out_again(
    worker: Production, how: str, column: str
) -> None:
    worker.rows("UPDATE channels SET gates = '{composites,assembly}'")
    gate = "Ready for Review" if column == "Review Approved" else "Composites Ready"
    task = worker.add(column=gate)
    worker.acts_as("person:ada")
    worker.move(task, column)
    worker.acts_as("")
    assert worker.claimed() == task
    next_column = "Uploading" if column == "Review Approved" else "Videos Ready"
    worker.ask("report", task=task, worker="ada", board_status=next_column)
    if how == "failed":
        fail(worker, task)
    worker.pass_(minutes=10)
    worker.call("return_expired_leases" if how == "died" else "return_due_retries")
    assert worker.column(task) == column
    found = worker.claim()
    assert found is not None
    assert (found["task_id"], found["board_status"]) == (task, column)


def test_a_dead_workers_task_that_was_stopped_is_archived(worker: Production, task: UUID) -> None:
    worker.rows("UPDATE leases SET stop_requested_at = now()")
    worker.pass_(hours=1)
    [returned] = worker.call("return_expired_leases")
    assert returned["board_status"] == worker.column(task) == "Archived"
    assert worker.lease(task)["worker"] is None


@pytest.mark.usefixtures("task")
def test_a_dead_workers_task_that_is_being_moved_is_left_to_the_next_time(
    worker: Production, database: URL
) -> None:
    worker.pass_(hours=1)
    other = Production(database, worker.now)
    with worker.connection.transaction():
        worker.rows("SELECT FROM tasks FOR UPDATE")
        assert other.call("return_expired_leases") == []
    assert len(other.call("return_expired_leases")) == 1
    other.connection.close()
