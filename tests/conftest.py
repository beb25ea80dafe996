"""Real PostgreSQL: one embedded server per run, one cloned database per test."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
import structlog
from sqlalchemy import URL

from models.postgres.embedded import embedded_postgres
from models.postgres.engine import Sessions, libpq, migrate, open_engine, open_sessions

_numbers = count()

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


@pytest.fixture
def database(postgres: URL) -> Iterator[URL]:
    """A migrated, empty database of this test's own."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(libpq(postgres.set(database="postgres")), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template_of_tests")
        yield postgres.set(database=name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def sessions(database: URL) -> AsyncIterator[Sessions]:
    """Sessions on this test's database."""
    engine = open_engine(database)
    yield open_sessions(engine)
    await engine.dispose()
