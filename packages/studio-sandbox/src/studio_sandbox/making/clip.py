"""Clips: an MP4 in which the camera moves over the picture that was sent."""

import hashlib
from fractions import Fraction
from pathlib import Path

from studio_sandbox.making import ffmpeg
from studio_sandbox.store.files import Files

RATE = 12
"""Pictures a second: little, so that a clip takes a fraction of a second to make."""
_LONG = 640
_WIDE = Fraction(16, 9)
_ALIKE = Fraction(3, 100)
_MARGIN = 64
"""Pixels that the camera moves, from one end of the clip to the other."""


async def clip(files: Files, image: bytes, size: tuple[int, int], seconds: int) -> Path:
    """The path of an MP4 (H.264, no sound) of exactly so many seconds.

    Args:
        image: A picture.
        size: Of the picture, of which the clip has the shape.
    """
    width, height = _shape(size)

    async def make(target: Path) -> None:
        source = target.with_suffix(".jpg")
        source.write_bytes(image)
        wide, high = width + _MARGIN, height + _MARGIN
        move = f"crop={width}:{height}:x='{_MARGIN}*t/{seconds}':y='{_MARGIN // 2}*t/{seconds}'"
        try:
            await ffmpeg.write(
                [
                    *("-loop", "1", "-framerate", str(RATE), "-i", str(source)),
                    *("-vf", f"scale={wide}:{high},{move},setsar=1,format=yuv420p"),
                    *("-frames:v", str(seconds * RATE), "-r", str(RATE)),
                    *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "30"),
                    *("-movflags", "+faststart", "-f", "mp4"),
                ],
                target,
            )
        finally:
            source.unlink(missing_ok=True)

    key = ("clip", hashlib.sha256(image).hexdigest(), size, seconds)
    return await files.made(".mp4", key, make)


def _shape(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the clip, even numbers; 640x360 for a picture of about 16:9."""
    ratio = Fraction(*size)
    if abs(ratio - _WIDE) < _WIDE * _ALIKE:
        ratio = _WIDE
    if ratio >= 1:
        return _LONG, round(_LONG / ratio / 2) * 2
    return round(_LONG * ratio / 2) * 2, _LONG
