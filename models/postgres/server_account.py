"""The user that runs the embedded PostgreSQL: ourselves, or another user when we are root.

PostgreSQL refuses to run as root. The other user must reach the database, the programs and the
socket. Where a folder above them is closed to others, the server keeps the one capability that it
needs for that (`models/postgres/run_as.py`). No folder's permissions are ever changed.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.errors import SettingsError
from models.postgres.run_as import NONE

NAME: Final = "pgserver"
"""The owner of databases that root makes."""
_RUN_AS: Final = Path(__file__).with_name("run_as.py")
_MAY_OVERRIDE, _MAY_SEARCH = 1, 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH; containers usually have the first alone."""


@dataclass(frozen=True)
class Account:
    """A user of this machine.

    Attributes:
        other: whether it is another user than ours.
    """

    name: str
    uid: int
    gid: int
    other: bool

    def give(self, path: Path) -> None:
        """Make the user the owner of a path."""
        if self.other:
            os.chown(path, self.uid, self.gid)

    def command(self, program: Path, *arguments: str, reaching: Iterable[Path]) -> list[str]:
        """The command that runs a program as this user.

        Args:
            program: file to run.
            arguments: what it is given.
            reaching: files and folders that it must reach.

        Raises:
            SettingsError: when it cannot reach one of them.
        """
        if not self.other:
            return [str(program), *arguments]
        closed = [path for path in (program, *reaching) if not self._reaches(path)]
        runs = bool(program.stat().st_mode & stat.S_IXOTH)
        capability = _capability(closed[0], runs=runs) if closed or not runs else NONE
        who = (str(self.uid), str(self.gid), str(capability))
        return [sys.executable, "-I", str(_RUN_AS), *who, str(program), *arguments]

    def _reaches(self, path: Path) -> bool:
        return all(self._may_search(parent.stat()) for parent in path.resolve().parents)

    def _may_search(self, folder: os.stat_result) -> bool:
        return bool(folder.st_mode & (stat.S_IXUSR if folder.st_uid == self.uid else stat.S_IXOTH))


def account_for(folder: Path) -> Account:
    """The user that runs the server of this folder.

    Raises:
        SettingsError: when there is no such user.
    """
    if os.geteuid() != 0:
        return _ours(os.geteuid(), os.getegid())
    owner = folder.stat() if folder.exists() else None
    if owner is not None and owner.st_uid != 0:
        return Account(_name(owner.st_uid), owner.st_uid, owner.st_gid, other=True)
    found = _found() or _made()
    return Account(NAME, found.pw_uid, found.pw_gid, other=True)


def _ours(uid: int, gid: int) -> Account:
    return Account(_name(uid), uid, gid, other=False)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise SettingsError(
            f"The embedded PostgreSQL cannot run here: user id {uid} has no name on this "
            "machine. Run as a user that /etc/passwd lists, or set DATABASE_URL.",
        ) from None


def _found() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        return None


def _made() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--user-group", NAME]
    try:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - no word of it is anybody's input
        return pwd.getpwnam(NAME)
    except (OSError, subprocess.SubprocessError, KeyError) as error:
        raise SettingsError(
            f"PostgreSQL does not run as root, and a user {NAME} for it cannot be made here: "
            "make one, run Showrunner as an ordinary user, or set DATABASE_URL.",
        ) from error


def _capability(closed: Path, *, runs: bool) -> int:
    """The weakest capability that suffices and that this process has.

    Args:
        closed: a path that cannot be reached without it.
        runs: whether everybody who reaches the program may run it.
    """
    mine = _capabilities()
    wanted = (_MAY_SEARCH, _MAY_OVERRIDE) if runs else (_MAY_OVERRIDE,)
    for one in wanted:
        if mine >> one & 1:
            return one
    raise SettingsError(
        f"PostgreSQL does not run as root, and its user cannot reach {closed}: a folder above it "
        "is closed to others. Run Showrunner as an ordinary user, set STATE_DIR to a folder that "
        "others may pass through, or DATABASE_URL.",
    )


def _capabilities() -> int:
    """The effective capabilities of this process as bits; 0 on systems without capabilities."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)
