"""Log files that do not grow for ever: of each there is the present one and the one before, of bounded size."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

LOG_MAX: Final = 20_000_000
"""Bytes after which a log file is begun anew; the one before is kept."""


def begin_anew(log: Path, most: int = LOG_MAX) -> bool:
    """Begin a log anew when it is longer than that many bytes; whether it was.

    The one before is `<name>.log.1`.

    Whoever writes it goes on, provided that the file was opened for appending: it is copied and
    emptied, not renamed. A line that is written in the moment between is lost.
    """
    if not log.exists() or log.stat().st_size <= most:
        return False
    shutil.copyfile(log, log.with_name(f"{log.stem}.log.1"))
    os.truncate(log, 0)
    return True
