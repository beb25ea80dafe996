"""Production's files: `<task>/<step>/round-<n>/`, each there whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final
from uuid import UUID

from models.production.making import Failure, MakerError, Source
from models.production.steps import PieceKind, Step

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CHUNK: Final = 1024 * 1024
_MAKING: Final = ".making-"


@contextmanager
def working_folder(root: Path, task: UUID, step: Step, round_: int) -> Iterator[Path]:
    """An empty folder beside the results, which is removed afterwards with what is left in it.

    Raises:
        MakerError: when it cannot be made, or the disk is full.
    """
    with explained(root):
        parent = root / str(task) / step / f"round-{round_}"
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(mkdtemp(prefix=_MAKING, dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def keep(root: Path, made: Path, kind: PieceKind, position: int) -> tuple[str, str]:
    """Move a file out of its working folder under its lasting name.

    Blocks: call it in a thread.

    Returns:
        Its path from the root, and its SHA-256.

    Raises:
        MakerError: when there is no such file, or the disk is full.
    """
    with explained(root):
        folder = made.parent
        while not folder.name.startswith(_MAKING):
            folder = folder.parent
        digest = _sha256(made)
        # The hash is in the name, so that nothing of another attempt is overwritten.
        target = folder.parent / f"{kind}-{position:02}-{digest[:12]}{made.suffix}"
        made.replace(target)
        _sync(target.parent)
    return str(target.relative_to(root)), digest


@contextmanager
def explained(root: Path) -> Iterator[None]:
    """Turn an error of the disk into one that a person understands."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise MakerError(
                Failure.MANUAL_REVIEW,
                f"The disk with {root} is full. Make room, then drag the card to Queued.",
            ) from error
        raise MakerError(
            Failure.MANUAL_REVIEW,
            f"A file in {root} cannot be written or read ({error.strerror}). Mend that, then drag "
            "the card to Queued.",
        ) from error


def as_note(source: Source, root: Path) -> dict[str, Any]:
    """A source as a piece's notes keep it, so that the job finds the very file again."""
    path = source.path
    if path.is_relative_to(root):
        path = path.relative_to(root)
    return {
        "kind": source.kind.value,
        "position": source.position,
        "path": str(path),
        "sha256": source.sha256,
        "seconds": source.seconds,
    }


def from_notes(notes: Mapping[str, Any], root: Path) -> tuple[Source, ...]:
    """The sources that a piece was ordered with."""
    return tuple(
        Source(
            kind=PieceKind(one["kind"]),
            position=one["position"],
            path=root / one["path"],
            sha256=one["sha256"],
            seconds=one["seconds"],
        )
        for one in notes.get("sources", ())
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
        os.fsync(file.fileno())
    return digest.hexdigest()


def _sync(folder: Path) -> None:
    """Make the names in a folder lasting."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
