"""A deterministic scheduler: database and Notion calls wait for turns chosen by a seed.

Only one call is under way at any moment, so a history repeats exactly, although PostgreSQL and the
event loop are real. Between two turns of a process anybody else may act, or the process may die.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Process:
    """A worker's process: at most one job at a time, and mortal."""

    name: str
    job: asyncio.Task[Any] | None = None
    doing: str = ""
    dead: bool = False

    @property
    def busy(self) -> bool:
        return self.job is not None and not self.job.done()


@dataclass(eq=False)
class Waiter:
    process: Process
    what: str
    ready: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Turns:
    """The queue before every transaction, request, answer and wait."""

    def __init__(self) -> None:
        self.waiting: list[Waiter] = []
        self.trail: list[str] = []
        self._holder: object = None
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def turn(self, process: Process, what: str) -> AsyncIterator[None]:
        """Wait until the history says so, and keep everybody else out until the context ends."""
        if process.dead:
            raise asyncio.CancelledError
        assert self._holder is not asyncio.current_task(), (
            f"{what} inside a transaction or a request"
        )
        waiter = Waiter(process, what)
        self.waiting.append(waiter)
        try:
            await waiter.ready
        finally:
            if waiter in self.waiting:
                self.waiting.remove(waiter)
        self._holder = asyncio.current_task()
        try:
            yield
        finally:
            self._holder = None
            self._freed.set()

    async def next(self, waiter: Waiter) -> None:
        """Let one of those who wait go on, until everybody waits again."""
        self.trail.append(f"{waiter.process.name} {waiter.what}")
        self.waiting.remove(waiter)
        self._holder = waiter
        waiter.ready.set_result(None)
        await self.quiet()

    async def quiet(self) -> None:
        """Until nothing is under way: everybody waits for a turn or has ended."""
        loop: Any = asyncio.get_running_loop()
        while True:
            while self._holder is not None:
                self._freed.clear()
                await self._freed.wait()
            await asyncio.sleep(0)
            if self._holder is None and not loop._ready:
                return

    async def begin(self, process: Process, doing: str, work: Coroutine[Any, Any, Any]) -> None:
        """A process begins a job."""
        process.dead, process.doing = False, doing
        process.job = asyncio.create_task(work, name=f"{process.name} {doing}")
        self.trail.append(f"{process.name} begins {doing}")
        await self.quiet()

    async def kill(self, process: Process) -> None:
        """The process dies where it stands: nothing it would still do reaches anybody."""
        assert process.job is not None
        self.trail.append(f"{process.name} dies")
        process.dead = True
        process.job.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await process.job
        await self.quiet()
