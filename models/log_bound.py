"""Limit what a process logs, so that a flood of lines cannot fill the disk or hide other lines."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

MINUTE: Final = 60.0
MOST: Final = 5_000_000
"""Bytes a minute, approximately. A thousand webhooks a second for ten seconds stay below."""
_KINDS_MOST: Final = 200
_TRACEBACK: Final = 3_000
"""Bytes that a traceback counts as."""


class Bounded(logging.Filter):
    """Drops records beyond a number of bytes a minute; the next line says how many were dropped.

    One kind of line may use half of the limit, so that a flood of one does not suppress others.

    Args:
        most: bytes a minute.
        now: seconds of a monotonic clock.
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
        """Whether the record may be written; otherwise it is counted and dropped."""
        if self._now() - self._since >= MINUTE:
            self._since, self._all, self._by_kind = self._now(), 0, {}
        kind, size = _kind(record), _size(record)
        if kind not in self._by_kind and len(self._by_kind) >= _KINDS_MOST:
            kind = "other"
        of_kind = self._by_kind.get(kind, 0) + size
        if self._all + size > self._most or of_kind > self._most // 2:
            self._left_out += 1
            return False
        self._all += size
        self._by_kind[kind] = of_kind
        if self._left_out and len(self._by_kind) == 1:
            _add_count(record, self._left_out)
            self._left_out = 0
        return True


def _kind(record: logging.LogRecord) -> str:
    message = record.msg
    event = message.get("event") if isinstance(message, dict) else message
    return f"{record.name} {str(event)[:60]}"


def _size(record: logging.LogRecord) -> int:
    fields = record.msg if isinstance(record.msg, dict) else {}
    size = len(str(fields or record.getMessage()))
    if record.exc_info or fields.get("exc_info"):
        size += _TRACEBACK
    return size


def _add_count(record: logging.LogRecord, left_out: int) -> None:
    if isinstance(record.msg, dict):
        record.msg = {**record.msg, "lines_left_out_before": left_out}
    else:
        record.msg = f"{record.getMessage()} ({left_out} lines were left out before)"
        record.args = ()
