"""The whole program on real servers: a sandbox behind real HTTP, a database of PostgreSQL's own, `showrunner up`."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from stage import Clock, Stage

from models.database import Sessions


@pytest.fixture
def clock() -> Clock:
    """The stage's; a module whose tests need another one overrides this."""
    return Clock()


@pytest.fixture
async def stage(sessions: Sessions, clock: Clock) -> AsyncIterator[Stage]:
    """A board behind real HTTP, a database and our steps, with a clock of their own."""
    made = Stage(sessions, clock)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(made.app, log_level="critical", date_header=False, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await made.open(url=f"http://127.0.0.1:{listener.getsockname()[1]}")
    yield made
    await made.close()
    server.should_exit = True
    await serving
