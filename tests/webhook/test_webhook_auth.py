"""Which authentication is accepted for which delivery: signatures and the header secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kit.deliveries import (
    PAGE,
    Sender,
    automation_event,
    encode,
    flat_event,
    inbox_rows,
    notion_event,
)

from models.postgres.engine import Sessions
from webhook.signature import sign

Open = Callable[..., Any]

HEADER_SECRET = "the-automation-secret"


async def test_current_and_previous_secret_are_both_accepted_during_a_change(
    open_receiver: Open, sessions: Sessions
) -> None:
    receiver: Sender = await open_receiver(
        sessions, notion_webhook_secret="new", notion_webhook_secret_previous="old"
    )
    assert (await receiver.signed(notion_event(id="1"), secret="new")).status_code == 200
    assert (await receiver.signed(notion_event(id="2"), secret="old")).status_code == 200
    assert (await receiver.signed(notion_event(id="3"), secret="older")).status_code == 401


async def test_without_a_secret_the_receiver_refuses_everything(
    open_receiver: Open, sessions: Sessions
) -> None:
    for blank in (None, "", "  "):
        receiver: Sender = await open_receiver(
            sessions, notion_webhook_secret=blank, automation_webhook_secret=blank
        )
        body = encode(notion_event())
        assert (await receiver.send(body)).status_code == 401
        assert (
            await receiver.send(body, X_Notion_Signature=sign(body, blank or ""))
        ).status_code == 401
        assert (
            await receiver.send(encode(flat_event()), X_Showrunner_Secret=blank or "")
        ).status_code == 401
        assert (await receiver.send(b'{"verification_token":"t"}')).status_code == 401
    assert await inbox_rows(sessions) == []


async def test_an_automation_proves_itself_by_the_header_secret(
    open_receiver: Open, sessions: Sessions
) -> None:
    receiver: Sender = await open_receiver(sessions, automation_webhook_secret=HEADER_SECRET)
    body = encode(automation_event())
    assert (await receiver.send(body, X_Showrunner_Secret=HEADER_SECRET)).status_code == 200
    assert (await receiver.send(body, X_Showrunner_Secret=HEADER_SECRET)).json() == {
        "status": "already_received"
    }
    [row] = await inbox_rows(sessions)
    assert (row.event_id, row.page_id) == ("run-1", PAGE)


async def test_notions_signature_does_not_open_the_automations_way(
    open_receiver: Open, nowhere: Sessions
) -> None:
    receiver: Sender = await open_receiver(nowhere, automation_webhook_secret=HEADER_SECRET)
    assert (await receiver.signed(automation_event())).status_code == 401


async def test_the_flat_shape_takes_either_proof(open_receiver: Open, sessions: Sessions) -> None:
    receiver: Sender = await open_receiver(sessions, automation_webhook_secret=HEADER_SECRET)
    assert (await receiver.signed(flat_event(id="signed"))).status_code == 200
    by_header = await receiver.send(
        encode(flat_event(id="header")), X_Showrunner_Secret=HEADER_SECRET
    )
    assert by_header.status_code == 200
    assert [(row.event_id, row.page_id) for row in await inbox_rows(sessions)] == [
        ("header", PAGE),
        ("signed", PAGE),
    ]


async def test_a_bad_signature_is_never_rescued_by_the_header_secret(
    open_receiver: Open, nowhere: Sessions
) -> None:
    receiver: Sender = await open_receiver(nowhere, automation_webhook_secret=HEADER_SECRET)
    for signature in ("sha256=" + "0" * 64, ""):
        answer = await receiver.send(
            encode(flat_event()), X_Notion_Signature=signature, X_Showrunner_Secret=HEADER_SECRET
        )
        assert answer.status_code == 401
