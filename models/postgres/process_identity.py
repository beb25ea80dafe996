"""Identify a process by its id and its start, because ids are reused."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import psutil

_PROC = Path("/proc")
_STARTED = 19
"""Index of `starttime` among the fields behind the name in Linux' /proc/PID/stat (its field 22)."""


def mark_of(pid: int) -> str | None:
    """A mark that no other process with the same id has; None when no such process runs.

    On Linux it is the boot id and the tick at which the process began. Neither moves when the clock
    is set, as a creation time that is computed from the wall clock would. Elsewhere the system
    stores the creation time itself.
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
    """When the process began, in seconds since 1970, exact to two seconds; None if it ended."""
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
