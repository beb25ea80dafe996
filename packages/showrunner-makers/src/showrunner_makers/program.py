"""Running FFmpeg: with an end, with its own words when it fails, and killed when we are."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import imageio_ffmpeg

from models.production.making import Failure, MakerError

SETTING: Final = "FFMPEG"
"""The environment variable that names another FFmpeg than the one that is installed with us."""
SECONDS: Final = 900.0
"""After so long it counts as hanging."""
_TAIL: Final = 1200
"""Characters of its last words that an error repeats."""
_FREE: Final = 500 * 1024 * 1024
"""Bytes that must be free before it is started."""
_STARTED_APART: Final = {"start_new_session": True}


def ffmpeg_program() -> str:
    """The path of FFmpeg.

    Raises:
        MakerError: when there is none.
    """
    chosen = os.environ.get(SETTING)
    if chosen:
        found = shutil.which(chosen)
        if found is None:
            raise MakerError(
                Failure.MANUAL_REVIEW, f"{SETTING} names “{chosen}”, which is no program here."
            )
        return found
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise MakerError(
            Failure.MANUAL_REVIEW, f"There is no FFmpeg here; set {SETTING} to its path."
        ) from error


async def run(arguments: Sequence[str | Path], folder: Path, *, seconds: float = SECONDS) -> str:
    """Run FFmpeg in a folder; what it wrote to its log.

    Args:
        arguments: all but the program and what is always the same.
        seconds: after which it is killed.

    Raises:
        MakerError: when it fails, hangs, or the disk is full.
    """
    if shutil.disk_usage(folder).free < _FREE:
        raise MakerError(
            Failure.MANUAL_REVIEW,
            f"Fewer than {_FREE // 1024**2} MB are free where videos are made; make room and drag "
            "the card to Queued.",
        )
    command = [ffmpeg_program(), "-nostdin", "-hide_banner", "-y", *map(str, arguments)]
    child = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        **_STARTED_APART,
    )
    try:
        async with asyncio.timeout(seconds):
            _, said = await child.communicate()
    except TimeoutError:
        raise MakerError(
            Failure.MANUAL_REVIEW, f"FFmpeg did not end within {seconds:.0f} s and was stopped."
        ) from None
    finally:
        await _ended(child)
    log = said.decode(errors="replace")
    if child.returncode != 0:
        raise MakerError(Failure.MANUAL_REVIEW, _reason(log, child.returncode))
    return log


async def _ended(child: asyncio.subprocess.Process) -> None:
    """Kill it if it is still there, with whatever it started."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()


def _reason(log: str, code: int | None) -> str:
    if "No space left on device" in log:
        return "The disk is full; make room and drag the card to Queued."
    return f"FFmpeg failed ({code}): …{log.strip()[-_TAIL:]}"
