"""A bound on what a process logs: strangers, or a fault that repeats, must not fill a disk or hide other lines."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

MINUTE: Final = 60.0
MOST: Final = 5_000_000
"""Bytes a minute, about; a busy minute of a thousand webhooks a second for ten seconds stays below.
"""
_KINDS_MOST: Final = 200
_TRACEBACK: Final = 3_000
"""Bytes that a traceback is taken for."""


class Bounded(logging.Filter):
    """Lets records through until they are too many for a minute; the next one after it says how many were left out.

    One kind of line may take half of it: what strangers cause does not silence what else there is to say.

    Args:
        most: bytes a minute.
        now: seconds, by a clock that never goes back.
    """

    def __init__(self, most: int = MOST, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._most = most
        self._now = now
        self._since = now()
        self._all = 0
        self._by_kind: dict[str, int] = {}
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """True if the record may be written; otherwise it is counted and dropped."""
        if self._now() - self._since >= MINUTE:
            self._since, self._all, self._by_kind = self._now(), 0, {}
        kind, size = _kind(record), _size(record)
        kind = kind if kind in self._by_kind or len(self._by_kind) < _KINDS_MOST else "other"
        of_kind = self._by_kind.get(kind, 0) + size
        if self._all + size > self._most or of_kind > self._most // 2:
            self._left_out += 1
            return False
        self._all += size
        self._by_kind[kind] = of_kind
        if self._left_out and len(self._by_kind) == 1:
            _say(record, self._left_out)
            self._left_out = 0
        return True


def _kind(record: logging.LogRecord) -> str:
    said = record.msg
    event = said.get("event") if isinstance(said, dict) else said
    return f"{record.name} {str(event)[:60]}"


def _size(record: logging.LogRecord) -> int:
    said = record.msg if isinstance(record.msg, dict) else record.getMessage()
    traceback = record.exc_info or (isinstance(said, dict) and said.get("exc_info"))
    return len(str(said)) + (_TRACEBACK if traceback else 0)


def _say(record: logging.LogRecord, left_out: int) -> None:
    if isinstance(record.msg, dict):
        record.msg = {**record.msg, "lines_left_out_before": left_out}
    else:
        record.msg, record.args = (
            f"{record.getMessage()} ({left_out} lines were left out before)",
            (),
        )
