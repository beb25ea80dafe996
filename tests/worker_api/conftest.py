"""The worker API on a database with two channels, and plain SQL beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from kit.production import Production
from kit.shared_database import SharedDatabase
from kit.worker_api import Api, open_api
from sqlalchemy import URL

from models.postgres.engine import Sessions, libpq


@pytest.fixture
def database(database_of_tests: SharedDatabase) -> URL:
    """A migrated database that holds nothing but two configured channels."""
    url = database_of_tests.prepare()
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        connection.execute("INSERT INTO channels (id) VALUES ('b'), ('deep_sea')")
    return url


@pytest.fixture
def sql(database: URL) -> Iterator[Production]:
    """Plain SQL with the owner's rights."""
    made = Production(database)
    yield made
    made.connection.close()


@pytest.fixture
async def api(sessions: Sessions) -> AsyncIterator[Api]:
    """The API behind real HTTP."""
    async with open_api(sessions) as opened:
        yield opened
