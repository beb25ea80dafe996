"""Start a push when a card begins to differ, instead of at the next minute: at most one in 5 s.

Triggers notify on `CARDS_DIFFER` (migration 0025). A notification that is missed costs nothing but
time: the schedule of the push stays, and what needs pushing is a query.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import httpx
import structlog
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound
from sqlalchemy import URL

from models.postgres.notify import CARDS_DIFFER, hear_announcements

log = structlog.get_logger("showrunner.worker")

DEPLOYMENT: Final = "push/push"
INTERVAL: Final = 5.0
"""Least seconds between two runs."""


class PushOnChange:
    """Requests a push for any number of changes, the first at once.

    Args:
        request: asks for a run. It may raise what a server that does not answer leads to.
        sleep: waits that many seconds; tests pass their own.
    """

    def __init__(
        self,
        request: Callable[[], Awaitable[object]],
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._request = request
        self._sleep = sleep
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Note that a card differs."""
        self._changed.set()

    async def serve(self) -> None:
        """Request runs, for ever. A change during a run's creation leads to one more run."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._request()
            except (httpx.HTTPError, OSError, ObjectNotFound) as error:
                log.warning("push_not_requested", error=type(error).__name__)
            await self._sleep(INTERVAL)


async def push_on_change(database: URL, request: Callable[[], Awaitable[object]]) -> None:
    """Listen, and request a push whenever cards begin to differ; for ever."""
    pushing = PushOnChange(request)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pushing.serve())
        tasks.create_task(hear_announcements(database, pushing.changed, channel=CARDS_DIFFER))


async def request_push(client: PrefectClient, now: datetime | None = None) -> None:
    """Make a run of the push, the same one for all workers that ask within `INTERVAL`.

    A paused deployment is left alone.
    """
    deployment = await client.read_deployment_by_name(DEPLOYMENT)
    if deployment.paused:
        return
    moment = (now or datetime.now(UTC)).timestamp()
    await client.create_flow_run_from_deployment(
        deployment.id, idempotency_key=f"changed-{int(moment // INTERVAL)}"
    )
