"""An event is stored in one statement, also after a restart of PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest
from kit.deliveries import Sender, inbox_rows, notion_event
from sqlalchemy import URL, event

from models.postgres.engine import Sessions, libpq, open_engine, open_sessions

Open = Callable[..., Any]


@pytest.fixture
async def unpinged(database: URL) -> AsyncIterator[Sessions]:
    """Sessions as the receiver's program opens them."""
    engine = open_engine(database, ping=False)
    yield open_sessions(engine)
    await engine.dispose()


def end_connections(database: URL) -> None:
    """As a restart of PostgreSQL does."""
    with psycopg.connect(libpq(database), autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_connections_that_died_while_they_were_idle_cost_no_event(
    open_receiver: Open,
    unpinged: Sessions,
    database: URL,
    run_requests: list[str],
    logs: list[dict[str, Any]],
) -> None:
    receiver: Sender = await open_receiver(unpinged)
    await receiver.signed(notion_event(id="before"))
    end_connections(database)
    answer = await receiver.signed(notion_event(id="after"))
    assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    assert {row.event_id for row in await inbox_rows(unpinged)} == {"before", "after"}
    assert run_requests == ["requested", "requested"]
    assert [line["event"] for line in logs] == ["webhook_received"] * 2


async def test_an_event_that_may_have_been_stored_before_its_connection_died_starts_an_ingest(
    open_receiver: Open, unpinged: Sessions, database: URL, run_requests: list[str]
) -> None:
    receiver: Sender = await open_receiver(unpinged)
    await receiver.signed(notion_event())
    end_connections(database)
    answer = await receiver.signed(notion_event())
    assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    assert len(await inbox_rows(unpinged)) == 1
    assert run_requests == ["requested", "requested"]


async def test_an_event_is_one_statement(open_receiver: Open, unpinged: Sessions) -> None:
    said: list[str] = []
    receiver: Sender = await open_receiver(unpinged)
    await receiver.signed(notion_event(id="the first of a connection"))

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement.split(maxsplit=1)[0])

    event.listen(unpinged.kw["bind"].sync_engine, "before_cursor_execute", note)
    await receiver.signed(notion_event(id="the second"))
    assert said == ["INSERT"]
