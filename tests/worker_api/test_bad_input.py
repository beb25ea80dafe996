"""What cannot be meant is refused in one sentence, with nothing stored and nothing repeated."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from kit.production import Production
from kit.worker_api import Api

PIECE = {"worker": "node-1", "kind": "clip", "position": 1, "path": "1.mp4"}
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("claim", {}, "worker: field required"),
    ("claim", {"worker": ""}, "worker:"),
    ("claim", {"worker": " a"}, "worker:"),
    ("claim", {"worker": "a\0b"}, "worker: it contains a character that cannot be stored"),
    ("claim", {"worker": "n", "lease_seconds": 365 * 86_400}, "lease_seconds:"),
    ("claim", {"worker": "n", "lease_seconds": 1}, "lease_seconds:"),
    ("claim", {"worker": "n", "lease_seconds": True}, "lease_seconds:"),
    ("claim", {"worker": "n", "lease": 60}, "there is no key “lease”"),
    ("claim", {"worker": "n", "channels": "deep_sea"}, "channels:"),
    ("{task}/heartbeat", {"worker": "node-1", "lease_seconds": 1e9}, "lease_seconds:"),
    ("{task}/attach", {**PIECE, "cost_usd": -0.01}, "cost_usd:"),
    ("{task}/attach", {**PIECE, "cost_usd": "much"}, "cost_usd:"),
    ("{task}/attach", {**PIECE, "cost_usd": True}, "cost_usd:"),
    ("{task}/attach", {**PIECE, "cost_usd": 1e9}, "cost_usd:"),
    ("{task}/attach", {**PIECE, "position": -1}, "position:"),
    ("{task}/attach", {**PIECE, "position": "1"}, "position:"),
    ("{task}/attach", {**PIECE, "kind": "opera"}, "kind:"),
    ("{task}/attach", {**PIECE, "url": "files/1.png"}, "is no URL"),
    ("{task}/attach", {**PIECE, "url": "ftp://files.example/1"}, "is no URL"),
    ("{task}/attach", {**PIECE, "sha256": "abc"}, "is no SHA-256"),
    ("{task}/attach", {**PIECE, "path": None}, "a url or a path"),
    ("{task}/report", {"worker": "node-1", "board_status": "Lunch"}, "board_status:"),
    ("{task}/fail", {"worker": "node-1", "kind": "bad", "reason": "x"}, "kind:"),
    ("{task}/fail", {"worker": "node-1", "kind": "retriable", "reason": ""}, "reason:"),
    ("{task}/fail", {"worker": "node-1", "kind": "retriable", "reason": " "}, "reason"),
    (
        "{task}/fail",
        {"worker": "node-1", "kind": "retriable", "reason": "x", "retry_at": "2026-11-24T10:00:00"},
        "retry_at:",
    ),
    (
        "{task}/fail",
        {"worker": "node-1", "kind": "retriable", "reason": "x", "retry_at": "9999-01-01T00:00Z"},
        "at most 31 days",
    ),
    ("not-a-task/finish", {"worker": "node-1"}, "task_id:"),
]


@pytest.mark.parametrize(("path", "body", "said"), WRONG)
async def test_a_request_that_cannot_be_meant_is_refused_with_what_to_send(
    api: Api, sql: Production, path: str, body: dict[str, Any], said: str
) -> None:
    task = sql.add()
    await api.claimed()
    sql.add(title="another")
    answer = await api.post("worker", path.format(task=task), **body)
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")
    assert said in answer.json()["message"]
    assert sql.column(task) == "Processing"
    assert sql.rows("SELECT FROM pieces") + sql.rows("SELECT FROM spends") == []
    assert len(sql.rows("SELECT FROM leases WHERE worker IS NOT NULL")) == 1


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-Infinity", '"NaN"'])
async def test_a_cost_that_is_no_number_is_refused(api: Api, sql: Production, number: str) -> None:
    task = sql.add()
    await api.claimed()
    body = (
        f'{{"worker": "node-1", "kind": "clip", "position": 1, "path": "1", "cost_usd": {number}}}'
    )
    client = await api.of("worker")
    headers = {"Content-Type": "application/json"}
    answer = await client.post(f"/v1/tasks/{task}/attach", content=body, headers=headers)
    assert answer.status_code == 422
    assert "cost_usd:" in answer.json()["message"]
    assert sql.rows("SELECT FROM spends") == []


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{", "application/json", 422, "invalid_request"),
        (b"[" * 100_000, "application/json", 400, "invalid_request"),
        (b"\xff\xfe", "application/json", 422, "invalid_request"),
        (b"[]", "application/json", 422, "invalid_request"),
        (b'{"worker": "\\ud800"}', "application/json", 422, "invalid_request"),
        (b'{"worker": "n"}', "text/plain", 415, "not_json"),
        (b"worker=n", "application/x-www-form-urlencoded", 415, "not_json"),
        (b" " * (256 * 1024 + 1), "application/json", 413, "too_large"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    api: Api, content: bytes, kind: str, status: int, code: str
) -> None:
    client = await api.of("worker")
    answer = await client.post("/v1/tasks/claim", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
    assert answer.json()["message"].endswith((".", "!"))


async def test_what_was_sent_is_not_repeated(api: Api) -> None:
    answer = await api.post("worker", "claim", worker={"secret": "hunter2"})
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


async def test_an_address_that_is_not_there_is_said_in_the_same_form(api: Api) -> None:
    client = await api.of("worker")
    answer = await client.get("/v1/lunch")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    answer = await client.get("/v1/tasks/claim")
    assert answer.status_code in {405, 422}
    answer = await client.delete("/v1/tasks")
    assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")


async def test_a_sender_that_stops_in_the_middle_of_a_body_gets_an_answer(api: Api) -> None:
    async def slowly() -> Any:
        yield b'{"worker":'
        msg = "the connection broke"
        raise OSError(msg)

    client = await api.of("worker")
    with pytest.raises((httpx.HTTPError, OSError)):
        await client.post("/v1/tasks/claim", content=slowly())
    assert (await client.get("/v1/tasks")).status_code == 200
