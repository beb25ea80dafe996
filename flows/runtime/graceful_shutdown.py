"""How long a worker lives: until SIGTERM or SIGINT, gently.

The work is done in a thread of its own. In the main thread Prefect's engine would put its own
SIGTERM handler in place of ours during each run, and raise `TerminationSignal` wherever the event
loop happens to be; elsewhere it cannot.
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
        asked: set when the work is to end once what is under way has finished.
        hurry: set when that is to be cancelled instead.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurry = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._seen: set[str] = set()

    def bind(self) -> None:
        """Say that the running loop is the one in which both are awaited.

        Requests made before it count.
        """
        self._loop = asyncio.get_running_loop()
        for event in (self.asked, self.hurry):
            if event.is_set():
                event.set()

    def ask(self, reason: str) -> None:
        """Ask to stop, from any thread. The same reason once more means: hurry.

        A Ctrl-C reaches a child of `showrunner up` twice, as SIGINT from the terminal and as
        SIGTERM from its parent; that is one request.
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
    """Do the work in a thread and event loop of its own; the first SIGTERM or SIGINT asks it to stop.

    Args:
        work: gets the request to stop, and returns when it has done so.

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

    # A daemon, so that a flow that neither ends nor lets itself be cancelled cannot keep the
    # process from exiting.
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
    """Let SIGTERM and SIGINT ask for a stop.

    An inherited "ignore SIGINT" (a shell's `&`) is overruled.
    """
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
