"""One pair of Prefect clients for all the runs of a process.

Making a client costs 35 ms of CPU, most of it for a TLS context that plain HTTP never uses, and
Prefect's engine makes three or four in each run. It takes the ones it finds in its context instead,
so a run is given a context that has them.
"""

from __future__ import annotations

import asyncio
import contextvars

from prefect.context import AsyncClientContext, SyncClientContext
from prefect.settings import PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED, temporary_settings


class SharedClients:
    """Clients that are opened once, in a context of their own, and found by whatever runs in a copy of it."""

    def __init__(self) -> None:
        # The clients would otherwise ask for the server's version when they are opened, the sync
        # one while everything else in the event loop waits. The worker's own client has asked.
        with temporary_settings({PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED: False}):
            self._context = contextvars.copy_context()
        self._open: tuple[AsyncClientContext, SyncClientContext] | None = None

    async def open(self) -> None:
        """Open both.

        A context variable can be reset only in the context that set it, so `close` runs there too.
        """

        async def enter() -> None:
            asynchronous, synchronous = AsyncClientContext(), SyncClientContext()
            await asynchronous.__aenter__()
            synchronous.__enter__()
            self._open = asynchronous, synchronous

        await asyncio.create_task(enter(), context=self._context)

    async def close(self) -> None:
        """Close both; nothing when they are not open."""

        async def leave(asynchronous: AsyncClientContext, synchronous: SyncClientContext) -> None:
            synchronous.__exit__(None, None, None)
            await asynchronous.__aexit__(None, None, None)

        if self._open is not None:
            await asyncio.create_task(leave(*self._open), context=self._context)
            self._open = None

    def for_a_run(self) -> contextvars.Context:
        """A context for one run: with the clients, and with nothing that another run has bound."""
        return self._context.copy()
