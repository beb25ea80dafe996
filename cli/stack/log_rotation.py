"""Bounded log files: of each there is the current file and the previous one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import IO, Final

LOG_MAX: Final = 20_000_000
"""Bytes after which a log file is rotated; the previous one is kept."""


def open_log(log: Path) -> IO[bytes]:
    """Open a log for appending; only its owner may read it."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.fchmod(descriptor, 0o600)  # An earlier version made it readable for others.
    return os.fdopen(descriptor, "ab")


def rotate(log: Path, most: int = LOG_MAX) -> bool:
    """Rotate a log that is longer than that many bytes; return whether it was.

    The previous file is `<name>.log.1`. The log is copied and truncated, not renamed, so that a
    process that has it open for appending continues. A line that is written between the two steps
    is lost.
    """
    if not log.exists() or log.stat().st_size <= most:
        return False
    previous = log.with_name(f"{log.stem}.log.1")
    with open_log(previous):  # Makes it private before it holds anything.
        shutil.copyfile(log, previous)
    os.truncate(log, 0)
    return True
