from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from kit.clock import Clock
from kit.stage import Stage

from models.postgres.engine import Sessions


@pytest.fixture
async def stage(sessions: Sessions) -> AsyncIterator[Stage]:
    """A board, a database and our steps in one process, with a clock of their own."""
    made = Stage(sessions, Clock())
    await made.open()
    yield made
    await made.close()
