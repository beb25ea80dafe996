"""The whole program on real servers: a sandbox over HTTP, PostgreSQL, `showrunner up`."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from kit.clock import Clock
from kit.processes.programs import Up
from kit.stage import BOT_TOKEN, CHANNELS, Stage
from sqlalchemy import URL

from models.postgres.engine import Sessions


@pytest.fixture
def clock() -> Clock:
    """The stage's; a module whose tests need another one overrides this."""
    return Clock()


@pytest.fixture
async def stage(sessions: Sessions, clock: Clock) -> AsyncIterator[Stage]:
    """A board behind real HTTP, a database and our steps, with a clock of their own."""
    made = Stage(sessions, clock)
    listener = socket.create_server(("127.0.0.1", 0))
    # An idle connection is not closed at the moment in which a busy machine uses it again.
    config = uvicorn.Config(
        made.app, log_level="critical", date_header=False, lifespan="off", timeout_keep_alive=600
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await made.open(url=f"http://127.0.0.1:{listener.getsockname()[1]}")
    yield made
    await made.close()
    server.should_exit = True
    await serving


@pytest.fixture
def shell(tmp_path: Path, stage: Stage, database: URL) -> Up:
    """A terminal in a folder whose environment names the stage's board and database."""
    shutil.copytree(CHANNELS, tmp_path / "channel_configs")
    mine = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "NOTION_"))
    }
    settings = {
        "DATABASE_URL": database.render_as_string(hide_password=False),
        "NOTION_API_TOKEN": BOT_TOKEN,
        "NOTION_DATABASE_ID": stage.database_id,
        "NOTION_BASE_URL": str(stage.people.base_url).rstrip("/"),
    }
    return Up(tmp_path, mine | settings)
