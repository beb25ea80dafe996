"""A change of a task wakes the push: at once, then at most once in 5 s, and never for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from kit.production import Production
from kit.rows import make_card, make_observation, settled
from sqlalchemy import URL

from flows.runtime.push_on_change import INTERVAL, PushOnChange
from models.postgres.engine import Sessions
from models.postgres.notify import CARDS_DIFFER, hear_announcements


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
async def heard(database: URL) -> AsyncIterator[asyncio.Queue[None]]:
    """What listeners hear."""
    events: asyncio.Queue[None] = asyncio.Queue()
    task = asyncio.create_task(
        hear_announcements(database, lambda: events.put(None), channel=CARDS_DIFFER)
    )
    yield events
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_worker_that_moves_a_task_is_heard_and_a_change_that_no_card_shows_is_not(
    database: URL, sessions: Sessions, heard: asyncio.Queue[None]
) -> None:
    worker = Production(database)
    worker.rows("INSERT INTO channels (id) VALUES ('deep_sea') ON CONFLICT DO NOTHING")
    await settled(sessions, make_observation(make_card(title="squid", topic="topic")))
    task = worker.row("SELECT id FROM tasks")["id"]
    async with asyncio.timeout(60):
        while heard.empty():  # until it listens
            worker.move(task, "Processing")
            worker.move(task, "Draft")
            await asyncio.sleep(0)
    worker.move(task, "Processing")
    while not heard.empty():
        heard.get_nowait()
    worker.rows("UPDATE tasks SET updated_at = now()")
    worker.rows("UPDATE cards SET attempts = 1")
    worker.add(title="kraken")
    async with asyncio.timeout(60):
        await heard.get()
    assert heard.empty()
    worker.connection.close()
