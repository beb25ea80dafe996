"""Sounds: an MP3 with a tone that depends on the text."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from studio_sandbox.making import ffmpeg
from studio_sandbox.store.files import Files

_CHARACTERS_PER_SECOND = 15
_SHORTEST = 0.5
_SPOKEN = "0.3*sin(2*PI*{tone}*t)*(0.55+0.45*sin(2*PI*4*t))"
_EFFECT = "0.3*sin(2*PI*({tone}+40*sin(2*PI*t))*t)*(0.5+0.5*random(0))"


@dataclass(frozen=True)
class Quality:
    """Sample rate in hertz, and kilobits a second."""

    rate: int
    kilobits: int


def speech_seconds(text: str) -> float:
    """How long a text takes to speak."""
    return max(_SHORTEST, round(len(text) / _CHARACTERS_PER_SECOND, 1))


async def speech(files: Files, text: str, voice: str, quality: Quality) -> Path:
    """The path of an MP3 that lasts as long as the text takes to speak."""
    return await _sound(files, _SPOKEN, f"{voice} {text}", speech_seconds(text), quality)


async def effect(files: Files, text: str, seconds: float, quality: Quality) -> Path:
    """The path of an MP3 of so many seconds."""
    return await _sound(files, _EFFECT, text, seconds, quality)


async def _sound(files: Files, form: str, text: str, seconds: float, quality: Quality) -> Path:
    digest = hashlib.sha256(text.encode()).hexdigest()
    wave = form.format(tone=180 + int(digest[:4], 16) % 400)

    async def make(target: Path) -> None:
        source = f"aevalsrc={wave}:s={quality.rate}:d={seconds}"
        await ffmpeg.write(
            [
                *("-f", "lavfi", "-i", source, "-c:a", "libmp3lame"),
                *("-b:a", f"{quality.kilobits}k", "-ac", "1", "-f", "mp3"),
            ],
            target,
        )

    return await files.made(".mp3", (form, digest, seconds, quality), make)
