"""A database that does not work is a 503 and one log line; `/health` says whether it works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kit.clock import Clock
from kit.deliveries import (
    Sender,
    encode,
    inbox_rows,
    notion_event,
)
from sqlalchemy import text

import webhook.app
import webhook.auth
from models.postgres.engine import Sessions
from models.tables.webhook_events import WebhookEvent

Open = Callable[..., Any]


async def test_a_database_that_is_down_is_a_503_and_claims_nothing(
    open_receiver: Open, nowhere: Sessions, run_requests: list[str], logs: list[dict[str, Any]]
) -> None:
    receiver: Sender = await open_receiver(nowhere)
    answer = await receiver.signed(notion_event())
    assert (answer.status_code, answer.json()) == (503, {"detail": "unavailable"})
    assert (await receiver.http.get("/health")).status_code == 503
    assert run_requests == []
    assert {(one["event"], one["log_level"]) for one in logs} == {("inbox_unavailable", "error")}
    assert (await receiver.send(encode(notion_event()))).status_code == 401


async def test_a_database_that_hangs_is_a_503(
    open_receiver: Open, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook.app, "DATABASE_SECONDS", 0.05)
    receiver: Sender = await open_receiver(sessions)
    async with sessions() as other:
        await other.execute(text("LOCK TABLE webhook_events IN ACCESS EXCLUSIVE MODE"))
        assert (await receiver.signed(notion_event())).status_code == 503
    assert (await receiver.signed(notion_event())).json() == {"status": "received"}


async def test_an_outage_is_one_line_and_its_end_another(
    open_receiver: Open, sessions: Sessions, logs: list[dict[str, Any]]
) -> None:
    receiver: Sender = await open_receiver(sessions)
    async with sessions() as session, session.begin():
        await session.execute(text("ALTER TABLE webhook_events RENAME TO elsewhere"))
    try:
        for number in range(3):
            assert (await receiver.signed(notion_event(id=f"early-{number}"))).status_code == 503
    finally:
        async with sessions() as session, session.begin():
            await session.execute(text("ALTER TABLE elsewhere RENAME TO webhook_events"))
    assert [one["event"] for one in logs] == ["inbox_unavailable"]
    await receiver.signed(notion_event(id="late-1"))
    await receiver.signed(notion_event(id="late-2"))
    failures = [one for one in logs if one["event"] != "webhook_received"]
    assert [(one["event"], one.get("failures")) for one in failures] == [
        ("inbox_unavailable", None),
        ("inbox_back", 3),
    ]


async def test_a_failure_to_store_names_no_value_in_the_log(
    open_receiver: Open, sessions: Sessions, logs: list[dict[str, Any]]
) -> None:
    receiver: Sender = await open_receiver(sessions)
    async with sessions() as session, session.begin():
        await session.execute(text("ALTER TABLE webhook_events RENAME TO elsewhere"))
    try:
        assert (await receiver.signed(notion_event(note="a private word"))).status_code == 503
    finally:
        async with sessions() as session, session.begin():
            await session.execute(text("ALTER TABLE elsewhere RENAME TO webhook_events"))
    assert [one["error"] for one in logs] == ["UndefinedTable"]
    assert "private" not in str(logs)


async def test_health_counts_the_waiting_events(open_receiver: Open, sessions: Sessions) -> None:
    receiver: Sender = await open_receiver(sessions)
    assert (await receiver.http.get("/health")).json() == {"status": "ok", "waiting": 0}
    await receiver.signed(notion_event())
    assert (await receiver.http.get("/health")).json() == {"status": "ok", "waiting": 1}


async def test_the_receiver_tells_nothing_about_itself(
    open_receiver: Open, nowhere: Sessions
) -> None:
    receiver: Sender = await open_receiver(nowhere)
    for path in ("/docs", "/redoc", "/openapi.json", "/"):
        assert (await receiver.http.get(path)).status_code == 404
    assert (await receiver.http.get("/webhook/notion")).status_code == 405


async def test_received_at_is_the_receivers_own_clock(
    open_receiver: Open, sessions: Sessions, clock: Clock
) -> None:
    receiver: Sender = await open_receiver(sessions)
    clock.pass_(90)
    await receiver.signed(notion_event(timestamp="1999-01-01T00:00:00Z"))
    rows: list[WebhookEvent] = await inbox_rows(sessions)
    assert rows[0].received_at == clock.now
