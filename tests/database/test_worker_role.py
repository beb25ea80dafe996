"""A role with only the documented grants can do everything that a pipeline worker does."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from kit.rows import Worker, make_card, make_observation, settled
from sqlalchemy import URL

from models.postgres.engine import Sessions, libpq, migrate

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON tasks TO pipeline_worker;
GRANT SELECT ON board_statuses, channels, task_history, card_drift TO pipeline_worker;
"""
"""As CHANGELOG.md documents them."""


@pytest.fixture
def granted(database: URL) -> Iterator[Worker]:
    """A worker that logs in as that role, with a search path that leads elsewhere first."""
    with psycopg.connect(libpq(database), autocommit=True) as owner:
        owner.execute("CREATE ROLE pipeline_worker")
        owner.execute(GRANTS)
        worker = Worker(database)
        worker.rows("SET SESSION AUTHORIZATION pipeline_worker")
        worker.rows("SET search_path = pg_temp, public")
        yield worker
        worker.connection.close()
        owner.execute("DROP OWNED BY pipeline_worker")
        owner.execute("DROP ROLE pipeline_worker")


async def test_a_move_reaches_the_card_and_the_history(sessions: Sessions, granted: Worker) -> None:
    await settled(sessions, make_observation(make_card()))
    granted.rows("UPDATE tasks SET status = 'pending'")
    assert granted.task("status, board_status") == {"status": "pending", "board_status": "Queued"}
    assert granted.history("actor", "property", "old_value", "new_value")[-1] == (
        "pipeline",
        "Status",
        "Draft",
        "Queued",
    )
    drift = {row["property"]: row for row in granted.rows("SELECT * FROM card_drift")}
    assert drift["Status"]["difference"] == (
        'Status is "Draft" on the board, and should be "Queued".'
    )
    assert drift["Status"]["delayed_because"] is None


def test_a_task_is_inserted_and_a_wrong_one_is_refused_in_words(granted: Worker) -> None:
    insert = "INSERT INTO tasks (title, channel_id, topic, board_status) VALUES ('a', %s, 'c', %s)"
    granted.rows(insert, ["b", "Uploading"])
    assert granted.task("status") == {"status": "processing"}
    for channel, column, words in (
        ("none", "Draft", "choose one of b, deep_sea"),
        ("b", "Nowhere", 'one of the 26 columns of the board; not "Nowhere"'),
    ):
        with pytest.raises(psycopg.errors.CheckViolation, match=words):
            granted.rows(insert, [channel, column])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cards SET base_status = 'Draft'",
        "INSERT INTO task_history (actor, action) VALUES ('me', 'changed')",
        "UPDATE board_statuses SET status = 'draft'",
        "DELETE FROM tasks",
    ],
)
def test_nothing_else_may_be_written(granted: Worker, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        granted.rows(statement)


def test_every_function_has_a_search_path_of_its_own(database: URL) -> None:
    worker = Worker(database)
    query = (
        "SELECT proname FROM pg_proc WHERE (starts_with(proname, 'showrunner_') "
        "OR pronamespace = 'showrunner'::regnamespace) "
        "AND strpos(coalesce(proconfig::text, ''), 'search_path') = 0"
    )
    assert worker.rows(query) == []
    worker.connection.close()


def test_every_function_for_workers_says_what_it_does(database: URL) -> None:
    worker = Worker(database)
    query = (
        "SELECT proname FROM pg_proc WHERE pronamespace = 'showrunner'::regnamespace "
        "AND obj_description(oid, 'pg_proc') IS NULL"
    )
    assert worker.rows(query) == []
    worker.connection.close()


def test_every_table_column_and_function_is_commented(database: URL) -> None:
    worker = Worker(database)
    columns = (
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') "
        "AND c.relname <> 'alembic_version' AND a.attnum > 0 AND NOT a.attisdropped "
        "AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS "
        "NULL)"
    )
    functions = (
        "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON "
        "n.oid = p.pronamespace WHERE n.nspname IN ('public', 'showrunner') "
        "AND obj_description(p.oid, 'pg_proc') IS NULL"
    )
    assert worker.rows(columns) == []
    assert worker.rows(functions) == []
    worker.connection.close()


def test_without_the_right_to_make_the_role_the_migration_goes_on_and_says_what_to_do(
    postgres: URL,
) -> None:
    worker = Worker(postgres.set(database="postgres"))
    worker.rows("ALTER ROLE showrunner_worker RENAME TO set_aside")
    worker.rows("CREATE ROLE maker LOGIN")
    worker.rows("CREATE DATABASE without_role OWNER maker TEMPLATE template0")
    url = postgres.set(database="without_role", username="maker")
    try:
        migrate(url)
        notices: list[str] = []
        owner = Worker(url)
        owner.connection.add_notice_handler(lambda said: notices.append(said.message_primary or ""))
        owner.rows("SELECT showrunner.grant_workers()")
        assert "CREATE ROLE showrunner_worker NOLOGIN" in notices[0]
        worker.rows("CREATE ROLE showrunner_worker NOLOGIN")
        owner.rows("SELECT showrunner.grant_workers()")
        may = "SELECT has_function_privilege('showrunner_worker', 'showrunner.finish(uuid, text)', "
        assert owner.row(f"{may}'EXECUTE') AS may") == {"may": True}
        migrate(url, "base")
        assert worker.rows("SELECT FROM pg_roles WHERE rolname = 'showrunner_worker'") == [{}]
        owner.connection.close()
    finally:
        worker.rows("DROP DATABASE without_role WITH (FORCE)")
        worker.rows("DROP ROLE maker")
        worker.rows("DROP ROLE IF EXISTS showrunner_worker")
        worker.rows("ALTER ROLE set_aside RENAME TO showrunner_worker")
        worker.connection.close()
