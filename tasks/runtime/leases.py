"""Claims on events end with their claimant: what a killed process had taken is due again at once, not after its lease.

Everybody who claims holds a share in one advisory lock, which PostgreSQL takes back the moment a process or its
connection dies. Who holds it alone knows that every claim still standing is a dead one's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from sqlalchemy import text

from models.tables import webhook_events as inbox
from tasks.runtime.context import Context
from tasks.runtime.locks import Lock, release

_KEY = {"key": Lock.INBOX.value}

log = structlog.get_logger("showrunner.ingest")


@asynccontextmanager
async def leasing_events(ctx: Context) -> AsyncIterator[None]:
    """Claim events in here. Holds a connection but no transaction."""
    await _free_claims_of_the_dead(ctx)
    async with ctx.engine.connect() as raw:
        connection = await raw.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("SELECT pg_advisory_lock_shared(:key)"), _KEY)
        try:
            yield
        finally:
            await release(connection, "SELECT pg_advisory_unlock_shared(:key)", Lock.INBOX)


async def _free_claims_of_the_dead(ctx: Context) -> None:
    # Alone for this transaction only: nobody who wants a share waits longer than that.
    async with ctx.sessions.begin() as session:
        alone = (
            await session.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), _KEY)
        ).scalar_one()
        freed = await inbox.free_claims(session) if alone else 0
    if freed:
        log.warning("claims_of_the_dead_freed", count=freed)
