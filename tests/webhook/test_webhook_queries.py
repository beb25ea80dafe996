"""What a request costs the database: a forgery almost nothing, an event one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from kit.clock import Clock
from kit.deliveries import Sender, notion_event
from sqlalchemy import URL, event

from models.postgres.engine import open_engine, open_sessions

Open = Callable[..., Any]


async def test_a_flood_of_forgeries_is_one_query(
    open_receiver: Open, database: URL, clock: Clock
) -> None:
    engine = open_engine(database)
    queries: list[str] = []
    event.listen(
        engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _cur, statement, *_: queries.append(statement),
    )
    receiver: Sender = await open_receiver(open_sessions(engine), notion_webhook_secret=None)
    await asyncio.gather(*(receiver.signed(notion_event(), secret="forged") for _ in range(50)))
    assert len(queries) == 1
    clock.pass_(2.9)
    await receiver.signed(notion_event(), secret="forged")
    assert len(queries) == 1
    clock.pass_(0.1)
    await receiver.signed(notion_event(), secret="forged")
    assert len(queries) == 2
    await engine.dispose()


async def test_with_a_secret_a_genuine_request_is_one_insert_and_many_forgeries_one_query(
    open_receiver: Open, database: URL
) -> None:
    engine = open_engine(database)
    queries: list[str] = []
    event.listen(
        engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _cur, statement, *_: queries.append(statement),
    )
    receiver: Sender = await open_receiver(open_sessions(engine))
    await receiver.signed(notion_event())
    assert [query.split()[0] for query in queries] == ["INSERT"]
    for _ in range(3):
        await receiver.signed(notion_event(), secret="forged")
    assert [query.split()[0] for query in queries] == ["INSERT", "SELECT"]
    await engine.dispose()
