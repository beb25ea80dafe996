"""Faults that cannot be set."""

import pytest
from sandbox_harness import Harness, Json


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "needs status, drop, delay_ms or stale_seconds"),
        ({"status": 418}, "status must be one of"),
        ({"status": "429"}, "status must be a whole number"),
        ({"status": True}, "status must be a whole number"),
        ({"status": 500, "times": 0}, "times must be at least 1"),
        ({"status": 500, "retry_after": -1}, "must not be negative"),
        ({"status": 500, "drop": "after"}, "one of status, drop and stale_seconds"),
        ({"drop": "during"}, "drop must be one of before, after"),
        ({"drop": "after", "saved": True}, 'Use "drop": "after"'),
        ({"drop": "after", "html": True}, "need a status"),
        ({"stale_seconds": 301}, "at most 300"),
        ({"stale_seconds": 3, "delay_ms": 1}, "goes with no delay_ms"),
        ({"status": 500, "path": "/sandbox"}, "path must be a path that starts with /v1/"),
        ({"status": 500, "method": "patch"}, "method must be one of"),
        ({"status": 500, "who": "cat"}, "who must be one of"),
        ({"status": 500, "saved": 1}, "saved must be true or false"),
        ({"status": 500, "delay": 1}, "A fault has no 'delay'"),
    ],
)
async def test_a_fault_that_cannot_work_is_refused_with_a_sentence(
    box: Harness, body: Json, message: str
) -> None:
    response = await box.http.post("/sandbox/faults", json=body)
    assert response.status_code == 400
    assert message in response.json()["message"]
    assert box.sandbox.faults.all() == []


async def test_another_site_cannot_set_a_fault(box: Harness) -> None:
    plain = await box.http.post("/sandbox/faults", content=b'{"status": 500}')
    assert plain.status_code == 415
