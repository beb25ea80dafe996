from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from kit.processes.workspace import Board, Workspace

from models.postgres.engine import Sessions


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    """A workspace, and no database yet."""
    made = Workspace()
    yield made
    await made.close()


@pytest.fixture
async def board(workspace: Workspace) -> Board:
    """A board as `board create` makes it."""
    return Board(workspace, await workspace.make())


@pytest.fixture
async def known_workspace(sessions: Sessions) -> AsyncIterator[Workspace]:
    """A workspace, and a database that remembers."""
    made = Workspace(sessions)
    yield made
    await made.close()


@pytest.fixture
async def known_board(known_workspace: Workspace) -> Board:
    """A board as `board create` makes it, known to the database."""
    return Board(known_workspace, await known_workspace.make())
