"""Decisions over HTTP: about the gate and round that a person saw, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from kit.production import Production
from kit.waiting import until
from kit.worker_api import Api

COMPOSITES = {"gate": "composites", "round": 1}
FILM = {"gate": "assembly", "round": 1}


@pytest.fixture
def at_gate(sql: Production) -> UUID:
    """A task that waits at the gate of its composites, with pieces for three scenes."""
    sql.rows("UPDATE channels SET gates = '{composites,assembly}'")
    task = sql.add()
    sql.claim()
    for position in (1, 2, 3):
        piece = {"kind": "composite", "position": position, "title": "", "path": "1.png"}
        sql.ask("attach", task=task, worker="ada", **piece)
    assert report(sql, task, "Composites Ready") == "waiting"
    return task


def report(sql: Production, task: UUID, column: str) -> str:
    return str(sql.ask("report", task=task, worker="ada", board_status=column))


def reviews(sql: Production) -> list[tuple[Any, ...]]:
    columns = "gate, round, decision, actor, through, pieces, note"
    return [tuple(row.values()) for row in sql.rows(f"SELECT {columns} FROM reviews ORDER BY id")]


async def test_an_approval_lets_a_worker_go_on(api: Api, sql: Production, at_gate: UUID) -> None:
    answer = await api.post("reviewer", f"{at_gate}/approve", **COMPOSITES, note="fine")
    assert answer.json() == {
        "task_id": str(at_gate),
        "decision": "approve",
        "before": "Composites Ready",
        "board_status": "Videos Generating",
        "gate": "composites",
        "round": 1,
        "stopping": False,
    }
    assert reviews(sql) == [("composites", 1, "approve", "token:reviewer", "http", [], "fine")]
    assert sql.history("actor", "new_value")[-1] == ("token:reviewer", "Videos Generating")
    taken = await api.claimed()
    assert (taken["task_id"], taken["board_status"]) == (str(at_gate), "Videos Generating")
    assert await api.work(at_gate, "report", board_status="Audio Generating") == {
        "answer": "continue"
    }


async def test_a_rejection_names_pieces_and_begins_a_new_round(
    api: Api, sql: Production, at_gate: UUID
) -> None:
    body = {**COMPOSITES, "pieces": [3, 2, 3], "note": "hands"}
    answer = await api.post("reviewer", f"{at_gate}/reject", **body)
    assert answer.json()["board_status"] == "Queued"
    assert reviews(sql) == [("composites", 1, "reject", "token:reviewer", "http", [2, 3], "hands")]
    assert sql.claimed() == at_gate
    report(sql, at_gate, "Composites Ready")
    old = await api.post("reviewer", f"{at_gate}/approve", **COMPOSITES)
    assert (old.status_code, old.json()["error"]) == (409, "outdated")
    assert "waits at “composites”, round 2" in old.json()["message"]
    assert old.json()["task"] == {
        "board_status": "Composites Ready",
        "gate": "composites",
        "round": 2,
    }
    new = await api.post("reviewer", f"{at_gate}/approve", gate="composites", round=2)
    assert new.json()["board_status"] == "Videos Generating"


async def test_a_film_is_approved_for_its_upload(api: Api, sql: Production) -> None:
    task = sql.add()
    sql.claim()
    sql.ask("finish", task=task, worker="ada")
    answer = await api.post("reviewer", f"{task}/approve", **FILM)
    assert answer.json()["board_status"] == "Review Approved"
    assert await api.claimed() is not None
    assert await api.work(task, "finish") == {"answer": "done"}
    assert sql.column(task) == "Upload Complete"


async def test_a_film_is_rejected_and_tried_again(api: Api, sql: Production) -> None:
    task = sql.add(column="Under Review")
    answer = await api.post("reviewer", f"{task}/reject", **FILM)
    assert answer.json()["board_status"] == "Review Rejected"
    again = await api.post("reviewer", f"{task}/retry")
    assert (again.json()["board_status"], again.json()["gate"]) == ("Queued", None)
    assert [row[:3] for row in reviews(sql)] == [("assembly", 1, "reject"), (None, 1, "retry")]
    assert sql.claimed() == task


@pytest.mark.parametrize(
    "column",
    ["Error: Invalid Input", "Error: API Failure", "Error: Retriable", "Error: Manual Review"],
)
async def test_a_retry_offers_a_failed_task_with_all_its_attempts(
    api: Api, sql: Production, column: str
) -> None:
    task = sql.add(column=column)
    sql.rows("INSERT INTO leases (task_id, attempts, deaths) VALUES (%s, 5, 3)", [task])
    assert (await api.post("reviewer", f"{task}/retry", note="paid")).status_code == 200
    lease = sql.lease(task)
    assert (sql.column(task), lease["attempts"], lease["deaths"]) == ("Queued", 0, 0)


async def test_a_stop_of_what_nobody_works_on_is_at_once(api: Api, sql: Production) -> None:
    task = sql.add()
    answer = await api.post("reviewer", f"{task}/stop")
    assert (answer.json()["board_status"], answer.json()["stopping"]) == ("Archived", False)
    assert sql.claimed() is None
    again = await api.post("reviewer", f"{task}/stop")
    assert (again.status_code, again.json()["error"]) == (409, "outdated")
    assert "there is nothing to stop" in again.json()["message"]
    assert len(reviews(sql)) == 1


async def test_a_stop_at_a_gate_is_about_that_gate(
    api: Api, sql: Production, at_gate: UUID
) -> None:
    answer = await api.post("reviewer", f"{at_gate}/stop", gate="assembly", round=1)
    assert answer.status_code == 409
    answer = await api.post("reviewer", f"{at_gate}/stop", **COMPOSITES)
    assert answer.json()["board_status"] == "Archived"
    assert [row[:3] for row in reviews(sql)] == [("composites", 1, "stop")]


@pytest.mark.parametrize("verb", ["approve", "reject"])
async def test_two_decisions_at_once_are_one(
    api: Api, sql: Production, at_gate: UUID, verb: str
) -> None:
    """Both wait for the task's row; the second sees what the first one did."""
    await api.of("reviewer")
    with sql.connection.transaction():
        sql.rows("SELECT FROM tasks FOR UPDATE")
        both = [
            asyncio.ensure_future(api.post("reviewer", f"{at_gate}/{one}", **COMPOSITES))
            for one in ("approve", verb)
        ]
        waiting = "SELECT FROM pg_locks WHERE NOT granted"
        await until(lambda: len(sql.rows(waiting)) == 2)
    answers = [await one for one in both]
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    [late] = [answer.json() for answer in answers if answer.status_code == 409]
    assert (late["error"], "waits at no gate any more" in late["message"]) == ("outdated", True)
    assert late["task"]["board_status"] == sql.column(at_gate)
    assert len(reviews(sql)) == 1


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("approve", COMPOSITES),
        ("reject", COMPOSITES),
        ("retry", {}),
        ("stop", COMPOSITES),
    ],
)
async def test_a_decision_about_a_task_that_waits_nowhere_is_outdated(
    api: Api, sql: Production, verb: str, body: dict[str, Any]
) -> None:
    task = sql.add()
    answer = await api.post("reviewer", f"{task}/{verb}", **body)
    assert (answer.status_code, answer.json()["error"]) == (409, "outdated")
    assert answer.json()["task"] == {"board_status": "Queued"}
    assert (sql.column(task), reviews(sql)) == ("Queued", [])


@pytest.mark.parametrize(
    ("verb", "body", "said"),
    [
        ("approve", {}, "gate: field required"),
        ("approve", {"gate": "composites"}, "round: field required"),
        ("approve", {"gate": "lunch", "round": 1}, "gate:"),
        ("approve", {**COMPOSITES, "round": 0}, "round:"),
        ("approve", {**COMPOSITES, "round": 1.0}, "round:"),
        ("approve", {**COMPOSITES, "pieces": [1]}, "there is no key “pieces”"),
        ("reject", {**COMPOSITES, "pieces": [4]}, "no scene 4; the scenes are 1 to 3"),
        ("reject", {**COMPOSITES, "pieces": [0]}, "pieces.0:"),
        ("reject", {**COMPOSITES, "pieces": ["1"]}, "pieces.0:"),
        ("reject", {**COMPOSITES, "pieces": [10**30]}, "pieces.0:"),
        ("reject", {**COMPOSITES, "note": "x" * 2001}, "note:"),
        ("stop", {"gate": "composites"}, "gate and round belong together"),
        ("retry", {"round": 1}, "gate and round belong together"),
    ],
)
async def test_a_decision_that_cannot_be_meant_is_refused(
    api: Api, sql: Production, at_gate: UUID, verb: str, body: dict[str, Any], said: str
) -> None:
    answer = await api.post("reviewer", f"{at_gate}/{verb}", **body)
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")
    assert said in answer.json()["message"]
    assert (sql.column(at_gate), reviews(sql)) == ("Composites Ready", [])


async def test_a_card_in_the_trash_can_only_be_stopped(
    api: Api, sql: Production, at_gate: UUID
) -> None:
    sql.rows(
        "INSERT INTO cards (notion_page_id, task_id, trashed_at) VALUES ('p', %s, now())", [at_gate]
    )
    for verb in ("approve", "reject"):
        answer = await api.post("reviewer", f"{at_gate}/{verb}", **COMPOSITES)
        assert (answer.status_code, "in the trash" in answer.json()["message"]) == (409, True)
    assert (await api.post("reviewer", f"{at_gate}/stop")).status_code == 200


async def test_a_task_that_is_not_there_is_not_found(api: Api) -> None:
    for verb, body in (("approve", FILM), ("stop", {})):
        answer = await api.post("reviewer", f"{uuid4()}/{verb}", **body)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_a_decision_by_a_clock_that_is_late_still_counts_for_its_move(
    api: Api, sql: Production, at_gate: UUID
) -> None:
    """The trigger ignores a review that is older than the task's last move."""
    sql.rows("UPDATE tasks SET status_changed_at = status_changed_at + interval '20 hours'")
    assert (await api.post("reviewer", f"{at_gate}/approve", **COMPOSITES)).status_code == 200
    assert len(reviews(sql)) == 1
    assert sql.lease(at_gate)["approved_at"] is not None
