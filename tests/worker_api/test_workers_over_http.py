"""Workers over HTTP: each route does what the function of the same name does."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from kit.production import Production
from kit.worker_api import Api


async def test_a_task_is_taken_made_and_finished(api: Api, sql: Production) -> None:
    task = sql.add()
    taken = await api.claimed(lease_seconds=3600, channels=["deep_sea"])
    assert taken["task_id"] == str(task)
    assert (taken["title"], taken["board_status"], taken["attempt"]) == ("squid", "Processing", 1)
    step = {"board_status": "Assets Generating", "detail": "1 of 3"}
    assert await api.work(task, "report", **step) == {"answer": "continue"}
    piece = {"kind": "image", "position": 1, "url": "https://files.example/1.png", "cost_usd": 0.04}
    assert await api.work(task, "attach", **piece) == {"answer": "inserted"}
    assert await api.work(task, "attach", **piece) == {"answer": "unchanged"}
    assert await api.work(task, "heartbeat") == {"answer": "continue"}
    assert sql.lease(task)["detail"] == "1 of 3"
    assert await api.work(task, "finish") == {"answer": "waiting"}
    assert sql.column(task) == "Ready for Review"
    assert [float(row["usd"]) for row in sql.rows("SELECT usd FROM spends")] == [0.04]


async def test_where_nothing_waits_there_is_no_task(api: Api, sql: Production) -> None:
    sql.add(column="Draft")
    assert await api.claimed() is None
    sql.add(channel="b")
    assert await api.claimed(channels=["deep_sea"]) is None


async def test_a_failure_moves_the_task_to_its_column_with_the_reason(
    api: Api, sql: Production
) -> None:
    task = sql.add()
    await api.claimed()
    failed = await api.work(task, "fail", kind="invalid_input", reason="No story. Write one.")
    assert failed == {"board_status": "Error: Invalid Input"}
    assert sql.lease(task)["failure"] == "No story. Write one."


async def test_a_retriable_failure_may_say_when(api: Api, sql: Production) -> None:
    task = sql.add()
    await api.claimed()
    at = "2020-01-01T00:00:00+01:00"
    await api.work(task, "fail", kind="retriable", reason="Busy.", retry_at=at)
    assert sql.column(task) == "Error: Retriable"
    assert sql.lease(task)["next_attempt_at"] is not None


async def test_a_stop_reaches_the_worker(api: Api, sql: Production) -> None:
    task = sql.add()
    await api.claimed()
    stopped = await api.post("reviewer", f"{task}/stop", note="wrong topic")
    assert stopped.json()["stopping"] is True
    assert await api.work(task, "heartbeat") == {"answer": "stop"}
    assert await api.work(task, "report", board_status="Assets Generating") == {"answer": "stop"}
    assert sql.column(task) == "Archived"
    assert sql.lease(task)["worker"] is None


VERBS: list[tuple[str, dict[str, Any]]] = [
    ("report", {"board_status": "Assets Generating"}),
    ("fail", {"kind": "retriable", "reason": "It rains."}),
    ("finish", {}),
]


@pytest.mark.parametrize(("verb", "body"), VERBS)
async def test_a_worker_that_does_not_hold_the_task_is_refused(
    api: Api, sql: Production, verb: str, body: dict[str, Any]
) -> None:
    task = sql.add()
    await api.claimed("node-1")
    answer = await api.post("worker", f"{task}/{verb}", worker="node-2", **body)
    assert (answer.status_code, answer.json()["error"]) == (409, "lease_lost")
    assert answer.json()["message"].endswith("Claim another one.")
    gone = await api.post("worker", f"{uuid4()}/{verb}", worker="node-1", **body)
    assert (gone.status_code, gone.json()["error"]) == (409, "lease_lost")
    assert sql.column(task) == "Processing"


async def test_no_token_can_stand_for_another_tokens_worker(api: Api, sql: Production) -> None:
    task = sql.add()
    await api.claimed("node-1")
    other = api.client(await api.secret("worker", "other"))
    for name in ("node-1", "worker/node-1"):
        body = {"worker": name}
        beat = await other.post(f"/v1/tasks/{task}/heartbeat", json=body)
        assert beat.json() == {"answer": "lost"}
        assert (await other.post(f"/v1/tasks/{task}/finish", json=body)).status_code == 409
    assert sql.lease(task)["worker"] == "worker/node-1"


async def test_no_gate_is_passed_by_a_report(api: Api, sql: Production) -> None:
    task = sql.add()
    await api.claimed()
    body = {"worker": "node-1", "board_status": "Uploading"}
    answer = await api.post("worker", f"{task}/report", **body)
    assert (answer.status_code, answer.json()["error"]) == (409, "gate_not_approved")
    assert sql.column(task) == "Processing"


async def test_a_worker_moves_a_task_only_to_columns_of_steps(api: Api, sql: Production) -> None:
    task = sql.add()
    await api.claimed()
    body = {"worker": "node-1", "board_status": "Draft"}
    answer = await api.post("worker", f"{task}/report", **body)
    assert (answer.status_code, answer.json()["error"]) == (422, "column_not_allowed")
    assert "Assets Generating" in answer.json()["message"]
