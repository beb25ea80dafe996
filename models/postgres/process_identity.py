"""Which process an id stands for: ids are given anew, so the moment of the start counts too."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import psutil

_PROC = Path("/proc")
_STARTED = 19
"""Index of `starttime` among the fields behind the name in Linux' /proc/PID/stat (its field 22)."""


def mark_of(pid: int) -> str | None:
    """What tells this process from every other that had its id or will have it; None when it does not run.

    On Linux that is the boot and the tick of it at which the process began: neither moves when somebody sets the clock,
    which a creation time reckoned from the wall clock does. Elsewhere the system keeps the creation time itself.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return _boot_and_tick(pid) or str(process.create_time())
    except (psutil.NoSuchProcess, ValueError):
        return None


def is_running(pid: int, mark: str) -> bool:
    """Whether the process that had this id and `mark_of` still runs."""
    return mark_of(pid) == mark


def began(pid: int) -> float | None:
    """When it began, in seconds since 1970 and true to a second or two; None when none runs."""
    try:
        return psutil.Process(pid).create_time()
    except (psutil.NoSuchProcess, ValueError):
        return None


def _boot_and_tick(pid: int) -> str | None:
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return f"{_boot()}:{fields[_STARTED]}"
    except (OSError, IndexError):
        return None


@cache
def _boot() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
