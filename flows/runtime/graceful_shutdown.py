"""Run a worker until SIGTERM or SIGINT, and let it finish its runs.

The work runs in a thread of its own. In the main thread Prefect's engine would replace our SIGTERM
handler during each run, and raise `TerminationSignal` at any point of the event loop. In another
thread it cannot.
"""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import structlog

log = structlog.get_logger("showrunner.worker")


class Stop:
    """A request to stop, made in one thread and awaited in another.

    Attributes:
        asked: set when the work is to end after the runs under way have finished.
        hurry: set when those runs are to be cancelled.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurry = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._seen: set[str] = set()

    def bind(self) -> None:
        """Make the running loop the one in which both are awaited; earlier requests count."""
        self._loop = asyncio.get_running_loop()
        for event in (self.asked, self.hurry):
            if event.is_set():
                event.set()

    def ask(self, reason: str) -> None:
        """Request a stop, from any thread. The same reason a second time sets `hurry`.

        A Ctrl-C reaches a child of `showrunner up` twice, as SIGINT from the terminal and as
        SIGTERM from its parent. That is one request.
        """
        again = reason in self._seen
        self._seen.add(reason)
        log.info("worker_asked_to_stop", reason=reason, hurry=again)
        self._set(self.asked)
        if again:
            self._set(self.hurry)

    def _set(self, event: asyncio.Event) -> None:
        if self._loop is None:
            event.set()
            return
        with suppress(RuntimeError):  # the loop is closed: the work has ended already
            self._loop.call_soon_threadsafe(event.set)


async def run_until_stopped(work: Callable[[Stop], Coroutine[Any, Any, None]]) -> None:
    """Run the work in a thread and event loop of its own; SIGTERM and SIGINT request its stop.

    Args:
        work: receives the request to stop, and returns when it has stopped.

    Raises:
        BaseException: whatever the work raised.
    """
    here = asyncio.get_running_loop()
    stop, done = Stop(), asyncio.Event()
    failures: list[BaseException] = []

    async def bound() -> None:
        stop.bind()
        await work(stop)

    def thread() -> None:
        try:
            asyncio.run(bound())
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            failures.append(error)
        finally:
            here.call_soon_threadsafe(done.set)

    # A daemon thread: a flow that cannot be cancelled must not keep the process from exiting.
    context = contextvars.copy_context()
    threading.Thread(
        target=context.run, args=(thread,), name="showrunner-worker", daemon=True
    ).start()
    with _signals(here, stop):
        try:
            await done.wait()
        except asyncio.CancelledError:
            stop.ask("cancelled")
            await done.wait()
            raise
    if failures:
        raise failures[0]


@contextmanager
def _signals(loop: asyncio.AbstractEventLoop, stop: Stop) -> Iterator[None]:
    """Request a stop on SIGTERM and SIGINT, also where a shell's `&` made SIGINT ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    for number in numbers:
        loop.add_signal_handler(number, stop.ask, number.name)
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
