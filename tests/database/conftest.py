"""The database of this folder's tests."""

from __future__ import annotations

import psycopg
import pytest
from kit.shared_database import SharedDatabase
from sqlalchemy import URL

from models.postgres.engine import libpq


@pytest.fixture
def database(database_of_tests: SharedDatabase) -> URL:
    """A migrated database that holds nothing but two configured channels."""
    url = database_of_tests.prepare()
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        connection.execute("INSERT INTO channels (id) VALUES ('b'), ('deep_sea')")
    return url
