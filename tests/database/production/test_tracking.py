"""Triggers follow a task's production whoever moves it: leases, reviews, notifications."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from kit.production import Production
from sqlalchemy import URL

from models.postgres.engine import libpq
from models.production.gates import DEFAULT_GATES, Gate, moves_at
from models.production.making import Failure
from models.production.steps import STEPS, PieceKind
from models.rules.statuses import BoardStatus
from models.tables.production import leases, pieces, reviews


@pytest.fixture
def task(worker: Production) -> UUID:
    """A task that the worker “ada” has taken."""
    made = worker.add()
    assert worker.claimed() == made
    return made


@pytest.fixture
def heard(database: URL) -> Iterator[psycopg.Connection]:
    """A connection that listens as workers do."""
    with psycopg.connect(libpq(database), autocommit=True) as connection:
        connection.execute("LISTEN showrunner_tasks")
        yield connection


def events(heard: psycopg.Connection) -> list[tuple[str, str]]:
    heard.execute("SELECT 1")
    found = [json.loads(said.payload) for said in heard.notifies(timeout=0)]
    return [(one["task"], one["event"]) for one in found]


def test_the_words_of_the_tables_are_those_of_the_rules() -> None:
    assert set(leases.FAILURES) == set(Failure)
    assert set(pieces.KINDS) == set(PieceKind)
    assert set(reviews.DECISIONS) == {"approve", "reject", "stop", "retry"}


def test_workers_are_woken_when_a_task_is_queued_approved_or_stopped(
    worker: Production, heard: psycopg.Connection
) -> None:
    task = worker.add()
    assert events(heard) == [(str(task), "pending")]
    worker.claimed()
    assert events(heard) == []
    worker.move(task, "Archived")
    assert events(heard) == [(str(task), "stopped")]
    worker.move(task, "Queued")
    worker.move(task, "Ready for Review")
    worker.move(task, "Review Approved")
    assert events(heard) == [(str(task), "pending"), (str(task), "approved")]


def test_workers_are_woken_when_the_card_of_their_task_is_trashed(
    worker: Production, task: UUID, heard: psycopg.Connection
) -> None:
    worker.rows("INSERT INTO cards (notion_page_id, task_id) VALUES ('p', %s)", [task])
    worker.rows("UPDATE cards SET trashed_at = now()")
    assert events(heard) == [(str(task), "stopped")]


def test_an_archived_task_that_nobody_works_on_needs_no_stop(
    worker: Production, task: UUID, heard: psycopg.Connection
) -> None:
    worker.move(task, "Draft")
    worker.move(task, "Archived")
    assert worker.lease(task)["stop_requested_at"] is None
    assert events(heard) == []


@pytest.mark.parametrize(
    "column", ["Draft", "Queued", "Ready for Review", "Error: API Failure", "Upload Complete"]
)
def test_a_task_that_is_moved_out_of_work_by_hand_is_its_workers_no_longer(
    worker: Production, task: UUID, column: str
) -> None:
    worker.move(task, column)
    assert worker.ask("heartbeat", task=task, worker="ada") == "lost"
    worker.pass_(days=1)
    assert worker.call("return_expired_leases") == []
    assert worker.column(task) == column


def test_a_plain_update_between_steps_keeps_the_lease(worker: Production, task: UUID) -> None:
    worker.move(task, "Audio Generating")
    assert worker.ask("heartbeat", task=task, worker="ada") == "continue"


@pytest.mark.parametrize(
    ("gate", "target", "decision"),
    [
        (STEPS[step].done, target, decision)
        for step in DEFAULT_GATES
        for target, decision in moves_at(Gate(step=step, round=1)).items()
    ],
)
@pytest.mark.parametrize(
    ("actor", "through"), [("person:ada", "board"), ("operator", "command"), ("", "sql")]
)
def test_a_move_away_from_a_gate_is_recorded_as_the_decision_that_it_is(
    worker: Production,
    gate: BoardStatus,
    target: BoardStatus,
    decision: str,
    actor: str,
    through: str,
) -> None:
    worker.rows("UPDATE channels SET gates = '{composites,assembly}'")
    task = worker.add(column=gate)
    worker.acts_as(actor)
    worker.move(task, target)
    review = worker.row("SELECT * FROM reviews")
    assert (review["decision"], review["through"]) == (decision, through)
    assert (review["actor"], review["task_title"]) == (actor or "pipeline", "squid")


def test_a_decision_that_was_recorded_before_its_move_is_recorded_once(worker: Production) -> None:
    task = worker.add(column="Ready for Review")
    worker.rows(
        "INSERT INTO reviews (at, task_id, task_title, gate, decision, actor, through, note) "
        "VALUES (%s, %s, 'squid', 'assembly', 'approve', 'token:ed', 'http', 'Fine.')",
        [worker.now, task],
    )
    worker.move(task, "Review Approved")
    assert worker.row("SELECT note FROM reviews") == {"note": "Fine."}


def test_a_column_that_is_no_gate_of_the_channel_needs_no_decision(worker: Production) -> None:
    task = worker.add(column="Composites Ready")
    worker.acts_as("person:ada")
    worker.move(task, "Videos Generating")
    task = worker.add(column="Ready for Review")
    worker.move(task, "Under Review")
    assert worker.rows("SELECT FROM reviews") == []
    assert worker.claim() is None


def test_whoever_passes_a_gate_by_plain_sql_goes_on_with_it(worker: Production) -> None:
    worker.rows("UPDATE channels SET gates = '{composites,assembly}'")
    task = worker.add(column="Composites Ready")
    worker.move(task, "Videos Generating")
    assert worker.claim() is None


@pytest.mark.parametrize("table", ["spends", "reviews"])
def test_what_was_spent_and_decided_is_never_changed_and_outlives_its_task(
    worker: Production, task: UUID, table: str
) -> None:
    worker.spent(1, task)
    worker.move(task, "Ready for Review")
    worker.move(task, "Review Rejected")
    worker.rows("DELETE FROM tasks")
    for statement in (
        f"UPDATE {table} SET task_title = ''",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=f"{table} is append-only"):
            worker.rows(statement)
    assert worker.row(f"SELECT task_title FROM {table}") == {"task_title": "squid"}
    with worker.connection.transaction():
        worker.rows("SELECT set_config('showrunner.retention', 'on', true)")
        worker.rows(f"DELETE FROM {table}")
    assert worker.rows(f"SELECT FROM {table}") == []
