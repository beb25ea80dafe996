"""Sending webhooks: signed POST requests to the subscriber.

Source: Notion's webhooks pages. `X-Notion-Signature: sha256=<hex>` is the HMAC-SHA256 of the raw
body with the verification token as key. The handshake is a one-time `{"verification_token": …}`,
signed with the token it carries.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
from datetime import datetime
from typing import Any

import httpx

from notion_sandbox.config import Clock
from notion_sandbox.webhooks.outbox import Delivery, Outbox

TIMEOUT_SECONDS = 10.0
MAX_IN_FLIGHT = 50
_LONGEST_SLEEP = 3600.0

_log = logging.getLogger("sandbox")


def sign(secret: str, body: bytes) -> str:
    """The signature header of a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Sender:
    """Delivers the events of the outbox that are due.

    Args:
        outbox: The events.
        clock: The time, for when answers came.
        http: The client that sends; None makes one for real HTTP.
    """

    def __init__(
        self, outbox: Outbox, *, clock: Clock, http: httpx.AsyncClient | None = None
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._given = http
        self._own: httpx.AsyncClient | None = None
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._wake = asyncio.Event()
        self._sending: set[asyncio.Task[int]] = set()

    @property
    def http(self) -> httpx.AsyncClient:
        """The client that sends."""
        if self._given is not None:
            return self._given
        if self._own is None:
            self._own = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False)
        return self._own

    def wake(self) -> None:
        """Make the background task check what is due."""
        self._wake.set()

    async def deliver_due(self, now: datetime | None = None) -> int:
        """Send every event that is due at `now`, and wait for the answers.

        Returns the number of attempts made.
        """
        moment = now or self._clock()
        due = self._outbox.due(moment)
        await asyncio.gather(*(self._attempt(item, now) for item in due))
        return len(due)

    async def _attempt(self, delivery: Delivery, now: datetime | None) -> None:
        async with self._slots:
            status, error = await self._post(delivery.body())
        self._outbox.record_attempt(delivery, now or self._clock(), status=status, error=error)

    async def _post(self, body: dict[str, Any]) -> tuple[int | None, str | None]:
        subscription = self._outbox.subscription
        if subscription is None:
            return None, "webhooks are switched off"
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Notion-Signature": sign(subscription["secret"], raw),
        }
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                response = await self.http.post(
                    subscription["url"],
                    content=raw,
                    headers={**headers, "User-Agent": "notion-api"},
                )
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as failure:
            return None, f"{type(failure).__name__}: {failure}"
        return response.status_code, None

    async def handshake(self) -> tuple[int | None, str | None]:
        """Send the verification token to the subscriber once. Returns (status, error)."""
        subscription = self._outbox.subscription or {}
        return await self._post({"verification_token": subscription.get("secret", "")})

    async def pump(self) -> None:
        """Deliver for ever, each event when it is due. A slow answer delays no other event."""
        while True:
            self._wake.clear()
            task = asyncio.create_task(self.deliver_due())
            self._sending.add(task)
            task.add_done_callback(self._sent)
            await asyncio.sleep(0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._seconds_until_due())

    def _seconds_until_due(self) -> float:
        upcoming = self._outbox.next_at()
        if upcoming is None:
            return _LONGEST_SLEEP
        seconds = (upcoming - self._clock()).total_seconds()
        return max(0.0, min(seconds, _LONGEST_SLEEP))

    def _sent(self, task: asyncio.Task[int]) -> None:
        self._sending.discard(task)
        if task.cancelled():
            return
        failure = task.exception()
        if failure is not None:
            _log.error("Delivering webhooks failed", exc_info=failure)
        elif task.result():
            self.wake()

    async def close(self) -> None:
        """Stop sending. Events without an answer stay in the outbox for the next start."""
        for task in list(self._sending):
            task.cancel()
        if self._own is not None:
            await self._own.aclose()
