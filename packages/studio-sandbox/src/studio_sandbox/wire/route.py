"""A route of a service: its faults, its errors, its place in the log of requests."""

import asyncio
import contextlib
import hashlib
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from studio_sandbox.config import Clock, Service
from studio_sandbox.errors import ServiceError
from studio_sandbox.wire.connection import Truncated, drop
from studio_sandbox.wire.faults import Faults, FaultSettings

KEY_HEADER = "x-client-request-id"
"""Names a request where the service itself has no field for that; services ignore it."""
_FINGERPRINT = 16


@dataclass(frozen=True)
class Call:
    """A request of a service.

    Attributes:
        request: As Starlette has it.
        now: When it came.
        fault: The fault that strikes it, unless it has been dealt with.
        raw: The body; empty where the handler reads it by itself.
    """

    request: Request
    now: datetime
    fault: FaultSettings | None = None
    raw: bytes = b""

    @property
    def key(self) -> str | None:
        """The name that the client gave its request."""
        return self.request.headers.get(KEY_HEADER)

    def struck_by(self, kind: str) -> FaultSettings | None:
        """The fault of this kind that strikes it."""
        if self.fault is None or self.fault.kind != kind:
            return None
        return self.fault

    def json(self) -> dict[str, Any] | None:
        """The object in the body; None when it is no JSON object."""
        try:
            body = json.loads(self.raw)
        except (ValueError, RecursionError):
            return None
        return body if isinstance(body, dict) else None


Handler = Callable[[Call], Awaitable[Response]]
MakeError = Callable[[str, str | None], ServiceError]
"""The error of a service by its code, with other words when they are given."""


def fingerprint(*parts: object) -> str:
    """The same for equal requests."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_FINGERPRINT]


@dataclass(frozen=True, kw_only=True)
class Route:
    """A route.

    Attributes:
        service: Whose it is.
        name: Its name in faults and in the log.
        methods: Of HTTP.
        path: In Starlette's form.
        handler: Answers.
        error: Makes the errors that faults ask for.
        reads_body: Whether the handler reads the body by itself.
    """

    service: Service
    name: str
    methods: tuple[str, ...]
    path: str
    handler: Handler
    error: MakeError
    reads_body: bool = False


@dataclass
class RequestLog:
    """The last requests of the services."""

    limit: int
    total: int = 0
    entries: deque[dict[str, Any]] = field(default_factory=deque)

    def add(self, route: Route, request: Request, at: datetime, status: int) -> None:
        """Log a request; status 0 is one whose connection was closed without an answer."""
        self.total += 1
        entry = {
            "number": self.total,
            "at": at.isoformat(),
            "service": route.service,
            "route": route.name,
            "method": request.method,
            "path": request.url.path,
            "status": status,
        }
        self.entries.append(entry)
        while len(self.entries) > self.limit:
            self.entries.popleft()


class Endpoint:
    """A route with its faults.

    Args:
        route: The route.
        faults: The faults of the sandbox.
        log: Where each request is logged.
        clock: The time.
    """

    def __init__(self, route: Route, faults: Faults, log: RequestLog, clock: Clock) -> None:
        self._route = route
        self._faults = faults
        self._log = log
        self._clock = clock

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        now = self._clock()
        fault = self._faults.strike(self._route.service, self._route.name)
        raw = b"" if self._route.reads_body else await request.body()
        kind = fault.kind if fault else None
        if kind == "lost_before":
            self._log.add(self._route, request, now, 0)
            return await drop(request)
        response = await self._response(Call(request, now, fault, raw))
        if fault and fault.delay_ms:
            await _wait(request, fault.delay_ms / 1000)
        is_lost = kind == "lost_after"
        self._log.add(self._route, request, now, 0 if is_lost else response.status_code)
        if is_lost:
            return await drop(request)
        if fault and kind == "truncated":
            return Truncated(response, fault.at)
        return response

    async def _response(self, call: Call) -> Response:
        error = call.struck_by("error")
        try:
            if error and error.code and error.at is None:
                await _discard(call.request)
                raise self._route.error(error.code, error.message)
            return await self._route.handler(call)
        except ServiceError as refused:
            return JSONResponse(refused.body, refused.status, headers=refused.headers)


async def _wait(request: Request, seconds: float) -> None:
    """Wait so long, or until the client gives up."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await request.receive())["type"] != "http.disconnect":
                pass


async def _discard(request: Request) -> None:
    """Read the body to its end, so that the client can read the answer."""
    async for _ in request.stream():
        pass
