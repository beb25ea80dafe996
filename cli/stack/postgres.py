"""Keep the embedded PostgreSQL of `showrunner up` running."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cli.stack.log_rotation import rotate
from cli.stack.processes import LOG_CHECK_SECONDS, POLL_SECONDS, RestartBackoff
from models.errors import DatabaseUnavailable
from models.postgres.embedded import EmbeddedPostgres


async def keep_postgres_alive(server: EmbeddedPostgres, say: Callable[[str], None]) -> None:
    """Restart the server when it has died, until cancelled; rotate its log.

    The wait before a restart grows each time in a row. The server is not a child process (its
    starter detaches it), so it is polled. The other processes need not be notified: the URL stays
    the same, and a broken connection is replaced.
    """
    backoff, loop = RestartBackoff(), asyncio.get_running_loop()
    checked = loop.time()
    while True:
        await asyncio.sleep(POLL_SECONDS)
        if server.lives():
            if loop.time() - checked >= LOG_CHECK_SECONDS:
                checked = loop.time()
                await asyncio.to_thread(rotate, server.log)
            continue
        wait = backoff.next_wait()
        say(f"PostgreSQL ended; starting it again in {wait:.0f} s. Its log: {server.log}")
        await asyncio.sleep(wait)
        try:
            await asyncio.to_thread(server.revive)
        except DatabaseUnavailable as error:
            say(str(error))
        backoff.started()
