"""Runs FFmpeg to write one file."""

import asyncio
from pathlib import Path

import imageio_ffmpeg

_TAIL = 800
_CLOSED_INPUT = ("-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-threads", "1")


class MakingFailed(Exception):
    """FFmpeg failed; the text is the end of its log."""


async def write(arguments: list[str], target: Path) -> None:
    """Run FFmpeg.

    Args:
        arguments: All but the program, what is always the same, and the target.
        target: The file that it writes.

    Raises:
        MakingFailed: It ended with an error.
    """
    child = await asyncio.create_subprocess_exec(
        imageio_ffmpeg.get_ffmpeg_exe(),
        *_CLOSED_INPUT,
        *arguments,
        str(target),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, log = await child.communicate()
    except asyncio.CancelledError:
        child.kill()
        await child.wait()
        raise
    if child.returncode != 0:
        raise MakingFailed(log.decode(errors="replace").strip()[-_TAIL:])
