from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kit.pieces import PieceStage

from models.postgres.engine import Sessions


@pytest.fixture
async def stage(sessions: Sessions, tmp_path: Path) -> AsyncIterator[PieceStage]:
    """A card whose task is in work, and a board that shows pieces."""
    made = PieceStage(sessions, tmp_path / "films")
    await made.open()
    await made.begin()
    yield made
    await made.close()
