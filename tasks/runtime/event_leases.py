"""Release the event leases of a process that died at once, not when they expire.

Every process that leases events holds one advisory lock in shared mode. PostgreSQL releases it when
a process or its connection dies. A process that gets the lock exclusively may therefore release all
leases: no living process holds one.
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
    """Lease events in this context. Holds a connection but no transaction."""
    await _release_orphaned_leases(ctx)
    async with ctx.engine.connect() as raw:
        connection = await raw.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("SELECT pg_advisory_lock_shared(:key)"), _KEY)
        try:
            yield
        finally:
            await release(connection, "SELECT pg_advisory_unlock_shared(:key)", Lock.INBOX)


async def _release_orphaned_leases(ctx: Context) -> None:
    # Exclusive for this transaction only, so that other processes wait no longer than that.
    async with ctx.sessions.begin() as session:
        exclusive = (
            await session.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), _KEY)
        ).scalar_one()
        if not exclusive:
            return
        freed = await inbox.release_leases(session)
    if freed:
        log.warning("orphaned_leases_released", count=freed)
