"""The door's connections: how many there may be, how long each may take, and which goes when another needs room.

uvicorn waits for a request's head for ever, and asyncio accepts until the process has no descriptor left, of which it
then writes thousands of lines a second. So both are done here.
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
"""What the door itself needs: the pool of the database, Notion, Prefect, receivers of alerts,
files."""
_CONNECTIONS_LEAST: Final = 8
_QUIET_SECONDS: Final = 60.0
"""After so long without a full door, the next one is told again."""
_NONE_LEFT: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

log = structlog.get_logger("showrunner.webhook")


def connections_within(descriptors: int) -> int:
    """How many connections fit into a process that may have so many descriptors (-1: as many as it likes)."""
    if descriptors == resource.RLIM_INFINITY:
        return CONNECTIONS_MOST
    return max(_CONNECTIONS_LEAST, min(CONNECTIONS_MOST, descriptors - _OTHER_DESCRIPTORS))


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What strangers may take of the door.

    Attributes:
        head: seconds until a request's head is there, from the connection's beginning or the last
            answer.
        exchange: seconds from then until it is answered and the answer is taken.
        grace: seconds that a connection is left to send a head in when there is no room for another
            one.
        patience: seconds that a request is left to be answered in then.
        pause: seconds until the next look when there is no room at all.
        connections: how many at once.
    """

    head: float = 10.0
    exchange: float = 30.0
    grace: float = 0.5
    patience: float = 2.0
    pause: float = 0.1
    connections: int = CONNECTIONS_MOST

    @classmethod
    def of_this_process(cls) -> Limits:
        """With as many connections as this process has descriptors for."""
        return cls(connections=connections_within(resource.getrlimit(resource.RLIMIT_NOFILE)[0]))


class Connection(H11Protocol):
    """One connection, whose every state ends: waiting for a head, and answering a request.

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
        """Whether the head of a request is there that is not answered yet."""
        return self._asked > 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._begin(self._room.limits.head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room."""
        if self._end is not None:
            self._end.cancel()
        self._room.left(self)
        super().connection_lost(exc)

    def close(self) -> None:
        """End it at once, whatever is under way."""
        self._room.left(self)
        self.transport.abort()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._asked += 1
        self._begin(self._room.limits.exchange)
        try:
            await self._app(scope, receive, send)
        finally:
            self._asked -= 1
            if not self.answering:
                self._begin(self._room.limits.head)

    def _begin(self, seconds: float) -> None:
        if self._end is not None:
            self._end.cancel()
        if not self.transport.is_closing():
            self.since = self.loop.time()
            self._end = self.loop.call_later(seconds, self.close)
            self._room.entered(self)


class Room:
    """The connections that are open, the one first whose state has lasted longest."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._open: dict[Connection, None] = {}
        self._change = asyncio.Event()
        self._full_at: float | None = None
        self._closed = 0

    def entered(self, connection: Connection) -> None:
        """A connection's state began."""
        self._open.pop(connection, None)
        self._open[connection] = None
        self._change.set()

    def left(self, connection: Connection) -> None:
        """A connection ended."""
        self._open.pop(connection, None)
        self._change.set()

    async def made(self) -> None:
        """Return when there is room for another connection: who only waits goes for it, the longest first."""
        while len(self._open) >= self.limits.connections:
            self.tell_full()
            if not self.close_one():
                await self._changed()

    def close_one(self) -> bool:
        """End the connection that has waited for a head longest, or been answered for too long; whether there is one.

        A request that Notion sends is there within a round trip, so those who have sent none for longest go.
        """
        now = asyncio.get_running_loop().time()
        waiting = (
            each
            for each in self._open
            if not each.answering and each.since <= now - self.limits.grace
        )
        late = (
            each
            for each in self._open
            if each.answering and each.since <= now - self.limits.patience
        )
        found = next(waiting, None) or next(late, None)
        if found is None:
            return False
        self._closed += 1
        found.close()
        return True

    def tell_full(self) -> None:
        """One line, however long it lasts and however many come."""
        now = asyncio.get_running_loop().time()
        if self._full_at is None or now - self._full_at > _QUIET_SECONDS:
            log.warning("door_full", connections=len(self._open), closed_before=self._closed)
        self._full_at = now

    async def _changed(self) -> None:
        self._change.clear()
        try:
            async with asyncio.timeout(self.limits.pause):
                await self._change.wait()
        except TimeoutError:
            return


async def accept(listener: socket.socket, room: Room, connection: Callable[[], Connection]) -> None:
    """Take connections, one after the other, while there is room; until cancelled."""
    loop = asyncio.get_running_loop()
    listener.setblocking(False)
    while True:
        try:
            accepted, _ = await loop.sock_accept(listener)
        except OSError as error:  # the caller hung up meanwhile, or there is no descriptor left
            if error.errno in _NONE_LEFT:
                room.tell_full()
                room.close_one()
                await asyncio.sleep(room.limits.pause)
            continue
        try:
            await room.made()
            await loop.connect_accepted_socket(connection, accepted)
        except OSError:
            accepted.close()
        except asyncio.CancelledError:
            accepted.close()
            raise
