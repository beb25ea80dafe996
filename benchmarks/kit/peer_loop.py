"""A polling design for comparison: every 60 s it writes each task's status to its card.

Written from the description that Showrunner's own specification gives of such a loop (an asyncio
loop with a limiter of
3 requests a second, and webhooks that overwrite the task), as a competent team would build it:

- several requests are in flight, so that Notion's latency costs it nothing;
- a 429 is waited out as Retry-After says, 5xx and a broken connection are tried again;
- it knows all 26 columns of the board, and sends no formula, which Notion would refuse;
- its webhooks bring the new status with them (Notion's bring ids), arrive at once, and never its
own writes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpx
from aiolimiter import AsyncLimiter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

PAUSE_SECONDS = 60.0
"""Between the end of a cycle and the beginning of the next."""
IN_FLIGHT = 4
"""Requests: at 300 ms each, three would do for 3 a second."""
ATTEMPTS = 3
_TOO_MANY = 429
_SERVER_ERROR = 500


@dataclass
class PeerLoop:
    """The loop on one board and one database with a `tasks` table.

    Attributes:
        notion: a client with the connection's token; base URL and version are its own.
        written: cards written so far; `cycles`: cycles that came to their end.
    """

    notion: httpx.AsyncClient
    engine: AsyncEngine
    limiter: AsyncLimiter = field(default_factory=lambda: AsyncLimiter(3, 1))
    written: int = 0
    cycles: int = 0

    async def run(self) -> None:
        """Push everything, pause, again; until cancelled."""
        while True:
            await self.push_everything()
            self.cycles += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def push_everything(self) -> None:
        """Read all tasks that have a card, then write each one's status to it."""
        async with self.engine.connect() as connection:
            query = (
                "SELECT notion_page_id, board_status FROM tasks WHERE notion_page_id IS "
                "NOT NULL ORDER BY title"
            )
            tasks = iter((await connection.execute(text(query))).all())

        async def work() -> None:
            for page_id, status in tasks:
                await self._update_page(page_id, status)
                self.written += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(IN_FLIGHT):
                group.create_task(work())

    async def webhook(self, page_id: str, status: str) -> None:
        """A person changed a card's status: the task takes it over, whatever it was."""
        async with self.engine.begin() as connection:
            change = text("UPDATE tasks SET board_status = :status WHERE notion_page_id = :page")
            await connection.execute(change, {"status": status, "page": page_id})

    async def _update_page(self, page_id: str, status: str) -> None:
        """Write one card; after the last attempt it is left to the next cycle."""
        body = {"properties": {"Status": {"select": {"name": status}}}}
        for attempt in range(ATTEMPTS):
            wait = float(2**attempt)
            async with self.limiter:
                try:
                    answer = await self.notion.patch(f"/v1/pages/{page_id}", json=body)
                except httpx.TransportError:
                    answer = None
            if answer is not None and answer.status_code == _TOO_MANY:
                wait = float(answer.headers.get("Retry-After", wait))
            elif answer is not None and answer.status_code < _SERVER_ERROR:
                answer.raise_for_status()
                return
            await asyncio.sleep(wait)
