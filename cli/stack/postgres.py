"""The embedded PostgreSQL of `showrunner up`, kept alive like the processes it starts itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cli.stack.log_rotation import begin_anew
from cli.stack.processes import ASK_EVERY, LOOK_EVERY, Patience
from models.errors import DatabaseUnavailable
from models.postgres.embedded import EmbeddedPostgres


async def keep_postgres_alive(server: EmbeddedPostgres, say: Callable[[str], None]) -> None:
    """Start it again whenever it died, waiting longer each time in a row, until cancelled; keep its log small.

    It is no child of ours (its starter leaves it to the system), so it is asked for and not waited for. The others
    need not be told: it comes back under the same URL, and a connection that died is replaced.
    """
    patience, loop = Patience(), asyncio.get_running_loop()
    looked = loop.time()
    while True:
        await asyncio.sleep(ASK_EVERY)
        if server.lives():
            if loop.time() - looked >= LOOK_EVERY:
                looked = loop.time()
                await asyncio.to_thread(begin_anew, server.log)
            continue
        wait = patience.after_an_end()
        say(f"The PostgreSQL ended; starting it again in {wait:.0f} s. Its log: {server.log}")
        await asyncio.sleep(wait)
        try:
            await asyncio.to_thread(server.revive)
        except DatabaseUnavailable as error:
            say(str(error))
        patience.begun()
