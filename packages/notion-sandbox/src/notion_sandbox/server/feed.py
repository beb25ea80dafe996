"""A feed of what happens in the sandbox, for the board page and other listeners.

Numbered notes, and a stream of them.

The stream is Server-Sent Events (WHATWG HTML, "Server-sent events"): `id`, `event`, `data` as JSON.
A watcher that lost the connection names the last id it saw and gets what it missed, or `event:
missed` when that is gone.
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
    """One thing that happened. `kind` is the event's name in the stream."""

    number: int
    kind: str
    body: dict[str, Any]


class Feed:
    """The last things that happened, and a bell for those who wait for the next.

    Args:
        run: A text that is another one after each start, so that numbers of an earlier run are not
            mistaken.
        keep: How many notes are remembered.
    """

    def __init__(self, run: str, *, keep: int = _KEEP) -> None:
        self.run = run
        self.last = 0
        self._notes: deque[Note] = deque(maxlen=keep)
        self._closed = False
        self._bell = asyncio.Event()

    def publish(self, kind: str, body: dict[str, Any]) -> None:
        """Note what happened and wake everybody who waits."""
        self.last += 1
        self._notes.append(Note(self.last, kind, body))
        self._ring()

    def _ring(self) -> None:
        # Every waiting stream holds this event; later ones wait for the next.
        self._bell.set()
        self._bell = asyncio.Event()

    def since(self, number: int) -> list[Note] | None:
        """The notes after a number, oldest first; None when some of them are forgotten."""
        missing = self.last - number
        if missing > len(self._notes):
            return None
        return list(islice(self._notes, len(self._notes) - missing, None))

    def close(self) -> None:
        """End every stream: the sandbox stops."""
        self._closed = True
        self._ring()

    def position(self, last_id: str | None) -> int | None:
        """The number behind the id of a stream's event.

        The present for no id, None for one of another run.
        """
        if last_id is None:
            return self.last
        run, _, number = last_id.partition("-")
        return (
            int(number)
            if run == self.run and number.isdecimal() and int(number) <= self.last
            else None
        )

    async def stream(self, last_id: str | None = None) -> AsyncIterator[str]:
        """The events after an id, for as long as the listener stays."""
        number = self.position(last_id)
        start = self.last if number is None else number
        yield f"retry: 500\nid: {self.run}-{start}\nevent: hello\ndata: {{}}\n\n"
        while not self._closed:
            bell, last = self._bell, self.last
            notes = None if number is None else self.since(number)
            if notes is None:
                yield f"id: {self.run}-{last}\nevent: missed\ndata: {{}}\n\n"
                number = last
            for note in notes or ():
                data = json.dumps(note.body)
                yield f"id: {self.run}-{note.number}\nevent: {note.kind}\ndata: {data}\n\n"
                number = note.number
            if number == self.last and not await self._rings(bell):
                yield ": still here\n\n"

    async def _rings(self, bell: asyncio.Event) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(bell.wait(), _HEARTBEAT_SECONDS)
            return True
        return False
