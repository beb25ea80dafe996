"""The folder of the embedded PostgreSQL's socket: the server's own, or one with a shorter path."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from models.errors import SettingsError
from models.postgres.server_account import Account

SOCKET: Final = ".s.PGSQL.5432"
PATH_MAX: Final = 103
"""Bytes of a socket's path that every system accepts: Linux takes 107, macOS and the BSDs 103."""
_FIRST_OF_HASH: Final = 12


def socket_folder(folder: Path, account: Account) -> Path:
    """The folder of the socket, which only the server's user may enter.

    It is the server's own folder, unless its path is too long or contains a comma, which libpq
    takes for the separator of two hosts.

    Raises:
        SettingsError: when the other folder exists and belongs to another user.
    """
    if len(os.fsencode(folder / SOCKET)) <= PATH_MAX and "," not in str(folder):
        return folder
    made = _short_place() / f"showrunner-{_known_by(folder, account)}"
    try:
        made.mkdir(mode=0o700)
        account.give(made)
    except FileExistsError:
        pass
    _refuse_if_open(made, account)
    return made


def _known_by(folder: Path, account: Account) -> str:
    """A name that is the same at every start, so that the database keeps its URL."""
    return hashlib.sha256(os.fsencode(folder) + str(account.uid).encode()).hexdigest()[
        :_FIRST_OF_HASH
    ]


def _short_place() -> Path:
    """XDG_RUNTIME_DIR if it is usable, else the folder for temporary files."""
    own = Path(os.environ.get("XDG_RUNTIME_DIR") or "/nowhere")
    if (
        own.is_absolute()
        and own.is_dir()
        and os.access(own, os.W_OK | os.X_OK)
        and _is_private(own, os.geteuid())
    ):
        return own.resolve()
    return Path(tempfile.gettempdir()).resolve()


def _is_private(folder: Path, uid: int) -> bool:
    facts = folder.lstat()
    return (
        stat.S_ISDIR(facts.st_mode)
        and facts.st_uid == uid
        and not facts.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    )


def _refuse_if_open(made: Path, account: Account) -> None:
    if not _is_private(made, account.uid):
        raise SettingsError(
            f"{made}, where the socket of the embedded PostgreSQL has to lie, is not "
            f"{account.name}'s alone: remove it, or set STATE_DIR to a folder with a shorter path.",
        )
    if len(os.fsencode(made / SOCKET)) > PATH_MAX or "," in str(made):
        raise SettingsError(
            f"No socket can lie in {made}: set TMPDIR, or STATE_DIR, to a folder with a shorter "
            "path and no comma in it.",
        )
