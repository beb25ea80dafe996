"""Processes that live histories, beside the stage for what those taught us."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from kit.clock import Clock
from kit.stage import Stage
from sqlalchemy import URL

from models.postgres.engine import Sessions
from simulation.histories.crew import Crew, crew


@pytest.fixture(scope="session")
def lives(postgres: URL) -> Iterator[Crew]:
    """As many processes as there are cores, two at most."""
    with crew(postgres) as made:
        yield made


@pytest.fixture
async def stage(sessions: Sessions) -> AsyncIterator[Stage]:
    """A board, a database and our steps in one process, with a clock of their own."""
    made = Stage(sessions, Clock())
    await made.open()
    yield made
    await made.close()
