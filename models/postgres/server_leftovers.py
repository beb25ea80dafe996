"""What an interrupted run or a power cut leaves of the embedded PostgreSQL: running processes, and files naming some.

The files (`postmaster.pid` and the socket's lock) hold an id alone, which after a reboot may be any program's:
PostgreSQL then refuses to start beside it. So they are not believed. A process of the folder's server is one of
PostgreSQL's that has the folder for its current one, as each of them has from start to end.
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
"""Quickly, at once, by force, each with the seconds until the next: none of them loses what was
committed."""


def end_leftovers(folder: Path, sockets: Path) -> None:
    """End what still runs of the folder's server, and remove the files that say that it does.

    Args:
        folder: the server's; nobody else may be starting one in it meanwhile.
        sockets: where its socket lies.

    Raises:
        DatabaseUnavailable: when a process does not end.
    """
    left = _of(folder)
    for how, seconds in _STEPS:
        # The first is for the main process, which ends the others; to those it would mean something
        # else.
        told = [each for each in left if how is not signal.SIGINT or _is_main(each)]
        for process in told:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(how)
        if told:
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
    except (psutil.Error, OSError):  # it has ended, or is somebody else's
        return False


def _is_main(process: psutil.Process) -> bool:
    """Whether it is the one that started the others, which call themselves `postgres: what they do`."""
    try:
        return not "".join(process.cmdline()[:1]).startswith("postgres:")
    except psutil.Error:
        return False
