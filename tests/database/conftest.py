"""One database for this folder, emptied before each test, because one per test costs more."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import URL

from models.postgres.engine import libpq


@pytest.fixture(scope="session")
def emptied(postgres: URL) -> Iterator[psycopg.Connection]:
    """A connection to this folder's database."""
    with psycopg.connect(libpq(postgres.set(database="postgres")), autocommit=True) as admin:
        admin.execute("CREATE DATABASE tests_database TEMPLATE template_of_tests")
        with psycopg.connect(
            libpq(postgres.set(database="tests_database")), autocommit=True
        ) as connection:
            connection.execute("SET lock_timeout = '10s'")
            connection.execute("SET showrunner.retention = 'on'")
            yield connection
        admin.execute("DROP DATABASE tests_database WITH (FORCE)")


@pytest.fixture
def database(postgres: URL, emptied: psycopg.Connection) -> URL:
    """A migrated database that holds nothing but two configured channels."""
    emptied.execute(
        "TRUNCATE card_creations, cards, channels, incidents, rate_limit, sync_state, "
        "task_history, tasks, leases, pieces, scenes, steps, spends, reviews, tokens, "
        "webhook_events RESTART IDENTITY"
    )
    emptied.execute("INSERT INTO channels (id) VALUES ('b'), ('deep_sea')")
    return postgres.set(database="tests_database")
