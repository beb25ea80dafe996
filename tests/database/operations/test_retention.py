"""What is old is deleted, whatever lies between; what somebody still needs is not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from kit.rows import NOW
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from models.operations import retention
from models.operations.retention import delete_events, delete_history
from models.postgres.engine import Sessions

DAY = timedelta(days=1)
LONG_AGO, BEFORE, LATELY = NOW - 30 * DAY, NOW - 14 * DAY, NOW - DAY


async def event(
    sessions: Sessions,
    name: str,
    *,
    received: datetime,
    processed: datetime | None = None,
    dead: bool = False,
) -> None:
    statement = text(
        "INSERT INTO webhook_events (event_id, event_type, payload, correlation_id, received_at, "
        "next_attempt_at, "
        "processed, processed_at, dead_at) VALUES (:name, 'page.created', '{}', 'c', :received, "
        ":received, "
        ":done, :processed, :dead)"
    )
    values = {
        "name": name,
        "received": received,
        "done": processed is not None,
        "processed": processed,
    }
    async with sessions.begin() as session:
        await session.execute(statement, {**values, "dead": received if dead else None})


async def history(sessions: Sessions, name: str, at: datetime) -> None:
    async with sessions.begin() as session:
        statement = text(
            "INSERT INTO task_history (at, actor, action) VALUES (:at, :name, 'created')"
        )
        await session.execute(statement, {"at": at, "name": name})


async def deleted(sessions: Sessions, what: str) -> tuple[int, int]:
    """How many rows went, in how many batches."""
    total, batches, after = 0, 0, 0
    while True:
        async with sessions.begin() as session:
            delete = delete_events if what == "events" else delete_history
            found = await delete(session, before=BEFORE, after=after)
        total, batches = total + found.count, batches + 1
        if found.after is None:
            return total, batches
        after = found.after


async def left(sessions: Sessions, query: str) -> list[str]:
    async with sessions() as session:
        return list(await session.scalars(text(query)))


async def test_only_events_that_were_processed_long_ago_are_deleted(sessions: Sessions) -> None:
    await event(sessions, "dead", received=LONG_AGO, dead=True)
    await event(sessions, "old", received=LONG_AGO, processed=LONG_AGO)
    await event(sessions, "waiting", received=LONG_AGO)
    await event(sessions, "replayed", received=LONG_AGO, processed=LATELY)
    await event(sessions, "young", received=LATELY, processed=LATELY)
    assert await deleted(sessions, "events") == (1, 1)
    kept = await left(sessions, "SELECT event_id FROM webhook_events ORDER BY id")
    assert kept == ["dead", "waiting", "replayed", "young"]


async def test_only_old_history_is_deleted_and_it_is_append_only_again(sessions: Sessions) -> None:
    await history(sessions, "old", LONG_AGO)
    await history(sessions, "young", LATELY)
    assert await deleted(sessions, "history") == (1, 1)
    assert await left(sessions, "SELECT actor FROM task_history") == ["young"]
    with pytest.raises(ProgrammingError, match="append-only"):
        async with sessions.begin() as session:
            await session.execute(text("DELETE FROM task_history"))


@pytest.mark.parametrize("what", ["events", "history"])
async def test_what_is_old_goes_in_batches_past_what_stays_among_it_and_no_further_than_needed(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for number in range(12):
        moment = LONG_AGO if number < 7 else LATELY
        if what == "history":
            await history(sessions, str(number), moment)
        else:
            await event(
                sessions,
                str(number),
                received=moment,
                processed=LATELY if number in {2, 3} else moment,
            )
    count, batches = await deleted(sessions, what)
    assert count == (7 if what == "history" else 5)
    assert batches == 4
