"""Whether the disks with Showrunner's folders have room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from models.operations.health.check import Check, Finding, checked, graded

GB: Final = 1_000_000_000
SCARCE: Final = 2 * GB
"""Bytes. A film of ten minutes in 1080p, with its clips and sounds, takes about half of it."""
TOO_LITTLE: Final = GB // 5
"""Bytes. PostgreSQL and the logs need them too."""


def judge_disks(free: Mapping[Path, int]) -> Check:
    """Whether there is room.

    Args:
        free: bytes, by the folder that needs them.
    """
    findings: list[Finding] = []
    for folder, left in free.items():
        if left < SCARCE:
            cure = "Make room, or let PRODUCTION_DIR or STATE_DIR name a folder on another disk."
            findings.append(
                graded(f"{_size(left)} left for {folder}", cure, fails=left < TOO_LITTLE)
            )
    facts = ", ".join(f"{_size(left)} free for {folder}" for folder, left in free.items())
    return checked(
        "disk", facts, findings, free={str(folder): left for folder, left in free.items()}
    )


def _size(count: int) -> str:
    return f"{count / GB:,.1f} GB"


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next((one for one in (folder, *folder.parents) if one.exists()), folder)


def one_per_disk(folders: Sequence[Path]) -> list[Path]:
    """The first folder on each disk."""
    found: dict[int, Path] = {}
    for folder in folders:
        found.setdefault(existing(folder).stat().st_dev, folder)
    return list(found.values())
