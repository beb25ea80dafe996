"""One database for all histories, beside the stage for what they taught us."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest
from database_of_histories import prepared
from sqlalchemy import URL
from stage import Clock, Stage

from models.database import Sessions, libpq


@pytest.fixture(scope="session")
async def lasting(postgres: URL) -> AsyncIterator[Sessions]:
    """Sessions on the database that histories happen in, one after the other."""
    with psycopg.connect(libpq(postgres.set(database="postgres")), autocommit=True) as admin:
        admin.execute("CREATE DATABASE histories TEMPLATE template_of_tests")
        async with prepared(postgres.set(database="histories")) as sessions:
            yield sessions
        admin.execute("DROP DATABASE histories WITH (FORCE)")


@pytest.fixture
async def stage(sessions: Sessions) -> AsyncIterator[Stage]:
    """A board, a database and our steps in one process, with a clock of their own."""
    made = Stage(sessions, Clock())
    await made.open()
    yield made
    await made.close()
