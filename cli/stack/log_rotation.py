"""Bounded log files: of each there is the current file and the previous one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

LOG_MAX: Final = 20_000_000
"""Bytes after which a log file is rotated; the previous one is kept."""


def rotate(log: Path, most: int = LOG_MAX) -> bool:
    """Rotate a log that is longer than that many bytes; return whether it was.

    The previous file is `<name>.log.1`. The log is copied and truncated, not renamed, so that a
    process that has it open for appending continues. A line that is written between the two steps
    is lost.
    """
    if not log.exists() or log.stat().st_size <= most:
        return False
    shutil.copyfile(log, log.with_name(f"{log.stem}.log.1"))
    os.truncate(log, 0)
    return True
