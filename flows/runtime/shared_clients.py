"""One pair of Prefect clients for all runs of a process.

Making a client costs 35 ms of CPU, most of it for a TLS context that plain HTTP does not use, and
Prefect's engine makes three or four in each run. It reuses clients that it finds in its context, so
each run gets a context that has them.
"""

from __future__ import annotations

import asyncio
import contextvars

from prefect.context import AsyncClientContext, SyncClientContext
from prefect.settings import PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED, temporary_settings


class SharedClients:
    """Prefect clients that are opened once, for every run that uses a copy of their context."""

    def __init__(self) -> None:
        # By default the clients request the server's version when they are opened, and the sync
        # client blocks the event loop meanwhile. The worker's own client has compared it already.
        with temporary_settings({PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED: False}):
            self._context = contextvars.copy_context()
        self._open: tuple[AsyncClientContext, SyncClientContext] | None = None

    async def open(self) -> None:
        """Open both clients in their context: a variable can be reset only where it was set."""

        async def enter() -> None:
            asynchronous, synchronous = AsyncClientContext(), SyncClientContext()
            await asynchronous.__aenter__()
            synchronous.__enter__()
            self._open = asynchronous, synchronous

        await asyncio.create_task(enter(), context=self._context)

    async def close(self) -> None:
        """Close both clients, if they are open."""

        async def leave(asynchronous: AsyncClientContext, synchronous: SyncClientContext) -> None:
            synchronous.__exit__(None, None, None)
            await asynchronous.__aexit__(None, None, None)

        if self._open is not None:
            await asyncio.create_task(leave(*self._open), context=self._context)
            self._open = None

    def for_a_run(self) -> contextvars.Context:
        """A context for one run: with the clients, without variables that another run has set."""
        return self._context.copy()
