"""Run FFmpeg with a time limit; its log is the error when it fails, and it leaves no process."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import imageio_ffmpeg

from models.production.making import Failure, MakerError

SETTING: Final = "FFMPEG"
"""The environment variable that names another FFmpeg than the one installed with this package."""
FREE_BYTES: Final = 500 * 1024 * 1024
"""Bytes that must be free on the disk before FFmpeg is started."""
_LEAST_SECONDS: Final = 300.0
_SECONDS_PER_SECOND: Final = 20.0
"""How much slower than playing an FFmpeg may be before it counts as hanging."""
_TAIL: Final = 1200
"""Characters of the end of FFmpeg's log that an error repeats."""
_INPUT: Final = ("-protocol_whitelist", "file", "-i")
"""A media file may name other files, as playlists do: never one on the network."""


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
                Failure.MANUAL_REVIEW,
                f"{SETTING} names “{chosen}”, which is no program here; correct it or remove it.",
            )
        return found
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise MakerError(
            Failure.MANUAL_REVIEW,
            f"There is no FFmpeg for this system; install one and set {SETTING} to its path.",
        ) from error


def reads(path: Path) -> tuple[str, ...]:
    """The arguments that name an input file."""
    return (*_INPUT, str(path.absolute()))


def limit_for(seconds: float) -> asyncio.Timeout:
    """How long FFmpeg may work on so many seconds of video or sound, from now on."""
    return asyncio.timeout(_LEAST_SECONDS + _SECONDS_PER_SECOND * seconds)


def free_bytes(folder: Path) -> int:
    """How many bytes are free where a folder lies."""
    return shutil.disk_usage(folder).free


async def write(arguments: Sequence[str], target: Path, *, limit: asyncio.Timeout) -> None:
    """Run FFmpeg to write one file, which is there whole or not at all.

    Args:
        arguments: all but the program and the file's name.
        target: the file.
        limit: after which FFmpeg is killed.

    Raises:
        MakerError: as `run`.
    """
    part = target.with_name(f"part-{target.name}")
    try:
        await run([*arguments, part.name], target.parent, limit=limit)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


async def run(
    arguments: Sequence[str],
    folder: Path,
    *,
    limit: asyncio.Timeout,
    free: Callable[[Path], int] = free_bytes,
) -> str:
    """Run FFmpeg in a folder; returns its log.

    Args:
        arguments: all but the program and what is always the same.
        folder: the working directory, in which relative file names lie.
        limit: after which it is killed, with every process that it started.
        free: how many bytes are free where a folder lies.

    Raises:
        MakerError: when it is missing, fails or hangs, or the disk is full.
    """
    if free(folder) < FREE_BYTES:
        raise MakerError(
            Failure.MANUAL_REVIEW,
            f"Fewer than {FREE_BYTES // 1024**2} MB are free where videos are made; make room and "
            "drag the card to Queued.",
        )
    child = await _started(arguments, folder)
    try:
        async with limit:
            _, written = await child.communicate()
    except TimeoutError:
        await _kill(child)
        raise MakerError(
            Failure.MANUAL_REVIEW,
            "FFmpeg did not end in time and was stopped; see whether the machine is overloaded, "
            "then drag the card to Queued.",
        ) from None
    except BaseException:
        await _kill(child)
        raise
    log = written.decode(errors="replace")
    if child.returncode != 0:
        raise MakerError(Failure.MANUAL_REVIEW, _reason(log, child.returncode))
    return log


async def _started(arguments: Sequence[str], folder: Path) -> asyncio.subprocess.Process:
    program = ffmpeg_program()
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            program,
            *("-nostdin", "-hide_banner", "-nostats", "-y"),
            *arguments,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            # A process group of its own, so that it is killed together with its children.
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # asyncio itself would kill the program only, and then wait for its children.
        await _kill(await starting)
        raise
    except OSError as error:
        raise MakerError(
            Failure.MANUAL_REVIEW,
            f"FFmpeg (“{program}”) cannot be started: {error.strerror}; set {SETTING} to another.",
        ) from error


async def _kill(child: asyncio.subprocess.Process) -> None:
    """Kill a process and all that it started, also when it has ended before them."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    await child.wait()


def _reason(log: str, code: int | None) -> str:
    if "No space left on device" in log:
        return "The disk is full; make room and drag the card to Queued."
    return f"FFmpeg failed ({code}): …{log.strip()[-_TAIL:]}"
