"""Where the embedded PostgreSQL's socket lies: in its folder, or in one with a shorter path."""

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
"""Bytes that the path of a socket may have on every system: Linux takes 107, macOS and the BSDs
four less."""
_FIRST_OF_HASH: Final = 12


def socket_folder(folder: Path, account: Account) -> Path:
    """The folder of the socket, which nobody but the server's user may enter: the server's own if it can be.

    A comma in a path separates hosts for whoever connects, so such a path is none for a socket.

    Raises:
        SettingsError: when the folder that is to be made instead is somebody else's.
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
    """The same at every start, so that the database keeps its address."""
    return hashlib.sha256(os.fsencode(folder) + str(account.uid).encode()).hexdigest()[
        :_FIRST_OF_HASH
    ]


def _short_place() -> Path:
    """The user's own folder for such things; where there is none, that for temporary files."""
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
            f"{made}, where the socket of the embedded PostgreSQL has to lie, is not {account.name}'s "
            "alone: remove it, or set STATE_DIR to a folder with a shorter path.",
        )
    if len(os.fsencode(made / SOCKET)) > PATH_MAX or "," in str(made):
        raise SettingsError(
            f"No socket can lie in {made}: set TMPDIR, or STATE_DIR, to a folder with a shorter path "
            "and no comma in it.",
        )
