"""A change of a task wakes the push: at once, then at most once in 5 s, and never for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import httpx
import psycopg
import pytest
from kit.production import Production
from kit.rows import make_card, make_observation, settled
from sqlalchemy import URL

from flows.runtime.push_on_change import INTERVAL, PushOnChange
from models.postgres.engine import Sessions, libpq
from models.postgres.notify import CARDS_DIFFER


class Requests:
    """Runs that were requested; waiting takes no time, and ends when the test says so."""

    def __init__(self, *errors: Exception) -> None:
        self.made: asyncio.Queue[int] = asyncio.Queue()
        self.waits: list[float] = []
        self.over = asyncio.Semaphore(0)
        self._errors = list(errors)
        self._count = 0

    async def request(self) -> None:
        self._count += 1
        self.made.put_nowait(self._count)
        if self._errors:
            raise self._errors.pop()

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await self.over.acquire()


@pytest.mark.parametrize("errors", [[], [httpx.ConnectError("nobody there")]])
async def test_any_number_of_changes_within_the_interval_share_one_run(
    errors: list[Exception],
) -> None:
    requests = Requests(*errors)
    pushing = PushOnChange(requests.request, sleep=requests.sleep)
    async with asyncio.timeout(30):
        serving = asyncio.create_task(pushing.serve())
        await pushing.changed()
        assert await requests.made.get() == 1
        for _ in range(3):
            await pushing.changed()
        requests.over.release()
        assert await requests.made.get() == 2
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
    assert requests.made.empty()
    assert set(requests.waits) == {INTERVAL}


@pytest.fixture
def listener(database: URL) -> Iterator[psycopg.Connection]:
    """A connection that listens as workers do."""
    with psycopg.connect(libpq(database), autocommit=True) as connection:
        connection.execute(f"LISTEN {CARDS_DIFFER}")
        yield connection


def heard(listener: psycopg.Connection) -> int:
    """How many notifications have come since the last call."""
    listener.execute("SELECT 1")
    return len(list(listener.notifies(timeout=0)))


async def test_a_move_and_a_new_task_are_heard_and_what_no_card_shows_is_not(
    database: URL, sessions: Sessions, listener: psycopg.Connection
) -> None:
    worker = Production(database)
    worker.rows("INSERT INTO channels (id) VALUES ('deep_sea') ON CONFLICT DO NOTHING")
    await settled(sessions, make_observation(make_card(title="squid", topic="topic")))
    task = worker.row("SELECT id FROM tasks")["id"]
    heard(listener)
    worker.rows("UPDATE tasks SET updated_at = now()")
    worker.rows("UPDATE cards SET attempts = 1")
    assert heard(listener) == 0
    worker.move(task, "Processing")
    assert heard(listener) == 1
    worker.move(task, "Assets Generating")  # it differs already
    assert heard(listener) == 0
    worker.add(title="kraken")
    assert heard(listener) == 1
    worker.connection.close()
