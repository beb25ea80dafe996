"""Workers that write tasks and runs that reconcile their cards never deadlock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from random import Random
from typing import Any

import psycopg
import pytest
from kit.rows import EARLIER, MINUTE, NOW, Worker, make_card, make_observation, settled
from sqlalchemy import URL

from models.postgres.engine import Sessions, libpq
from models.sync.card_changes import mark_deleted
from models.sync.reconcile import reconcile
from models.sync.restore import restore
from models.sync.row_locks import lock_rows, repair_task_copies

LATER = NOW + MINUTE
WAITS = (
    "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = "
    "current_database()"
)


@pytest.fixture
def worker(database: URL) -> Iterator[Worker]:
    """Somebody who looks on."""
    made = Worker(database)
    yield made
    made.connection.close()


@pytest.fixture
async def pipeline(database: URL) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A worker in the middle of a transaction."""
    connection = await psycopg.AsyncConnection.connect(libpq(database))
    yield connection
    await connection.close()


async def until_somebody_waits(worker: Worker) -> None:
    for _ in range(20_000):
        if worker.row(WAITS)["n"]:
            return
        await asyncio.sleep(0)
    raise AssertionError("nobody waits for a lock")


async def reconcile_it(sessions: Sessions) -> object:
    return await settled(sessions, make_observation(make_card(priority="High"), LATER), now=LATER)


async def mark_it_deleted(sessions: Sessions) -> object:
    async with sessions.begin() as session:
        return await mark_deleted(session, ["page-1"], now=LATER, correlation_id=None)


async def restore_it(sessions: Sessions) -> object:
    async with sessions.begin() as session:
        rows = await session.connection()
        found = await rows.exec_driver_sql("SELECT id FROM task_history WHERE action = 'overruled'")
        return await restore(
            session, "page-1", found.scalar_one(), now=LATER, correlation_id="operator"
        )


async def mend_it(sessions: Sessions) -> object:
    async with sessions.begin() as session:
        return await repair_task_copies(session)


@pytest.mark.parametrize("ours", [reconcile_it, mark_it_deleted, restore_it, mend_it])
async def test_a_worker_that_has_the_task_may_write_it_while_we_wait_for_it(
    sessions: Sessions,
    worker: Worker,
    pipeline: psycopg.AsyncConnection[Any],
    ours: Callable[[Sessions], Awaitable[object]],
) -> None:
    await settled(sessions, make_observation(make_card(status="Queued")))
    worker.rows("UPDATE tasks SET priority = 'low'")
    await settled(
        sessions, make_observation(make_card(status="Queued", priority="High"), NOW + MINUTE / 2)
    )  # overruled
    with worker.connection.transaction():
        worker.rows("SET LOCAL session_replication_role = replica")
        worker.rows("UPDATE cards SET task_priority = 'high'")
    await pipeline.execute("SELECT * FROM tasks FOR UPDATE")
    we = asyncio.create_task(ours(sessions))  # type: ignore[arg-type]
    await until_somebody_waits(worker)
    # By its trigger this takes the card: whoever waits for the task must not have it already.
    await pipeline.execute("UPDATE tasks SET status = 'processing'")
    await pipeline.execute("UPDATE tasks SET board_status = 'Assets Ready'")
    await pipeline.commit()
    await we
    assert worker.card("task_board_status") == worker.row(
        "SELECT board_status AS task_board_status FROM tasks"
    )


async def test_two_who_settle_a_known_card_at_once_make_one_task(
    sessions: Sessions, worker: Worker
) -> None:
    pages = [f"page-{n}" for n in range(10)]
    for page in pages:
        await settled(sessions, make_observation(make_card(page, topic="")))
    observations = [
        [make_observation(make_card(page), LATER + n * MINUTE) for page in pages] for n in range(4)
    ]
    results = await asyncio.gather(
        *(settled(sessions, *batch, now=LATER) for batch in observations)
    )
    assert worker.row("SELECT count(*) n FROM tasks")["n"] == len(pages)
    assert sum(outcome.created for result in results for outcome in result.outcomes) == len(pages)


async def test_two_who_find_each_others_cards_deleted_do_not_deadlock(
    sessions: Sessions, worker: Worker
) -> None:
    await settled(
        sessions, make_observation(make_card("page-1")), make_observation(make_card("page-2"))
    )

    async def one(seen: str, deleted: str) -> None:
        async with sessions.begin() as session:
            await lock_rows(session, [seen, deleted])
            await reconcile(
                session, [make_observation(make_card(seen), LATER)], now=LATER, correlation_id=None
            )
            await mark_deleted(session, [deleted], now=LATER, correlation_id=None)

    await asyncio.gather(
        *(one(*pair) for _ in range(5) for pair in [("page-1", "page-2"), ("page-2", "page-1")])
    )
    assert worker.row("SELECT count(*) n FROM cards WHERE trashed_at IS NOT NULL")["n"] >= 1


async def test_workers_and_cycles_in_any_interleaving_finish_and_agree(
    sessions: Sessions, worker: Worker, database: URL
) -> None:
    pages = [f"page-{n}" for n in range(6)]
    await settled(sessions, *(make_observation(make_card(page)) for page in pages))
    columns = ["Queued", "Assets Ready", "Uploading", "Error: Retriable"]

    async def work(random: Random) -> None:
        async with await psycopg.AsyncConnection.connect(libpq(database)) as connection:
            for _ in range(25):
                async with connection.transaction():
                    page = random.choice(pages)
                    for _ in range(random.randint(1, 3)):
                        await connection.execute(
                            "UPDATE tasks SET board_status = %s, priority = %s WHERE "
                            "notion_page_id = %s",
                            [random.choice(columns), random.choice(["low", "high"]), page],
                        )

    async def observation(random: Random) -> None:
        for n in range(25):
            batch = random.sample(pages, 4)
            at = NOW + timedelta(minutes=n)
            observations = [
                make_observation(
                    make_card(p, priority=random.choice(["Low", "High"]), created=EARLIER), at
                )
                for p in batch
            ]
            await settled(sessions, *observations, now=at)

    await asyncio.gather(
        *(work(Random(n)) for n in range(3)), *(observation(Random(n)) for n in range(3))
    )
    assert (
        worker.rows(
            "SELECT * FROM cards c JOIN tasks t ON t.id = c.task_id WHERE (task_board_status, "
            "task_priority) "
            "IS DISTINCT FROM (board_status, priority) OR task_status_changed_at <> "
            "status_changed_at"
        )
        == []
    )
