"""The handshake: one token, once, while the operator holds the door open for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from door_kit import SECRET, Clock, Sender, encode, inbox_rows, notion_event
from sqlalchemy import URL, event

from models.database import Sessions, open_engine, open_sessions
from models.sync_state import ENROLLED, forget, get_value
from webhook.signature import sign

Open = Callable[..., Any]
TOKEN = "secret_that_a_handshake_brings"
OTHER = "secret_of_somebody_else"
ENROLLING = {"notion_webhook_secret": None, "notion_webhook_enrolment": True}


def handshake(token: str = TOKEN) -> dict[str, str]:
    return {"verification_token": token}


async def stored(sessions: Sessions) -> object:
    async with sessions() as session:
        return await get_value(session, ENROLLED)


async def test_the_first_handshake_is_stored_and_its_token_is_the_secret_from_then_on(
    open_door: Open, sessions: Sessions, kicks: list[str], logs: list[dict[str, Any]]
) -> None:
    door: Sender = await open_door(sessions, **ENROLLING)
    answer = await door.signed(handshake(), secret=TOKEN)
    assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    assert await stored(sessions) == {"token": TOKEN}
    assert kicks == []
    assert await inbox_rows(sessions) == []
    assert (await door.signed(notion_event(), secret=TOKEN)).status_code == 200
    assert "webhook_enrolled" in [line["event"] for line in logs]
    assert TOKEN not in str(logs)


async def test_an_unsigned_handshake_is_taken_too(open_door: Open, sessions: Sessions) -> None:
    door: Sender = await open_door(sessions, **ENROLLING)
    assert (await door.send(encode(handshake()))).status_code == 200
    assert await stored(sessions) == {"token": TOKEN}


async def test_a_handshake_signed_with_anything_but_its_own_token_is_refused(
    open_door: Open, sessions: Sessions
) -> None:
    door: Sender = await open_door(sessions, **ENROLLING)
    for signature in ("", "sha256=" + "0" * 64, sign(encode(handshake()), OTHER)):
        assert (await door.send(encode(handshake()), X_Notion_Signature=signature)).status_code == 401
    assert await stored(sessions) is None


async def test_a_handshake_is_refused_unless_enrolment_is_open_and_no_secret_is_set(
    open_door: Open, sessions: Sessions, logs: list[dict[str, Any]]
) -> None:
    closed: Sender = await open_door(sessions, notion_webhook_secret=None)
    configured: Sender = await open_door(sessions, notion_webhook_secret=SECRET)
    both: Sender = await open_door(sessions, notion_webhook_secret=SECRET, notion_webhook_enrolment=True)
    for door in (closed, configured, both):
        assert (await door.signed(handshake(), secret=TOKEN)).status_code == 401
        assert (await door.send(encode(handshake()))).status_code == 401
    assert await stored(sessions) is None
    assert TOKEN not in str(logs)


async def test_a_second_token_never_replaces_the_first(open_door: Open, sessions: Sessions, clock: Clock) -> None:
    door: Sender = await open_door(sessions, **ENROLLING)
    await door.signed(handshake(), secret=TOKEN)
    clock.advance(3600)
    assert (await door.signed(handshake(OTHER), secret=OTHER)).status_code == 401
    assert (await door.send(encode(handshake(OTHER)))).status_code == 401
    assert (await door.signed(handshake(OTHER), secret=TOKEN)).status_code == 401
    assert await stored(sessions) == {"token": TOKEN}


async def test_the_same_handshake_again_is_acknowledged_and_changes_nothing(
    open_door: Open, sessions: Sessions
) -> None:
    door: Sender = await open_door(sessions, **ENROLLING)
    await door.signed(handshake(), secret=TOKEN)
    again = await door.signed(handshake(), secret=TOKEN)
    assert (again.status_code, again.json()) == (200, {"status": "already_received"})
    assert await stored(sessions) == {"token": TOKEN}
    assert await inbox_rows(sessions) == []


async def test_of_many_tokens_at_once_one_wins(open_door: Open, sessions: Sessions) -> None:
    doors: list[Sender] = [await open_door(sessions, **ENROLLING) for _ in range(2)]
    tokens = [f"secret_{n}" for n in range(20)]
    sent = (doors[n % 2].signed(handshake(token), secret=token) for n, token in enumerate(tokens))
    codes = [answer.status_code for answer in await asyncio.gather(*sent)]
    assert sorted(codes) == [200] + [401] * 19
    assert await stored(sessions) == {"token": tokens[codes.index(200)]}


async def test_an_open_enrolment_takes_nothing_but_a_handshake(open_door: Open, sessions: Sessions) -> None:
    door: Sender = await open_door(sessions, **ENROLLING)
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
        assert (await door.send(body)).status_code == 401
    assert (await door.send(encode(handshake()), Content_Type="text/plain")).status_code == 401
    assert await stored(sessions) is None
    assert await inbox_rows(sessions) == []


async def test_the_previous_secret_serves_while_a_new_subscription_is_enrolled(
    open_door: Open, sessions: Sessions
) -> None:
    door: Sender = await open_door(sessions, **ENROLLING, notion_webhook_secret_previous=OTHER)
    assert (await door.signed(notion_event(id="1"), secret=OTHER)).status_code == 200
    assert (await door.signed(handshake(), secret=TOKEN)).status_code == 200
    assert (await door.signed(notion_event(id="2"), secret=TOKEN)).status_code == 200
    assert (await door.signed(notion_event(id="3"), secret=OTHER)).status_code == 200
    assert len(await inbox_rows(sessions)) == 3


async def test_a_door_learns_what_another_door_was_told(open_door: Open, sessions: Sessions, clock: Clock) -> None:
    first: Sender = await open_door(sessions, **ENROLLING)
    second: Sender = await open_door(sessions, notion_webhook_secret=None)
    assert (await second.signed(notion_event(), secret=TOKEN)).status_code == 401
    await first.signed(handshake(), secret=TOKEN)
    clock.advance(3)
    assert (await second.signed(notion_event(), secret=TOKEN)).status_code == 200


async def test_a_removed_token_makes_room_for_another(open_door: Open, sessions: Sessions, clock: Clock) -> None:
    door: Sender = await open_door(sessions, **ENROLLING)
    await door.signed(handshake(), secret=TOKEN)
    async with sessions() as session, session.begin():
        await forget(session, ENROLLED)
    clock.advance(3)
    assert (await door.signed(handshake(OTHER), secret=OTHER)).status_code == 200
    assert (await door.signed(notion_event(), secret=TOKEN)).status_code == 401
    assert await stored(sessions) == {"token": OTHER}


async def test_a_flood_of_forgeries_is_one_query(open_door: Open, database: URL, clock: Clock) -> None:
    engine = open_engine(database)
    queries: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda _c, _cur, statement, *_: queries.append(statement))
    door: Sender = await open_door(open_sessions(engine), notion_webhook_secret=None)
    await asyncio.gather(*(door.signed(notion_event(), secret="forged") for _ in range(50)))
    assert len(queries) == 1
    clock.advance(2.9)
    await door.signed(notion_event(), secret="forged")
    assert len(queries) == 1
    clock.advance(0.1)
    await door.signed(notion_event(), secret="forged")
    assert len(queries) == 2
    await engine.dispose()


async def test_with_a_configured_secret_a_request_is_the_insert_and_no_other_query(
    open_door: Open, database: URL
) -> None:
    engine = open_engine(database)
    queries: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda _c, _cur, statement, *_: queries.append(statement))
    door: Sender = await open_door(open_sessions(engine))
    await door.signed(notion_event(), secret="forged")
    assert queries == []
    await door.signed(notion_event())
    assert [query.split()[0] for query in queries] == ["INSERT"]
    await engine.dispose()


async def test_while_the_secret_cannot_be_read_the_sender_is_asked_to_come_again(
    open_door: Open, nowhere: Sessions, clock: Clock
) -> None:
    door: Sender = await open_door(nowhere, **ENROLLING)
    for _ in range(2):
        assert (await door.signed(notion_event(), secret=TOKEN)).status_code == 503
        assert (await door.send(encode(handshake()))).status_code == 503
        clock.advance(10)
