"""The file of a piece: where it is on this machine, and whether the workspace takes it."""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from models.errors import NotionForbidden, NotionRejected
from models.tables.incidents import IncidentKind
from tasks.alerts import Level, send_alert
from tasks.runtime.context import Context

log = structlog.get_logger("showrunner.pieces")

_MEGABYTE: Final = 1_000_000


class FileRefused(Exception):
    """The workspace does not take a file; the message says why."""


@dataclass(frozen=True, kw_only=True)
class FileHere:
    """A file on this machine.

    Attributes:
        name: what it is called in Notion; another content has another name.
    """

    path: Path
    sha256: str
    name: str


async def file_here(root: Path, path: str | None, sha256: str | None, name: str) -> FileHere | None:
    """The file of that path in the folder of production; None when it is not there.

    A path that leads out of the folder is not followed: workers of anybody attach paths.

    Args:
        sha256: None when nobody knows it; then it is computed.
        name: of the file in Notion, without hash and extension.
    """
    if path is None:
        return None
    return await asyncio.to_thread(_find, root, path, sha256, name)


def _find(root: Path, path: str, sha256: str | None, name: str) -> FileHere | None:
    folder = root.resolve()
    try:
        found = (folder / path).resolve()
        if not found.is_relative_to(folder) or not found.is_file():
            return None
        digest = sha256 or _digest(found)
    except OSError:
        return None
    return FileHere(path=found, sha256=digest, name=f"{name}-{digest[:12]}{found.suffix.lower()}")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def upload(ctx: Context, file: FileHere) -> str:
    """Send a file to Notion, and return the id of the upload.

    Raises:
        FileRefused: the workspace does not take it, which is alerted once.
        OSError: it cannot be read.
        NotionUnavailable, NotionAuthError: what concerns all requests alike.
    """
    kind = mimetypes.guess_type(file.name)[0]
    try:
        return await ctx.notion.files.upload(file.path, file.name, kind)
    except (NotionRejected, NotionForbidden) as error:
        log.warning("file_refused", file=file.name, error=str(error))
        title = "The workspace does not take a file"
        facts = {"file": file.name, "error": str(error)}
        await send_alert(ctx, Level.ERROR, IncidentKind.FILE_REFUSED, title, facts)
        raise FileRefused(str(error)) from error


def size_of(file: FileHere) -> str:
    """The size of a file for people, e.g. `12.3 MB`."""
    return f"{file.path.stat().st_size / _MEGABYTE:,.1f} MB"
