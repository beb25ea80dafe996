"""Real PostgreSQL: one embedded server per run, with a database that is emptied for each test."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from kit.shared_database import SharedDatabase, shared_database
from sqlalchemy import URL

from models.postgres.embedded import embedded_postgres
from models.postgres.engine import Sessions, libpq, migrate, open_engine, open_sessions

# Facts that a test is about are read from the database or asked for with a capture; the rest would
# bury a failure.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@pytest.fixture(scope="session")
def postgres() -> Iterator[URL]:
    """The URL of a migrated database that serves as the template of every test's own."""
    folder = Path(tempfile.mkdtemp(prefix="showrunner-tests-"))
    try:
        with embedded_postgres(folder / "pg", "template_of_tests") as url:
            with psycopg.connect(libpq(url), autocommit=True) as connection:
                # Durability costs time and protects nothing here.
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("ALTER SYSTEM SET synchronous_commit = off")
                connection.execute("SELECT pg_reload_conf()")
            migrate(url)
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def database_of_tests(postgres: URL) -> Iterator[SharedDatabase]:
    """The database that `database` gives to each test in turn."""
    with shared_database(postgres, "database_of_tests") as shared:
        yield shared


@pytest.fixture
def database(database_of_tests: SharedDatabase) -> URL:
    """A migrated, empty database."""
    return database_of_tests.prepare()


@pytest.fixture
async def sessions(database: URL) -> AsyncIterator[Sessions]:
    """Sessions on this test's database."""
    engine = open_engine(database)
    yield open_sessions(engine)
    await engine.dispose()
