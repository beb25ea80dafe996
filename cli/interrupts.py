"""Ctrl-C and SIGTERM: one sentence and exit code 130, never a traceback.

Imports nothing that takes time to load.

Python's own answer to Ctrl-C is an exception wherever the program happens to be: inside an import,
a driver's clean-up, another exception's handling. A handler of ours decides instead: while there is
work that can be cancelled, the first signal cancels it; without, and at the second signal, the
program ends at once. What it does may end so at any moment.
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
"""The exit code of a program that was interrupted, as shells know it."""
STOPPED: Final = "Stopped."
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """The operator ended the command; the message is what is said of it."""


def leave_at_once_when_told() -> None:
    """From here on a signal ends the program with a word, whatever it is doing."""
    for number in _SIGNALS:
        signal.signal(number, _leave_on)


def leave(words: str) -> None:
    """End the program now, without waiting for anything."""
    if sys.stdout.isatty():
        os.write(sys.stdout.fileno(), b"\x1b[?25h")  # a progress bar hides the cursor
    os.write(2, f"{words}\n".encode())
    os._exit(CODE)


def _leave_on(_number: int, _frame: FrameType | None) -> None:
    leave(STOPPED)


class Told:
    """Whether a signal asked for the end of the work under way."""

    def __init__(self, cancel: Callable[[], object]) -> None:
        self._cancel = cancel
        self.to_stop = False

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        """Cancel the work; the second time, do not wait for it."""
        if self.to_stop:
            leave(STOPPED)
        self.to_stop = True
        self._cancel()


@contextmanager
def signals_for(told: Told) -> Iterator[None]:
    """Signals are told to that work while the context lasts; afterwards as before.

    They are the main thread's alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, told.handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
