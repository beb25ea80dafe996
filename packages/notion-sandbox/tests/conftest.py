"""A sandbox in process with a clock of its own, and one behind real HTTP."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from sandbox_harness import ACCOUNTS, HandClock, Harness, MakeHarness, Receiver, Serving, Text

from notion_sandbox import Config


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def make(clock: HandClock) -> AsyncIterator[MakeHarness]:
    made: list[Harness] = []

    def build(**settings: Any) -> Harness:
        settings.setdefault("requests_per_minute", 1_000_000)
        harness = Harness(clock, Config(accounts=ACCOUNTS, **settings), Receiver())
        made.append(harness)
        return harness

    yield build
    for harness in made:
        await harness.close()


@pytest.fixture
def box(make: MakeHarness) -> Harness:
    return make()


@pytest.fixture
def text() -> Text:
    return lambda content: [{"text": {"content": content}}]


@asynccontextmanager
async def _serving(app: Any) -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", date_header=False))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@pytest.fixture
def serving() -> Serving:
    """Serve an ASGI app over real HTTP: `async with serving(app) as url`."""
    return _serving
