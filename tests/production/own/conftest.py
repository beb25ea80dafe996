"""Own production on a real database, with makers of the tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kit.own_production import OwnProduction

from models.postgres.engine import Sessions
from models.production import config
from tasks.production import dispatch, makers


@pytest.fixture
async def own(
    sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[OwnProduction]:
    """A channel `deep_sea` with three scenes a video and local makers."""
    stage = OwnProduction(sessions, tmp_path)
    for module in (config, dispatch):
        monkeypatch.setattr(module, "installed_makers", lambda: frozenset(stage.makers))
    monkeypatch.setattr(makers, "_load", stage.makers.__getitem__)
    await stage.channel()
    yield stage
    await stage.ctx.notion.aclose()
