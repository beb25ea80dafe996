"""A receiver for every test that asks, on the test's own database, without a network in between."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from kit.clock import Clock
from kit.deliveries import SECRET, Sender
from kit.processes.ports import free_port
from sqlalchemy import URL
from structlog.testing import capture_logs

from models.postgres.engine import Sessions, open_engine, open_sessions
from models.settings import Settings
from webhook.app import create_app

Logs = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the shell that runs the tests has set is not theirs."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture
def clock() -> Clock:
    return Clock(tick=timedelta(0))


@pytest.fixture
def run_requests() -> list[str]:
    """Grows by one at each call of the trigger."""
    return []


@pytest.fixture
def logs() -> Iterator[Logs]:
    """Every log line of the test, of whatever level, whatever the other tests let through."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    with capture_logs() as lines:
        yield lines  # type: ignore[misc]
    structlog.configure(**before)


@pytest.fixture
async def nowhere() -> AsyncIterator[Sessions]:
    """Sessions on a database that does not answer: whoever touches it gets a 503."""
    port = free_port()
    engine = open_engine(
        URL.create("postgresql+psycopg", host="127.0.0.1", port=port, database="none")
    )
    yield open_sessions(engine)
    await engine.dispose()


@pytest.fixture
def make_app(clock: Clock, run_requests: list[str]) -> Callable[..., FastAPI]:
    """An app on these sessions with the given settings; by default only the webhook secret."""

    def make(ctx: Sessions, *, body_seconds: float = 5.0, **given: Any) -> FastAPI:
        settings = Settings(**({"notion_webhook_secret": SECRET} | given))
        return create_app(
            settings,
            ctx,
            clock=clock,
            trigger=lambda: run_requests.append("requested"),
            body_seconds=body_seconds,
        )

    return make


@pytest.fixture
async def open_receiver(make_app: Callable[..., FastAPI]) -> AsyncIterator[Callable[..., Any]]:
    """Opens a receiver on these sessions with the given settings; returns who sends to it."""
    async with AsyncExitStack() as stack:

        async def open_one(ctx: Sessions, **given: Any) -> Sender:
            transport = httpx.ASGITransport(app=make_app(ctx, **given))
            http = httpx.AsyncClient(transport=transport, base_url="http://receiver")
            return Sender(await stack.enter_async_context(http))

        yield open_one
