"""A card's row has the values of its task, whoever writes what in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit.rows import BOARD, EARLIER, NOW, SECOND, Worker, make_card, make_observation, settled
from sqlalchemy import URL

from models.postgres.engine import Sessions, libpq
from models.sync.row_locks import repair_task_copies
from models.tables.card import Card
from models.tables.push_queue import out_of_step, pending

TASKS = [UUID(int=n) for n in range(3)]
PAGES = [f"page-{n}" for n in range(3)]
COPIES = ("task_board_status", "task_priority", "task_created_at", "task_status_changed_at")

INSERT = (
    "INSERT INTO tasks (id, title, channel_id, topic, board_status, priority) VALUES (%s, 'a', "
    "'b', 'c', %s, %s) "
    "ON CONFLICT DO NOTHING"
)
LINK = (
    "UPDATE cards SET task_id = %s WHERE notion_page_id = %s "
    "AND NOT EXISTS (SELECT FROM cards WHERE task_id = %s) AND EXISTS (SELECT FROM tasks WHERE id "
    "= %s)"
)
OUT_OF_STEP = (
    "SELECT c.* FROM cards c LEFT JOIN tasks t ON t.id = c.task_id WHERE "
    "(task_board_status, task_priority, task_created_at, task_status_changed_at) IS DISTINCT FROM "
    "(t.board_status, t.priority, t.created_at, t.status_changed_at)"
)

Statement = tuple[str, Sequence[object]]
some_task, some_page = st.sampled_from(TASKS), st.sampled_from(PAGES)
columns = st.sampled_from(["Draft", "Queued", "Uploading", "Archived"])
priorities = st.sampled_from(["low", "normal", "high"])
moments = st.sampled_from([EARLIER, EARLIER + SECOND, NOW])
statements = st.one_of(
    st.builds(
        lambda task, column, priority: (INSERT, [task, column, priority]),
        some_task,
        columns,
        priorities,
    ),
    st.builds(lambda task: ("DELETE FROM tasks WHERE id = %s", [task]), some_task),
    st.builds(
        lambda task, column: ("UPDATE tasks SET board_status = %s WHERE id = %s", [column, task]),
        some_task,
        columns,
    ),
    st.builds(
        lambda task, priority: ("UPDATE tasks SET priority = %s WHERE id = %s", [priority, task]),
        some_task,
        priorities,
    ),
    st.builds(
        lambda task, moment: (
            "UPDATE tasks SET created_at = %s, status_changed_at = %s WHERE id = %s",
            [moment, moment, task],
        ),
        some_task,
        moments,
    ),
    st.builds(
        lambda page: (
            "INSERT INTO cards (notion_page_id) VALUES (%s) ON CONFLICT DO NOTHING",
            [page],
        ),
        some_page,
    ),
    st.builds(lambda page: ("DELETE FROM cards WHERE notion_page_id = %s", [page]), some_page),
    st.builds(lambda task, page: (LINK, [task, page, task, task]), some_task, some_page),
    st.builds(
        lambda page: ("UPDATE cards SET task_id = NULL WHERE notion_page_id = %s", [page]),
        some_page,
    ),
    st.builds(
        lambda page, priority: (
            "UPDATE cards SET task_priority = %s WHERE notion_page_id = %s",
            [priority, page],
        ),
        some_page,
        priorities,
    ),
    st.just(("UPDATE tasks SET board_status = 'Queued', priority = 'high'", [])),
    st.just(("DELETE FROM tasks", [])),
)


@pytest.fixture
def worker(database: URL) -> Iterator[Worker]:
    """A program of the pipeline."""
    made = Worker(database)
    yield made
    made.connection.close()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(statements, min_size=5, max_size=25))
def test_a_card_holds_what_its_task_holds_after_every_statement(
    database: URL, work: list[Statement]
) -> None:
    with psycopg.connect(libpq(database)) as connection:
        for page in PAGES:
            connection.execute("INSERT INTO cards (notion_page_id) VALUES (%s)", [page])
        for statement, values in work:
            connection.execute(statement, values)
            assert connection.execute(OUT_OF_STEP).fetchall() == [], statement
        connection.rollback()


@pytest.mark.parametrize("card_first", [True, False])
def test_a_card_and_its_new_task_may_be_written_in_any_order(
    worker: Worker, *, card_first: bool
) -> None:
    card = ("INSERT INTO cards (notion_page_id, task_id) VALUES (%s, %s)", [PAGES[0], TASKS[0]])
    task = (INSERT, [TASKS[0], "Uploading", "high"])
    with worker.connection.transaction():
        for statement, values in (card, task) if card_first else (task, card):
            worker.rows(statement, values)
    assert worker.card("task_board_status, task_priority") == {
        "task_board_status": "Uploading",
        "task_priority": "high",
    }


def test_a_card_shows_nothing_of_a_task_that_is_deleted(worker: Worker) -> None:
    worker.rows(INSERT, [TASKS[0], "Uploading", "high"])
    worker.rows("INSERT INTO cards (notion_page_id, task_id) VALUES (%s, %s)", [PAGES[0], TASKS[0]])
    worker.rows("DELETE FROM tasks")
    assert set(worker.card(", ".join(COPIES)).values()) == {None}


async def test_an_object_that_was_read_before_writes_back_nothing_of_the_task(
    sessions: Sessions, worker: Worker
) -> None:
    await settled(sessions, make_observation(make_card()))
    async with sessions() as session:
        card = await session.get_one(Card, "page-1")
        await session.commit()
        worker.rows("UPDATE tasks SET priority = 'high'")
        session.add(card)
        card.failed("Notion said no", NOW)
        await session.commit()
    assert worker.card("task_priority, attempts") == {"task_priority": "high", "attempts": 1}
    assert not {column for column in (*COPIES, "drift_mask") if column in Card.__mapper__.columns}


def without_triggers(worker: Worker, statement: str) -> None:
    with worker.connection.transaction():
        worker.rows("SET LOCAL session_replication_role = replica")
        worker.rows(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tasks SET priority = 'high'",
        "DELETE FROM tasks",
        "UPDATE cards SET task_priority = 'low'",
    ],
)
async def test_what_was_written_without_triggers_is_mended(
    sessions: Sessions, worker: Worker, statement: str
) -> None:
    await settled(sessions, *(make_observation(make_card(f"page-{n}")) for n in range(3)))
    async with sessions() as session:
        assert await out_of_step(session, limit=10) == []
    without_triggers(worker, statement)
    assert len(worker.rows(OUT_OF_STEP)) == 3
    async with sessions.begin() as session:
        assert await repair_task_copies(session) == 3
    assert worker.rows(OUT_OF_STEP) == []
    async with sessions.begin() as session:
        assert await repair_task_copies(session) == 0
        expected = [f"page-{n}" for n in range(3)] if statement.startswith("UPDATE tasks") else []
        assert await pending(session, BOARD, now=NOW, limit=10) == expected
