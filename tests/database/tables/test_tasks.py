"""`tasks`: plain SQL keeps the statuses a pair, timestamps stamped and the history complete."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from kit.rows import EARLIER, NOW, Worker
from sqlalchemy import URL, text
from sqlalchemy.exc import IntegrityError

from models.postgres.engine import Sessions
from models.rules.statuses import CANONICAL, STATE_OF, BoardStatus, Status
from models.tables.task import Task
from models.tables.task_history import act_as

TEXTS = "title, channel_id, topic"
VALUES = "'The deep', 'deep_sea', 'Anglerfish'"


@pytest.fixture
def worker(database: URL) -> Iterator[Worker]:
    """A program of the pipeline."""
    made = Worker(database)
    yield made
    made.connection.close()


def insert(worker: Worker, **columns: str) -> None:
    names = "".join(f", {name}" for name in columns)
    worker.rows(
        f"INSERT INTO tasks ({TEXTS}{names}) VALUES ({VALUES}{', %s' * len(columns)})",
        list(columns.values()),
    )


def give_page(worker: Worker) -> None:
    """What ours does when the card of every task there is was made."""
    with worker.taking_in():
        worker.rows("UPDATE tasks SET notion_page_id = 'page-1'")


def pair(worker: Worker) -> tuple[str, str]:
    row = worker.task("status, board_status")
    return row["status"], row["board_status"]


def test_a_task_begins_as_a_draft_of_normal_priority(worker: Worker) -> None:
    insert(worker)
    task = worker.task()
    assert (pair(worker), task["priority"], task["notion_page_id"]) == (
        ("draft", "Draft"),
        "normal",
        None,
    )
    assert task["created_at"] == task["updated_at"] == task["status_changed_at"]
    assert task["id"] is not None


@pytest.mark.parametrize("status", Status)
def test_who_inserts_only_a_status_gets_its_column(worker: Worker, status: Status) -> None:
    insert(worker, status=status.value)
    assert pair(worker) == (status.value, CANONICAL[status].value)


@pytest.mark.parametrize("column", BoardStatus)
def test_who_inserts_only_a_column_gets_its_state(worker: Worker, column: BoardStatus) -> None:
    insert(worker, board_status=column.value)
    assert pair(worker) == (STATE_OF[column].value, column.value)


def test_every_update_of_one_of_the_pair_completes_the_other(worker: Worker) -> None:
    """All moves from every column in one database: 26 x (9 + 26) updates."""
    insert(worker)
    for before in BoardStatus:
        for status in Status:
            worker.rows("UPDATE tasks SET board_status = %s", [before.value])
            worker.rows("UPDATE tasks SET status = %s", [status.value])
            stays = STATE_OF[before] is status
            assert pair(worker) == (
                status.value,
                before.value if stays else CANONICAL[status].value,
            )
        for column in BoardStatus:
            worker.rows("UPDATE tasks SET board_status = %s", [before.value])
            worker.rows("UPDATE tasks SET board_status = %s", [column.value])
            assert pair(worker) == (STATE_OF[column].value, column.value)


def test_who_writes_both_in_agreement_is_taken_at_their_word(worker: Worker) -> None:
    insert(worker, status="processing", board_status="Assets Ready")
    assert pair(worker) == ("processing", "Assets Ready")
    worker.rows("UPDATE tasks SET status = 'completed', board_status = 'Archived'")
    assert pair(worker) == ("completed", "Archived")


CONTRADICTION = (
    'board_status "Queued" belongs to status pending, not to failed: write only one of the two'
)


def test_who_contradicts_themselves_is_told_what_to_write(worker: Worker) -> None:
    with pytest.raises(psycopg.errors.CheckViolation) as on_insert:
        insert(worker, status="failed", board_status="Queued")
    insert(worker)
    with pytest.raises(psycopg.errors.CheckViolation) as on_update:
        worker.rows("UPDATE tasks SET status = 'failed', board_status = 'Queued'")
    assert CONTRADICTION in str(on_insert.value)
    assert CONTRADICTION in str(on_update.value)
    assert pair(worker) == ("draft", "Draft")


@pytest.mark.parametrize("assignment", ["status = %s", "board_status = %s", "priority = %s"])
@pytest.mark.parametrize("value", ["Done", "PENDING", "queued", "", None])
def test_a_value_outside_the_vocabulary_is_refused(
    worker: Worker, assignment: str, value: str | None
) -> None:
    insert(worker)
    with pytest.raises(psycopg.errors.IntegrityError):
        worker.rows(f"UPDATE tasks SET {assignment}", [value])
    with pytest.raises(psycopg.errors.IntegrityError):
        insert(worker, **{assignment.split(" ", maxsplit=1)[0]: value or ""})
    assert pair(worker) == ("draft", "Draft")


def test_the_message_about_a_wrong_value_says_which_there_are(worker: Worker) -> None:
    with pytest.raises(
        psycopg.errors.CheckViolation, match=r"one of draft, pending, .* retry; not \"done\""
    ):
        insert(worker, status="done")
    with pytest.raises(
        psycopg.errors.CheckViolation, match=r"one of the 26 columns of the board; not \"Done\""
    ):
        insert(worker, board_status="Done")


def test_a_move_stamps_both_moments_and_another_change_only_one(worker: Worker) -> None:
    insert(worker, created_at=str(EARLIER), updated_at=str(EARLIER), status_changed_at=str(EARLIER))
    worker.rows("UPDATE tasks SET title = 'Deeper'")
    changed = worker.task()
    assert changed["status_changed_at"] == EARLIER < changed["updated_at"]
    worker.rows("UPDATE tasks SET board_status = 'Ready for Planning'")
    moved = worker.task()
    assert EARLIER < moved["status_changed_at"] <= moved["updated_at"]
    assert moved["updated_at"] > changed["updated_at"]
    worker.rows("UPDATE tasks SET title = title, status = 'draft'")
    assert worker.task() == moved


def test_a_worker_may_say_when_it_moved_a_task(worker: Worker) -> None:
    insert(worker)
    worker.rows(
        "UPDATE tasks SET status = 'pending', status_changed_at = %s, updated_at = %s", [NOW, NOW]
    )
    assert worker.task("status_changed_at, updated_at") == {
        "status_changed_at": NOW,
        "updated_at": NOW,
    }


def test_each_move_has_a_later_moment_than_the_one_before(worker: Worker) -> None:
    insert(worker)
    future = datetime.now(UTC) + timedelta(hours=20)
    worker.rows("UPDATE tasks SET status = 'pending', status_changed_at = %s", [future])
    worker.rows("UPDATE tasks SET status = 'processing'")
    assert worker.task("status_changed_at") == {
        "status_changed_at": future + timedelta(microseconds=1)
    }


# History


def test_plain_sql_is_recorded_as_the_pipelines(worker: Worker) -> None:
    insert(worker)
    worker.rows(
        "UPDATE tasks SET status = 'processing', priority = 'high', story_direction = 'Down'"
    )
    worker.rows("UPDATE tasks SET status = 'processing'")
    worker.rows("DELETE FROM tasks")
    assert worker.history("action", "property", "old_value", "new_value") == [
        ("created", None, None, "Draft"),
        ("changed", "Story Direction", None, "Down"),
        ("changed", "Status", "Draft", "Processing"),
        ("changed", "Priority", "normal", "high"),
        ("deleted", None, "Processing", None),
    ]
    assert set(worker.history("actor", "notion_page_id", "correlation_id")) == {
        ("pipeline", None, None)
    }


async def test_who_acts_is_recorded_for_that_transaction_only(
    sessions: Sessions, worker: Worker
) -> None:
    async with sessions() as session:
        await act_as(session, "person:ada", now=NOW, correlation_id="c-1")
        await session.execute(text(f"INSERT INTO tasks ({TEXTS}) VALUES ({VALUES})"))
        await session.execute(text("UPDATE tasks SET status = 'pending'"))
        await act_as(session, "operator", now=NOW, correlation_id=None)
        await session.execute(text("UPDATE tasks SET priority = 'high'"))
        await session.commit()
        await session.execute(text("UPDATE tasks SET priority = 'low'"))
        await session.commit()
    assert worker.history("actor", "action", "correlation_id") == [
        ("person:ada", "created", "c-1"),
        ("person:ada", "changed", "c-1"),
        ("operator", "changed", None),
        ("pipeline", "changed", None),
    ]
    assert [at == NOW for (at,) in worker.history("at")] == [True, True, True, False]


def test_the_history_can_neither_be_changed_nor_deleted(worker: Worker) -> None:
    insert(worker)
    for change in ("UPDATE task_history SET actor = 'me'", "DELETE FROM task_history"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            worker.rows(change)
    assert worker.history("actor") == [("pipeline",)]


def test_only_the_retention_flow_deletes_history_and_it_changes_none(worker: Worker) -> None:
    insert(worker)
    with worker.connection.transaction():
        worker.rows("SELECT set_config('showrunner.retention', 'on', true)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), worker.connection.transaction():
            worker.rows("UPDATE task_history SET actor = 'me'")
        worker.rows("DELETE FROM task_history")
    assert worker.history("actor") == []


# One task per page


def test_a_page_has_one_task(worker: Worker) -> None:
    insert(worker)
    insert(worker)
    with pytest.raises(psycopg.errors.UniqueViolation):
        give_page(worker)


def test_tasks_without_a_page_may_be_many(worker: Worker) -> None:
    insert(worker)
    insert(worker)
    assert worker.row("SELECT count(*) n FROM tasks")["n"] == 2


async def test_our_own_classes_are_held_to_the_same_pair(sessions: Sessions) -> None:
    task = Task(
        title="a",
        channel_id="b",
        topic="c",
        status="failed",
        board_status="Queued",
        created_at=NOW,
        updated_at=NOW,
        status_changed_at=NOW,
    )
    async with sessions() as session:
        session.add(task)
        with pytest.raises(IntegrityError, match="belongs to status pending"):
            await session.flush()


def test_deleting_a_task_leaves_its_card(worker: Worker) -> None:
    insert(worker)
    give_page(worker)
    worker.rows("INSERT INTO cards (notion_page_id, task_id) SELECT 'page-1', id FROM tasks")
    worker.rows("DELETE FROM tasks")
    assert worker.card("notion_page_id, task_id") == {"notion_page_id": "page-1", "task_id": None}
