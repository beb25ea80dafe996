"""A feed of numbered events in the sandbox, for the board page and other clients.

The stream is Server-Sent Events (WHATWG HTML, "Server-sent events"): `id`, `event`, `data` as JSON.
A client that lost the connection sends the last id it received and gets the events since then, or
`event: missed` when they are no longer stored.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

_KEEP = 5_000
_HEARTBEAT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Note:
    """One event. `kind` is its name in the stream."""

    number: int
    kind: str
    body: dict[str, Any]


class Feed:
    """The last events, and a signal for streams that wait for the next.

    Args:
        run: A text that differs after each start, so that numbers of an earlier run are not
            accepted.
        keep: How many events are stored.
    """

    def __init__(self, run: str, *, keep: int = _KEEP) -> None:
        self.run = run
        self.last = 0
        self._notes: deque[Note] = deque(maxlen=keep)
        self._closed = False
        self._next_event = asyncio.Event()

    def publish(self, kind: str, body: dict[str, Any]) -> None:
        """Add an event, and wake the waiting streams."""
        self.last += 1
        self._notes.append(Note(self.last, kind, body))
        self._wake_streams()

    def _wake_streams(self) -> None:
        # Waiting streams hold this asyncio event; later ones wait for a new one.
        self._next_event.set()
        self._next_event = asyncio.Event()

    def since(self, number: int) -> list[Note] | None:
        """The events after a number, oldest first; None when some are no longer stored."""
        missing = self.last - number
        if missing > len(self._notes):
            return None
        return list(islice(self._notes, len(self._notes) - missing, None))

    def close(self) -> None:
        """End every stream, because the sandbox stops."""
        self._closed = True
        self._wake_streams()

    def position(self, last_id: str | None) -> int | None:
        """The number in the id of an event: the last one for no id, None for an unknown id."""
        if last_id is None:
            return self.last
        run, _, number = last_id.partition("-")
        if run != self.run or not number.isdecimal() or int(number) > self.last:
            return None
        return int(number)

    async def stream(self, last_id: str | None = None) -> AsyncIterator[str]:
        """The events after an id, as long as the client is connected."""
        number = self.position(last_id)
        start = self.last if number is None else number
        yield f"retry: 500\nid: {self.run}-{start}\nevent: hello\ndata: {{}}\n\n"
        while not self._closed:
            next_event, last = self._next_event, self.last
            notes = None if number is None else self.since(number)
            if notes is None:
                notes = [Note(last, "missed", {})]
            for note in notes:
                data = json.dumps(note.body)
                yield f"id: {self.run}-{note.number}\nevent: {note.kind}\ndata: {data}\n\n"
                number = note.number
            if number == self.last and not await _is_set_in_time(next_event):
                yield ": still here\n\n"


async def _is_set_in_time(event: asyncio.Event) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), _HEARTBEAT_SECONDS)
    return event.is_set()
