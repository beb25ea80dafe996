"""Pacing and counting: no request leaves before its turn, and none leaves uncounted."""

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
from tasks.notion.shared_limit import Budget


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
    """How many requests to have under way, so that answers may take two seconds and no turn is missed."""
    return max(4, ceil(2 * per_second))


class PacedTransport(httpx.AsyncBaseTransport):
    """Lets a request through when the in-process limiter and the shared budget both agree, the most urgent first.

    Under the SDK, so that every attempt counts, whoever repeats it.

    Attributes:
        server_time: the other side's clock as of its last answer.
    """

    def __init__(
        self, inner: httpx.AsyncBaseTransport, limiter: AsyncLimiter, budget: Budget
    ) -> None:
        self._inner = inner
        self._limiter = limiter
        self._budget = budget
        self._turnstile = PriorityGate(self._next_turn)
        # Whoever only takes what nobody reserved must not be asked to fetch for others: it may wait
        # for long.
        self._background = PriorityGate(self._next_free_turn)
        self.server_time: datetime | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Wait for the request's turn, send it, and remember what time it is over there."""
        lane = current_priority()
        await (
            self._background if lane is RequestPriority.BACKGROUND else self._turnstile
        ).pass_through(lane)
        for count in _counts.get():
            count.total += 1
        response = await self._inner.handle_async_request(request)
        if "date" in response.headers:
            self.server_time = parsedate_to_datetime(response.headers["date"]).astimezone(UTC)
        return response

    async def _next_turn(self) -> None:
        async with self._limiter:
            await self._budget.acquire()

    async def _next_free_turn(self) -> None:
        async with self._limiter:
            await self._budget.acquire(background=True)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()
