"""Our sessions have the settings we need, whatever server, database, role or URL configure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from kit.rows import Worker, make_card, make_observation, settled
from sqlalchemy import URL, Engine, event, text

from models.postgres.engine import Sessions, libpq, migrate, open_engine

ODD = {
    "TimeZone": "Europe/Berlin",
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "iso_8601",
    "client_encoding": "LATIN1",
    "standard_conforming_strings": "off",
    "default_transaction_isolation": "serializable",
}
OURS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "transaction_isolation": "read committed",
}
SUMMER, WINTER = (
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
)
"""Both half past two in Berlin."""


@pytest.fixture
def unusual_database(postgres: URL) -> Iterator[URL]:
    """A database whose administrator decided otherwise about every session."""
    with psycopg.connect(libpq(postgres.set(database="postgres")), autocommit=True) as admin:
        admin.execute("CREATE DATABASE odd TEMPLATE template_of_tests")
        for name, value in ODD.items():
            admin.execute(f"ALTER DATABASE odd SET {name} = '{value}'")
        yield postgres.set(database="odd")
        admin.execute("DROP DATABASE odd WITH (FORCE)")


@pytest.mark.parametrize("options", ["", "-c timezone=Asia/Kathmandu -c datestyle=German"])
async def test_sessions_are_ours_whatever_is_said_of_them(
    unusual_database: URL, options: str
) -> None:
    url = unusual_database.update_query_dict({"options": options} if options else {})
    engine = open_engine(url, pool_size=1)
    for way in (engine, engine.execution_options(isolation_level="AUTOCOMMIT"), engine):
        async with way.connect() as connection:
            found = {
                name: (await connection.execute(text(f"SHOW {name}"))).scalar_one() for name in OURS
            }
        assert found == OURS
    await engine.dispose()


def test_migrations_run_in_a_session_of_ours(unusual_database: URL) -> None:
    seen: list[Any] = []

    def observation(connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "pg_advisory_lock" in statement:
            raw = connection.connection.dbapi_connection
            seen.append({name: raw.execute(f"SHOW {name}").fetchone()[0] for name in OURS})

    event.listen(Engine, "before_cursor_execute", observation)
    try:
        migrate(unusual_database)
    finally:
        event.remove(Engine, "before_cursor_execute", observation)
    assert seen == [OURS]


@pytest.mark.parametrize("search_path", ["public", "elsewhere", ""])
async def test_a_workers_session_may_be_as_odd_as_it_likes(
    database: URL, sessions: Sessions, search_path: str
) -> None:
    await settled(
        sessions,
        make_observation(make_card(status="Queued", created=SUMMER, updated=SUMMER)),
        now=SUMMER,
    )
    worker = Worker(database)
    for name, value in {**ODD, "search_path": search_path}.items():
        worker.rows("SELECT set_config(%s, %s, false)", [name, value])
    worker.rows("SELECT set_config('showrunner.now', %s, false)", [SUMMER.isoformat()])
    worker.rows(
        "UPDATE public.tasks SET status_changed_at = %s, created_at = %s", [SUMMER.isoformat()] * 2
    )
    assert worker.row("SELECT drift_mask FROM public.cards")["drift_mask"] == 0
    worker.rows("UPDATE public.tasks SET status_changed_at = %s", [WINTER.isoformat()])
    assert worker.row("SELECT drift_mask FROM public.cards")["drift_mask"] == 16, (
        "an hour later, although both say 2:30"
    )
    worker.rows("SELECT set_config('showrunner.now', %s, false)", [WINTER.isoformat()])
    worker.rows("UPDATE public.tasks SET status = 'processing'")
    worker.rows("SET timezone = 'UTC'")
    worker.rows("SET datestyle = 'ISO'")
    moved = worker.row("SELECT board_status, status_changed_at FROM public.tasks")
    assert moved["board_status"] == "Processing"
    assert (moved["status_changed_at"] - WINTER).total_seconds() < 1
    assert [
        row["actor"] for row in worker.rows("SELECT actor FROM public.task_history ORDER BY id")
    ][-1] == "pipeline"
    worker.connection.close()
