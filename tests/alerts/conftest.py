from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import structlog
from kit.alerts import Gate, Receiver
from kit.clock import Clock
from kit.stage import Stage
from sqlalchemy import URL
from structlog.testing import capture_logs

from models.postgres.engine import Sessions


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody to be told."""
    made = Receiver()
    made.open()
    yield made
    made.close()


@pytest.fixture
async def stage(sessions: Sessions, receiver: Receiver) -> AsyncIterator[Stage]:
    """A board, a database and our tasks on a test clock; alerts go to the receiver."""
    made = Stage(sessions, Clock())
    await made.open()
    made.ctx.settings = made.ctx.settings.model_copy(update={"alert_urls": (receiver.url,)})
    yield made
    await made.close()


@pytest.fixture
def gate(database: URL) -> Gate:
    """What shuts the stage's database."""
    return Gate(database)


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    """Every log line of the test, whatever the other tests let through."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    with capture_logs() as captured:
        yield captured
    structlog.configure(**before)
