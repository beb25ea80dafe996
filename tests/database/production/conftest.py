"""A worker on the folder's database, with a clock that a test moves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kit.production import Production
from sqlalchemy import URL


@pytest.fixture
def worker(database: URL) -> Iterator[Production]:
    """A worker of the owner's rights; two channels, `b` and `deep_sea`, are configured."""
    made = Production(database)
    yield made
    made.connection.close()
