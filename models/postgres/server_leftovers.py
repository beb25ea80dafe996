"""Clean up after an interrupted run of the embedded PostgreSQL: its processes and its pid files.

The files (`postmaster.pid` and the socket's lock) contain only a process id, which after a reboot
may belong to any program; PostgreSQL then refuses to start. So the files are not trusted. A process
belongs to the folder's server if it is a PostgreSQL process with the folder as its working
directory, as each of them has from start to end.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from models.errors import DatabaseUnavailable
from models.postgres.server_socket import SOCKET

_STEPS: Final = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
"""Fast, immediate and forced shutdown, each with the seconds until the next; none loses committed
data."""


def end_leftovers(folder: Path, sockets: Path) -> None:
    """Stop the processes of the folder's server, and remove its pid files.

    Args:
        folder: the server's; no other process may be starting one in it.
        sockets: where its socket lies.

    Raises:
        DatabaseUnavailable: when a process does not end.
    """
    left = _of(folder)
    for how, seconds in _STEPS:
        # SIGINT goes to the main process only, which stops the others; a backend would only cancel
        # its query.
        signalled = [each for each in left if how is not signal.SIGINT or _is_main(each)]
        for process in signalled:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(how)
        if signalled:
            psutil.wait_procs(left, seconds)
            left = _of(folder)
    if left:
        raise DatabaseUnavailable(
            f"Processes of the PostgreSQL in {folder} do not end: {[each.pid for each in left]}."
        )
    for file in (folder / "postmaster.pid", sockets / SOCKET, sockets / f"{SOCKET}.lock"):
        file.unlink(missing_ok=True)


def _of(folder: Path) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _belongs(process, folder)]


def _belongs(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.name().startswith("postgres") and Path(process.cwd()) == folder
    except (psutil.Error, OSError):  # it has ended, or belongs to another user
        return False


def _is_main(process: psutil.Process) -> bool:
    """Whether it is the main process; the others are titled `postgres: <activity>`."""
    try:
        return not "".join(process.cmdline()[:1]).startswith("postgres:")
    except psutil.Error:
        return False
