"""The database that histories happen in: one for all, emptied before each, with the history's clock for its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import create_async_engine

from models.database import Sessions, open_sessions

CLOCK = """
CREATE SCHEMA IF NOT EXISTS simulation;
CREATE OR REPLACE FUNCTION simulation.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$
  SELECT coalesce(nullif(current_setting('simulation.now', true), '')::timestamptz, pg_catalog.clock_timestamp())
$$
"""


@asynccontextmanager
async def prepared(url: URL) -> AsyncIterator[Sessions]:
    """Sessions on a migrated database whose `clock_timestamp()` is the history's."""
    options: dict[str, Any] = {"options": "-c search_path=simulation,public,pg_catalog", "prepare_threshold": 2}
    engine = create_async_engine(url, connect_args=options, pool_size=5)
    sessions = open_sessions(engine)
    async with sessions.begin() as session:
        for statement in CLOCK.split(";\n"):
            await session.execute(text(statement.replace(":", r"\:")))
    yield sessions
    await engine.dispose()


async def emptied(sessions: Sessions) -> None:
    """Nothing is left of the history before."""
    async with sessions.begin() as session:
        await session.execute(text("SELECT set_config('showrunner.retention', 'on', true)"))
        # DELETE is quicker than TRUNCATE for the few rows there are.
        for table in ("cards", "tasks", "webhook_events", "task_history", "sync_state"):
            await session.execute(text(f"DELETE FROM {table}"))
