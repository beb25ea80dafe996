"""The receiver authenticates first, stores before it acknowledges, and explains no refusal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest
from kit.clock import NOW, Clock
from kit.deliveries import (
    PAGE,
    SECRET,
    Sender,
    encode,
    inbox_rows,
    notion_event,
)
from pydantic import SecretStr
from sqlalchemy import URL

import webhook.app
import webhook.auth
from models.postgres.engine import Sessions, libpq
from models.settings import Settings
from webhook.app import create_app
from webhook.signature import sign

Open = Callable[..., Any]
HEADER_SECRET = "the-automation-secret"


async def test_a_signed_event_is_stored_then_acknowledged_then_triggers(
    open_receiver: Open, sessions: Sessions, run_requests: list[str], logs: list[dict[str, Any]]
) -> None:
    receiver: Sender = await open_receiver(sessions)
    answer = await receiver.signed(notion_event())
    assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    [row] = await inbox_rows(sessions)
    assert (row.event_id, row.event_type, row.page_id) == (
        "event-1",
        "page.properties_updated",
        PAGE,
    )
    assert row.payload == notion_event()
    assert row.received_at == row.next_attempt_at == NOW
    assert not row.processed
    assert run_requests == ["requested"]
    [line] = [one for one in logs if one["event"] == "webhook_received"]
    assert line["correlation_id"] == row.correlation_id
    assert len(row.correlation_id) == 32
    assert (line["event_id"], line["event_type"], line["page_id"]) == (
        row.event_id,
        row.event_type,
        PAGE,
    )
    assert line["duplicate"] is False


async def test_the_event_is_committed_before_the_trigger_is_called(
    sessions: Sessions, database: URL
) -> None:
    seen: list[int] = []

    def look() -> None:
        # Another connection sees what is committed, and nothing else.
        with psycopg.connect(libpq(database)) as other:
            seen.extend(other.execute("SELECT count(*) FROM webhook_events").fetchone() or ())

    app = create_app(
        Settings(notion_webhook_secret=SecretStr(SECRET)), sessions, clock=Clock(), trigger=look
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://receiver"
    ) as http:
        await Sender(http).signed(notion_event())
    assert seen == [1]


async def test_a_second_delivery_of_the_same_event_is_acknowledged_and_not_stored_twice(
    open_receiver: Open, sessions: Sessions, run_requests: list[str], logs: list[dict[str, Any]]
) -> None:
    receiver: Sender = await open_receiver(sessions)
    await receiver.signed(notion_event())
    again = await receiver.signed(notion_event(attempt_number=2))
    assert (again.status_code, again.json()) == (200, {"status": "already_received"})
    [row] = await inbox_rows(sessions)
    assert row.payload["attempt_number"] == 1
    assert run_requests == ["requested"]
    assert [one["duplicate"] for one in logs if one["event"] == "webhook_received"] == [False, True]


async def test_a_hundred_duplicates_at_once_are_one_row_and_a_hundred_acknowledgements(
    open_receiver: Open, sessions: Sessions, run_requests: list[str]
) -> None:
    receiver: Sender = await open_receiver(sessions)
    answers = await asyncio.gather(*(receiver.signed(notion_event()) for _ in range(100)))
    assert [answer.status_code for answer in answers] == [200] * 100
    assert sorted(answer.json()["status"] for answer in answers) == ["already_received"] * 99 + [
        "received"
    ]
    assert len(await inbox_rows(sessions)) == 1
    assert run_requests == ["requested"]


async def test_a_year_old_event_and_an_out_of_order_pair_are_accepted(
    open_receiver: Open, sessions: Sessions
) -> None:
    receiver: Sender = await open_receiver(sessions)
    for event_id, timestamp in (
        ("later", "2026-11-23T10:00:02.000Z"),
        ("earlier", "2026-11-23T10:00:01.000Z"),
        ("old", "2025-11-23T10:00:00.000Z"),
    ):
        assert (
            await receiver.signed(notion_event(id=event_id, timestamp=timestamp))
        ).status_code == 200
    assert [row.event_id for row in await inbox_rows(sessions)] == ["earlier", "later", "old"]


async def test_an_unknown_type_is_kept(
    open_receiver: Open, sessions: Sessions, run_requests: list[str]
) -> None:
    receiver: Sender = await open_receiver(sessions)
    payload = {"id": "event-9", "type": "galaxy.created", "shape": ["nobody", "knows"]}
    assert (await receiver.signed(payload)).status_code == 200
    [row] = await inbox_rows(sessions)
    assert (row.event_type, row.page_id, row.payload) == ("galaxy.created", None, payload)
    assert run_requests == ["requested"]


async def test_text_that_postgresql_cannot_hold_is_cleaned_and_not_lost(
    open_receiver: Open, sessions: Sessions
) -> None:
    receiver: Sender = await open_receiver(sessions)
    body = rb'{"id":"event-1","type":"page.moved","note":"a\u0000b \ud800 \ud83c\udfac","\u0000":1}'
    assert (await receiver.signed(body)).status_code == 200
    [row] = await inbox_rows(sessions)
    assert row.payload == {
        "id": "event-1",
        "type": "page.moved",
        "note": "a\ufffdb \ufffd 🎬",
        "\ufffd": 1,
    }


async def test_special_characters_pass_unharmed(open_receiver: Open, sessions: Sessions) -> None:
    receiver: Sender = await open_receiver(sessions)
    payload = notion_event(note="Ünï©ødé 🎬 \u2028 \\ \" ' \x1f")
    assert (await receiver.signed(payload)).status_code == 200
    assert (await inbox_rows(sessions))[0].payload == payload


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "signature_missing"),
        ({"X_Notion_Signature": ""}, "signature_malformed"),
        ({"X_Notion_Signature": "v1=abc"}, "signature_malformed"),
        ({"X_Notion_Signature": "sha256=" + "0" * 64}, "signature_mismatch"),
        ({"X_Notion_Signature": sign(encode(notion_event()), "another")}, "signature_mismatch"),
        (
            {"X_Notion_Signature": sign(encode(notion_event()), SECRET).upper()},
            "signature_malformed",
        ),
        (
            {"X_Notion_Signature": sign(encode(notion_event(id="other")), SECRET)},
            "signature_mismatch",
        ),
        ({"X_Showrunner_Secret": "wrong"}, "header_secret_mismatch"),
        ({"X_Showrunner_Secret": ""}, "header_secret_mismatch"),
        ({"X_Showrunner_Secret": HEADER_SECRET}, "proof_of_another_shape"),
    ],
)
async def test_an_unproven_event_is_refused_without_a_word(
    open_receiver: Open,
    nowhere: Sessions,
    run_requests: list[str],
    logs: list[dict[str, Any]],
    headers: dict[str, str],
    reason: str,
) -> None:
    receiver: Sender = await open_receiver(nowhere, automation_webhook_secret=HEADER_SECRET)
    answer = await receiver.send(encode(notion_event()), **headers)
    assert (answer.status_code, answer.json()) == (401, {"detail": "refused"})
    assert run_requests == []
    [line] = [one for one in logs if one["event"] == "webhook_refused"]
    assert (line["reason"], line["bytes"], line["log_level"]) == (
        reason,
        len(encode(notion_event())),
        "warning",
    )
    assert PAGE not in str(logs)


async def test_json_spelled_anew_does_not_match_its_signature(
    open_receiver: Open, nowhere: Sessions
) -> None:
    receiver: Sender = await open_receiver(nowhere)
    body = encode(notion_event())
    respelled = json.dumps(json.loads(body), indent=1).encode()
    assert (
        await receiver.send(respelled, X_Notion_Signature=sign(body, SECRET))
    ).status_code == 401


async def test_two_signatures_in_one_request_are_none(
    open_receiver: Open, nowhere: Sessions
) -> None:
    receiver: Sender = await open_receiver(nowhere)
    body = encode(notion_event())
    twice = [
        ("X-Notion-Signature", sign(body, SECRET)),
        ("X-Notion-Signature", "sha256=" + "0" * 64),
    ]
    headers = [("Content-Type", "application/json"), *twice]
    answer = await receiver.http.post("/webhook/notion", content=body, headers=headers)
    assert answer.status_code == 401


async def test_an_unproven_body_is_never_parsed(
    open_receiver: Open, nowhere: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parsed(_body: bytes) -> dict[str, Any]:
        pytest.fail("parsed")

    monkeypatch.setattr(webhook.app, "parse", parsed)
    monkeypatch.setattr(webhook.auth, "parse", parsed)
    receiver: Sender = await open_receiver(nowhere)
    for body in (b"[" * 100_000, b"no json", encode(notion_event())):
        assert (await receiver.send(body)).status_code == 401
        assert (
            await receiver.send(body, X_Notion_Signature="sha256=" + "0" * 64)
        ).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"[" * 100_000,
        b'{"id":NaN}',
        b"{}",
        encode(notion_event(id=7)),
        b"\xff\xff",
    ],
    ids=["empty", "text", "array", "depth bomb", "NaN", "no event", "id is no text", "no UTF-8"],
)
async def test_a_signed_body_that_is_no_event_is_refused(
    open_receiver: Open, nowhere: Sessions, run_requests: list[str], body: bytes
) -> None:
    receiver: Sender = await open_receiver(nowhere)
    answer = await receiver.signed(body)
    assert (answer.status_code, answer.json()) == (400, {"detail": "refused"})
    assert run_requests == []


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "", "json", "application/jsonp"]
)
async def test_another_content_type_is_refused(
    open_receiver: Open, nowhere: Sessions, kind: str
) -> None:
    receiver: Sender = await open_receiver(nowhere)
    assert (await receiver.signed(notion_event(), Content_Type=kind)).status_code == 400


async def test_json_by_any_of_its_names_is_taken(open_receiver: Open, sessions: Sessions) -> None:
    receiver: Sender = await open_receiver(sessions)
    for kind in (
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/cloudevents+json",
    ):
        assert (await receiver.signed(notion_event(), Content_Type=kind)).status_code == 200
