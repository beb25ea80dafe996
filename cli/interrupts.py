"""Ctrl-C and SIGTERM: one sentence and exit code 130, never a traceback.

This module imports nothing that takes time to load.

On Ctrl-C Python raises an exception at any point of the program: inside an import, a driver's
clean-up, another exception's handling. The handlers here replace that. While there is work that can
be cancelled, the first signal cancels it. Without such work, and at the second signal, the program
ends at once. Every command must therefore be safe to end at any moment.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

CODE: Final = 130
"""The exit code of an interrupted program, by the shells' convention (128 + SIGINT)."""
STOPPED: Final = "Stopped."
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """The operator interrupted the command; the message is printed."""


def exit_on_signals() -> None:
    """From here on a signal ends the program at once, whatever it is doing."""
    for number in _SIGNALS:
        signal.signal(number, _exit_on)


def exit_now(message: str) -> None:
    """Print the message and end the program, without waiting for anything."""
    if sys.stdout.isatty():
        os.write(sys.stdout.fileno(), b"\x1b[?25h")  # a progress bar hides the cursor
    os.write(2, f"{message}\n".encode())
    os._exit(CODE)


def leave() -> None:
    """End an interrupted program after its message.

    Python's own end collects garbage first. With Prefect loaded that took 5 to 12 s on a busy
    machine, after the operator had read that the program stopped.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(CODE)


def _exit_on(_number: int, _frame: FrameType | None) -> None:
    exit_now(STOPPED)


@contextmanager
def loading() -> Iterator[None]:
    """Let a signal end the program at once while the context lasts.

    For an import inside a coroutine: it takes seconds, and only what awaits can be cancelled.
    """
    with _handling(_exit_on):
        yield


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle signals so while the context lasts. Only the main thread receives them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


class Cancellation:
    """Cancels the work under way at the first signal.

    Attributes:
        requested: whether a signal has come.
    """

    def __init__(self, cancel: Callable[[], object]) -> None:
        self._cancel = cancel
        self.requested = False

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        """Cancel the work; at the second signal, end the program without waiting for it."""
        if self.requested:
            exit_now(STOPPED)
        self.requested = True
        self._cancel()


@contextmanager
def cancelling_on_signals(cancellation: Cancellation) -> Iterator[None]:
    """Let signals cancel the work while the context lasts."""
    with _handling(cancellation.handle):
        yield
