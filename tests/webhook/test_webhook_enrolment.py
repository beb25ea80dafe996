"""The handshake: stored while enrolment is open; beside a secret only valid once accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from kit.clock import Clock
from kit.deliveries import SECRET, Sender, encode, inbox_rows, notion_event

from models.errors import GiveUp
from models.operations.webhook_tokens import (
    CANDIDATES_MAX,
    Token,
    Tokens,
    hold_tokens,
    read_tokens,
    store_tokens,
)
from models.postgres.engine import Sessions
from models.tables.sync_state import ENROLLED, forget
from webhook.signature import sign

Open = Callable[..., Any]
TOKEN = "secret_that_a_handshake_brings"
OTHER = "secret_of_somebody_else"
ENROLLING = {"notion_webhook_secret": None, "notion_webhook_enrolment": True}


def handshake(token: str = TOKEN) -> dict[str, str]:
    return {"verification_token": token}


async def tokens(sessions: Sessions) -> Tokens:
    async with sessions() as session:
        return await read_tokens(session)


async def stored(sessions: Sessions) -> str | None:
    """The token that counts."""
    secret = (await tokens(sessions)).secret
    return secret.token if secret is not None else None


async def waiting(sessions: Sessions) -> list[str]:
    return [one.token for one in (await tokens(sessions)).candidates]


async def accept(sessions: Sessions, token: str | None = None) -> None:
    """What `showrunner webhook accept` does."""
    async with sessions.begin() as session:
        await store_tokens(session, (await hold_tokens(session)).accepting(token))


async def test_the_first_handshake_is_stored_and_its_token_is_the_secret_from_then_on(
    open_receiver: Open, sessions: Sessions, run_requests: list[str], logs: list[dict[str, Any]]
) -> None:
    receiver: Sender = await open_receiver(sessions, **ENROLLING)
    answer = await receiver.signed(handshake(), secret=TOKEN)
    assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    assert await stored(sessions) == TOKEN
    assert run_requests == []
    assert await inbox_rows(sessions) == []
    assert (await receiver.signed(notion_event(), secret=TOKEN)).status_code == 200
    assert "webhook_enrolled" in [line["event"] for line in logs]
    assert TOKEN not in str(logs)


async def test_an_unsigned_handshake_is_taken_too(open_receiver: Open, sessions: Sessions) -> None:
    receiver: Sender = await open_receiver(sessions, **ENROLLING)
    assert (await receiver.send(encode(handshake()))).status_code == 200
    assert await stored(sessions) == TOKEN


async def test_a_handshake_signed_with_anything_but_its_own_token_is_refused(
    open_receiver: Open, sessions: Sessions
) -> None:
    receiver: Sender = await open_receiver(sessions, **ENROLLING)
    for signature in ("", "sha256=" + "0" * 64, sign(encode(handshake()), OTHER)):
        assert (
            await receiver.send(encode(handshake()), X_Notion_Signature=signature)
        ).status_code == 401
    assert await stored(sessions) is None


async def test_a_handshake_is_refused_unless_enrolment_is_open(
    open_receiver: Open, sessions: Sessions, logs: list[dict[str, Any]]
) -> None:
    closed: Sender = await open_receiver(sessions, notion_webhook_secret=None)
    configured: Sender = await open_receiver(sessions, notion_webhook_secret=SECRET)
    for receiver in (closed, configured):
        assert (await receiver.signed(handshake(), secret=TOKEN)).status_code == 401
        assert (await receiver.send(encode(handshake()))).status_code == 401
    assert await tokens(sessions) == Tokens()
    assert TOKEN not in str(logs)


async def test_beside_a_secret_a_token_waits_and_proves_nothing_until_it_is_accepted(
    open_receiver: Open, sessions: Sessions, clock: Clock, logs: list[dict[str, Any]]
) -> None:
    receiver: Sender = await open_receiver(sessions, **ENROLLING)
    await receiver.signed(handshake(), secret=TOKEN)
    answer = await receiver.signed(handshake(OTHER), secret=OTHER)
    assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    assert (await receiver.signed(handshake(OTHER), secret=OTHER)).json() == {
        "status": "already_received"
    }
    assert (await stored(sessions), await waiting(sessions)) == (TOKEN, [OTHER])
    clock.pass_(3600)
    assert (await receiver.signed(notion_event(id="1"), secret=OTHER)).status_code == 401
    assert logs[-1]["reason"] == "token_not_accepted_yet"
    assert (await receiver.signed(handshake(OTHER), secret=TOKEN)).status_code == 401
    assert (await receiver.signed(notion_event(id="2"), secret=TOKEN)).status_code == 200
    assert [row.event_id for row in await inbox_rows(sessions)] == ["2"]
    assert OTHER not in str(logs)


async def test_an_accepted_token_and_the_one_before_count_until_the_new_one_has_signed_something(
    open_receiver: Open, sessions: Sessions, clock: Clock
) -> None:
    receiver: Sender = await open_receiver(sessions, **ENROLLING)
    await receiver.signed(handshake(), secret=TOKEN)
    await receiver.send(encode(handshake(OTHER)))
    await accept(sessions)
    clock.pass_(3)
    assert (await receiver.signed(notion_event(id="1"), secret=TOKEN)).status_code == 200
    assert (await receiver.signed(notion_event(id="2"), secret=OTHER)).status_code == 200
    assert (await receiver.signed(notion_event(id="3"), secret=TOKEN)).status_code == 401
    assert (await receiver.signed(notion_event(id="4"), secret=OTHER)).status_code == 200
    assert (await stored(sessions), (await tokens(sessions)).former) == (OTHER, None)


async def test_a_token_accepted_beside_a_configured_secret_counts_beside_that_one_only(
    open_receiver: Open, sessions: Sessions
) -> None:
    receiver: Sender = await open_receiver(sessions, notion_webhook_enrolment=True)
    assert (await receiver.signed(handshake(), secret=TOKEN)).status_code == 200
    assert (await receiver.signed(notion_event(id="1"), secret=TOKEN)).status_code == 401
    await accept(sessions)
    again: Sender = await open_receiver(sessions)
    assert (await again.signed(notion_event(id="2"), secret=TOKEN)).status_code == 200
    assert (await again.signed(notion_event(id="3"), secret=SECRET)).status_code == 200
    unset: Sender = await open_receiver(sessions, notion_webhook_secret=None)
    assert (await unset.signed(notion_event(id="4"), secret=TOKEN)).status_code == 200
    changed: Sender = await open_receiver(sessions, notion_webhook_secret=OTHER)
    assert (await changed.signed(notion_event(id="5"), secret=TOKEN)).status_code == 401


async def test_strangers_handshakes_fill_nothing_and_change_nothing(
    open_receiver: Open, sessions: Sessions
) -> None:
    receiver: Sender = await open_receiver(sessions, **ENROLLING)
    await receiver.signed(handshake(), secret=TOKEN)
    for n in range(20):
        assert (await receiver.send(encode(handshake(f"stranger_{n}")))).status_code == 200
    await receiver.send(encode(handshake("stranger_17")))
    assert await waiting(sessions) == [f"stranger_{n}" for n in (17, 19, 18, 16, 15)]
    assert await stored(sessions) == TOKEN
    assert (await receiver.signed(notion_event(), secret=TOKEN)).status_code == 200


def test_among_several_tokens_the_accepted_one_is_named() -> None:
    made = Tokens(candidates=(Token(token="secret_ab"), Token(token="secret_ac")))
    for text in (None, "secret_a", "other"):
        with pytest.raises(GiveUp, match="name the one that Notion took"):
            made.accepting(text)
    assert made.accepting("secret_ac").secret == Token(token="secret_ac")
    with pytest.raises(GiveUp, match="No token waits"):
        Tokens(secret=Token(token="x")).accepting(None)


async def test_the_same_handshake_again_is_acknowledged_and_changes_nothing(
    open_receiver: Open, sessions: Sessions
) -> None:
    receiver: Sender = await open_receiver(sessions, **ENROLLING)
    await receiver.signed(handshake(), secret=TOKEN)
    again = await receiver.signed(handshake(), secret=TOKEN)
    assert (again.status_code, again.json()) == (200, {"status": "already_received"})
    assert await stored(sessions) == TOKEN
    assert await inbox_rows(sessions) == []


async def test_of_many_tokens_at_once_one_is_the_secret_and_the_others_wait(
    open_receiver: Open, sessions: Sessions
) -> None:
    receivers: list[Sender] = [await open_receiver(sessions, **ENROLLING) for _ in range(2)]
    names = [f"secret_{n}" for n in range(20)]
    sent = (
        receivers[n % 2].signed(handshake(token), secret=token) for n, token in enumerate(names)
    )
    assert {answer.status_code for answer in await asyncio.gather(*sent)} == {200}
    kept = [await stored(sessions), *await waiting(sessions)]
    assert len(set(kept) & set(names)) == len(kept) == 1 + CANDIDATES_MAX


async def test_an_open_enrolment_takes_nothing_but_a_handshake(
    open_receiver: Open, sessions: Sessions
) -> None:
    receiver: Sender = await open_receiver(sessions, **ENROLLING)
    for body in (
        b"",
        b"[" * 100_000,
        b"[" * 4000,
        b"{}",
        b'{"verification_token":""}',
        b'{"verification_token":7}',
        b'{"verification_token":"t","type":"page.created"}',
        b'{"verification_token":"t"' + b" " * 5000 + b"}",
        encode(notion_event()),
    ):
        assert (await receiver.send(body)).status_code == 401
    assert (await receiver.send(encode(handshake()), Content_Type="text/plain")).status_code == 401
    assert await stored(sessions) is None
    assert await inbox_rows(sessions) == []


async def test_the_previous_secret_serves_while_a_new_subscription_is_enrolled(
    open_receiver: Open, sessions: Sessions
) -> None:
    receiver: Sender = await open_receiver(
        sessions, **ENROLLING, notion_webhook_secret_previous=OTHER
    )
    assert (await receiver.signed(notion_event(id="1"), secret=OTHER)).status_code == 200
    assert (await receiver.signed(handshake(), secret=TOKEN)).status_code == 200
    assert (await receiver.signed(notion_event(id="2"), secret=TOKEN)).status_code == 200
    assert (await receiver.signed(notion_event(id="3"), secret=OTHER)).status_code == 200
    assert len(await inbox_rows(sessions)) == 3


async def test_a_receiver_learns_what_another_receiver_was_told(
    open_receiver: Open, sessions: Sessions, clock: Clock
) -> None:
    first: Sender = await open_receiver(sessions, **ENROLLING)
    second: Sender = await open_receiver(sessions, notion_webhook_secret=None)
    assert (await second.signed(notion_event(), secret=TOKEN)).status_code == 401
    await first.signed(handshake(), secret=TOKEN)
    clock.pass_(3)
    assert (await second.signed(notion_event(), secret=TOKEN)).status_code == 200


async def test_a_removed_token_makes_room_for_another(
    open_receiver: Open, sessions: Sessions, clock: Clock
) -> None:
    receiver: Sender = await open_receiver(sessions, **ENROLLING)
    await receiver.signed(handshake(), secret=TOKEN)
    async with sessions() as session, session.begin():
        await forget(session, ENROLLED)
    clock.pass_(3)
    assert (await receiver.signed(handshake(OTHER), secret=OTHER)).status_code == 200
    assert (await receiver.signed(notion_event(), secret=TOKEN)).status_code == 401
    assert await stored(sessions) == OTHER


async def test_while_the_secret_cannot_be_read_the_sender_is_asked_to_come_again(
    open_receiver: Open, nowhere: Sessions, clock: Clock
) -> None:
    receiver: Sender = await open_receiver(nowhere, **ENROLLING)
    for _ in range(2):
        assert (await receiver.signed(notion_event(), secret=TOKEN)).status_code == 503
        assert (await receiver.send(encode(handshake()))).status_code == 503
        clock.pass_(10)
