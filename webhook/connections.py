"""Limits of the receiver's connections: how many, how long each, and which is closed for another.

uvicorn waits for a request's head without an end. asyncio accepts connections until the process has
no file descriptor left, and then logs thousands of lines a second. So both are done here.
"""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS_MOST: Final = 1000
_OTHER_DESCRIPTORS: Final = 64
"""Descriptors kept free for the database's pool, Notion, Prefect, alert receivers and files."""
_CONNECTIONS_LEAST: Final = 8
_QUIET_SECONDS: Final = 60.0
"""Seconds below the limit after which reaching it is logged again."""
_NONE_LEFT: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

log = structlog.get_logger("showrunner.webhook")


def connections_within(descriptors: int) -> int:
    """The connections that a process with so many file descriptors may have (-1: no limit)."""
    if descriptors == resource.RLIM_INFINITY:
        return CONNECTIONS_MOST
    return max(_CONNECTIONS_LEAST, min(CONNECTIONS_MOST, descriptors - _OTHER_DESCRIPTORS))


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits on what unauthenticated clients may use.

    Attributes:
        head: seconds for a request's head, from the connection's beginning or the last response.
        exchange: seconds from then until the response is sent.
        grace: seconds for a request's head while no other connection fits.
        patience: seconds until a request is answered while no other connection fits.
        pause: seconds between two checks while no connection can be closed.
        connections: how many at once.
    """

    head: float = 10.0
    exchange: float = 30.0
    grace: float = 0.5
    patience: float = 2.0
    pause: float = 0.1
    connections: int = CONNECTIONS_MOST

    @classmethod
    def of_this_process(cls, *, kept: int = 0) -> Limits:
        """As many connections as this process has file descriptors for.

        Args:
            kept: descriptors that are kept for another server in this process.
        """
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if descriptors != resource.RLIM_INFINITY:
            descriptors = max(0, descriptors - kept)
        return cls(connections=connections_within(descriptors))


class Connection(H11Protocol):
    """One connection, whose two states have time limits: waiting for a head, and responding.

    Attributes:
        since: when its present state began, by the loop's clock.
    """

    def __init__(self, *args: Any, room: Room, **given: Any) -> None:
        super().__init__(*args, **given)
        self.since = 0.0
        self._room = room
        self._app, self.app = self.app, self._answer
        self._asked = 0
        self._end: asyncio.TimerHandle | None = None

    @property
    def answering(self) -> bool:
        """Whether a request's head was received and its response is not finished."""
        return self._asked > 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time limit for the first head."""
        super().connection_made(transport)
        self._start_limit(self._room.limits.head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Free its place."""
        if self._end is not None:
            self._end.cancel()
        self._room.left(self)
        super().connection_lost(exc)

    def close(self) -> None:
        """Abort the connection at once."""
        self._room.left(self)
        self.transport.abort()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._asked += 1
        self._start_limit(self._room.limits.exchange)
        try:
            await self._app(scope, receive, send)
        finally:
            self._asked -= 1
            if not self.answering:
                self._start_limit(self._room.limits.head)

    def _start_limit(self, seconds: float) -> None:
        if self._end is not None:
            self._end.cancel()
        if not self.transport.is_closing():
            self.since = self.loop.time()
            self._end = self.loop.call_later(seconds, self.close)
            self._room.entered(self)


class Room:
    """The open connections, ordered by the start of their state, the oldest first."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._open: dict[Connection, None] = {}
        self._change = asyncio.Event()
        self._full_at: float | None = None
        self._closed = 0

    def entered(self, connection: Connection) -> None:
        """Note that a connection's state began."""
        self._open.pop(connection, None)
        self._open[connection] = None
        self._change.set()

    def left(self, connection: Connection) -> None:
        """Note that a connection ended."""
        self._open.pop(connection, None)
        self._change.set()

    async def wait_for_place(self) -> None:
        """Return when another connection fits; idle ones are closed for it, the oldest first."""
        while len(self._open) >= self.limits.connections:
            self.log_full()
            if not self.close_one():
                await self._changed()

    def close_one(self) -> bool:
        """Close the connection that is idle longest, else the one that takes too long to answer.

        Notion sends a request's head within a round trip, so the idle ones are not Notion's.

        Returns:
            Whether there was one to close.
        """
        now = asyncio.get_running_loop().time()
        found = self._first(answering=False, since=now - self.limits.grace)
        found = found or self._first(answering=True, since=now - self.limits.patience)
        if found is None:
            return False
        self._closed += 1
        found.close()
        return True

    def _first(self, *, answering: bool, since: float) -> Connection | None:
        for each in self._open:
            if each.answering is answering and each.since <= since:
                return each
        return None

    def log_full(self) -> None:
        """Log that the limit is reached, once per period."""
        now = asyncio.get_running_loop().time()
        if self._full_at is None or now - self._full_at > _QUIET_SECONDS:
            log.warning("receiver_full", connections=len(self._open), closed_before=self._closed)
        self._full_at = now

    async def _changed(self) -> None:
        self._change.clear()
        try:
            async with asyncio.timeout(self.limits.pause):
                await self._change.wait()
        except TimeoutError:
            return


async def accept(listener: socket.socket, room: Room, connection: Callable[[], Connection]) -> None:
    """Accept connections while they fit, until cancelled."""
    loop = asyncio.get_running_loop()
    listener.setblocking(False)
    while True:
        try:
            accepted, _ = await loop.sock_accept(listener)
        except OSError as error:  # the client disconnected, or there is no descriptor left
            if error.errno in _NONE_LEFT:
                room.log_full()
                room.close_one()
                await asyncio.sleep(room.limits.pause)
            continue
        try:
            await room.wait_for_place()
            await loop.connect_accepted_socket(connection, accepted)
        except OSError:
            accepted.close()
        except asyncio.CancelledError:
            accepted.close()
            raise
