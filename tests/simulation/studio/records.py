"""What was sent to the services, seen from outside, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final, NamedTuple
from unittest.mock import patch
from uuid import UUID

import httpx

from simulation.studio.processes import ACTING, Watched, acting

ROUTES: Final = {
    "generateContent": "gemini",
    "/v1/text-to-speech/": "elevenlabs",
    "/v1/sound-generation": "elevenlabs",
    "/v1/videos/image2video": "kling",
    "/upload/youtube/v3/videos": "youtube",
}
"""The service that a POST orders something of, by a part of its path."""
GONE: Final = frozenset({403, 404, 410})
CAN_BE_LOOKED_UP: Final = frozenset({"kling", "youtube"})


class Order(NamedTuple):
    """What is ordered: the same order twice is the same piece made from the same."""

    task: UUID
    kind: str
    position: int
    hash: str


@dataclass
class Sent:
    """An order that left.

    Attributes:
        key: its name in the ledger.
        estimate: what was booked before, in USD.
        said_so: how often a person had queued the video again by then, after an error.
        at: the time by then.
        ordered_at: the moment in which it was about to be sent, counted through the history.
        left_at: the moment in which it was sent, which is later if the process was held up; 0 when
            it was killed before.
        status: of the answer; 0 without one.
        is_whole: whether its answer came to its end.
        stored_at: the moment by which the process had stored the answer; 0 if it never did.
    """

    key: str
    service: str
    order: Order
    estimate: Decimal
    said_so: int
    at: datetime
    ordered_at: int
    left_at: int = 0
    status: int = 0
    is_whole: bool = False
    stored_at: int = 0

    @property
    def is_answered(self) -> bool:
        """Whether the outcome is known: an error of the service itself says nothing."""
        whole = self.is_whole and self.status < httpx.codes.INTERNAL_SERVER_ERROR
        return whole and self.stored_at > 0


@dataclass
class Records:
    """All orders, and which jobs' results were gone.

    Attributes:
        noted: finds the order that a key belongs to, with its estimate; None when the database
            does not know the key.
        said_so: how often a person queued that task again.
        clock: the time of the history.
    """

    noted: Callable[[str], Awaitable[tuple[Order, Decimal] | None]]
    said_so: Callable[[UUID], int]
    clock: Callable[[], datetime]
    sent: dict[str, Sent] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    _moments: Iterator[int] = field(default_factory=lambda: count(1))

    def now(self) -> int:
        """The next moment."""
        return next(self._moments)

    async def asked(self, request: httpx.Request) -> Sent | None:
        """Note a request; the order, when it is one."""
        service = _service(request)
        if service is None:
            return None
        key = _key(service, request)
        if key is None or key in self.sent:
            self.failures.append(f"{service} was sent the key {key} {'twice' if key else ''}")
            return None
        with acting(None):
            found = await self.noted(key)
        if found is None:
            self.failures.append(f"{service} was sent {key} before that was noted and booked")
            return None
        order, estimate = found
        said_so = self.said_so(order.task)
        sent = Sent(key, service, order, estimate, said_so, self.clock(), self.now())
        self.sent[key] = sent
        return sent


def _service(request: httpx.Request) -> str | None:
    if request.method != "POST":
        return None
    path = request.url.path
    return next((service for part, service in ROUTES.items() if part in path), None)


def _key(service: str, request: httpx.Request) -> str | None:
    if service == "kling":
        return str(json.loads(request.content).get("external_task_id"))
    if service == "youtube":
        tags = json.loads(request.content)["snippet"].get("tags", [])
        keys = [tag.removeprefix(_MARK) for tag in tags if _MARK_OF_FILM not in tag]
        return keys[0] if keys else None
    key: str | None = request.headers.get("x-client-request-id")
    return key


_MARK: Final = "showrunner-"
_MARK_OF_FILM: Final = "showrunner-film-"


@contextmanager
def requests_are_recorded(records: Records) -> Iterator[None]:
    """Each request of a process is a moment before it is sent and after it was answered."""
    original = httpx.AsyncHTTPTransport.handle_async_request

    async def watched(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> Any:
        process = ACTING.get()
        if process is None:
            return await original(transport, request)
        sent = await records.asked(request)
        await process.request()
        if sent is not None:
            sent.left_at = records.now()
        response = await original(transport, request)
        process.moment()
        if response.status_code in GONE and request.method == "GET":
            records.gone.add(request.url.path)
        if sent is None:
            return response
        sent.status = response.status_code

        def whole() -> None:
            sent.is_whole = True
            process.after_commit.append(lambda: setattr(sent, "stored_at", records.now()))

        response.stream = Watched(response.stream, whole)
        return response

    with patch.object(httpx.AsyncHTTPTransport, "handle_async_request", watched):
        yield
