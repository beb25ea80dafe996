"""Rate-limit and count every request below the SDK."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import ceil

import httpx
from aiolimiter import AsyncLimiter

from tasks.notion.priority import PriorityGate, RequestPriority, current_priority
from tasks.notion.shared_rate_limit import Budget


@dataclass
class RequestCount:
    """How many requests were sent inside `counting_requests()`, retries included."""

    total: int = 0


_counts: ContextVar[tuple[RequestCount, ...]] = ContextVar("notion_request_counts", default=())


@contextmanager
def counting_requests() -> Iterator[RequestCount]:
    """Count the requests that this context and the asyncio tasks it starts send to Notion."""
    count = RequestCount()
    token = _counts.set((*_counts.get(), count))
    try:
        yield count
    finally:
        _counts.reset(token)


def at_once(per_second: float) -> int:
    """Requests to have under way so that no slot is missed while answers take two seconds."""
    return max(4, ceil(2 * per_second))


class PacedTransport(httpx.AsyncBaseTransport):
    """Sends a request when the in-process limiter and the shared limit allow it, by priority.

    It is below the SDK, so that every attempt counts.

    Attributes:
        server_time: the server's clock as of its last answer; None before the first.
    """

    def __init__(
        self, inner: httpx.AsyncBaseTransport, limiter: AsyncLimiter, budget: Budget
    ) -> None:
        self._inner = inner
        self._limiter = limiter
        self._budget = budget
        self._foreground = PriorityGate(self._next_slot)
        # A background request may wait long, so it must not acquire slots for others.
        self._background = PriorityGate(self._next_free_slot)
        self.server_time: datetime | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Wait for a slot, send the request, and note the server's time."""
        priority = current_priority()
        gate = self._foreground
        if priority is RequestPriority.BACKGROUND:
            gate = self._background
        await gate.pass_through(priority)
        for count in _counts.get():
            count.total += 1
        response = await self._inner.handle_async_request(request)
        if "date" in response.headers:
            self.server_time = parsedate_to_datetime(response.headers["date"]).astimezone(UTC)
        return response

    async def _next_slot(self) -> None:
        async with self._limiter:
            await self._budget.acquire()

    async def _next_free_slot(self) -> None:
        async with self._limiter:
            await self._budget.acquire(background=True)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()
