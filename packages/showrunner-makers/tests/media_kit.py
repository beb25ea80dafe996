"""What tests share: small media files made by FFmpeg, pictures read by PyAV, and requests."""

from __future__ import annotations

import hashlib
import re
import subprocess
from array import array
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image

from models.production.making import Made, Request, Source
from models.production.steps import STEPS, PieceKind, Step
from models.production.story import Scene
from showrunner_makers.program import ffmpeg_program

MakeRequest = Callable[..., Request]
WHALE = "A whale sinks to the floor of the deep sea."
WORMS = "Then the worms arrive, and feed for fifty years."


def ffmpeg(*arguments: str | Path) -> str:
    """Run FFmpeg; its log."""
    command = [ffmpeg_program(), "-nostdin", "-hide_banner", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr


def colour_clip(
    path: Path,
    colour: str,
    seconds: float,
    *,
    size: str = "320x180",
    rate: int = 30,
    more: Any = (),
) -> Path:
    """A clip of one colour."""
    ffmpeg("-f", "lavfi", "-i", f"color={colour}:s={size}:r={rate}:d={seconds}", *more, path)
    return path


def moving_clip(path: Path, seconds: float, *, size: str = "160x90") -> Path:
    """A clip that is neither black nor frozen."""
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:r=30:d={seconds}", path)
    return path


def tone(path: Path, seconds: float, *, volume: float = 0.5, rate: int = 48_000) -> Path:
    """A sound."""
    source = f"aevalsrc='{volume}*sin(440*2*PI*t)':s={rate}:d={seconds}"
    ffmpeg("-f", "lavfi", "-i", source, path)
    return path


def pictures(path: Path) -> list[tuple[Fraction, Fraction]]:
    """When each picture of a video is shown, and for how long, in seconds."""
    with av.open(str(path)) as container:
        packets = [one for one in container.demux(video=0) if one.pts is not None]
        return sorted((one.pts * one.time_base, one.duration * one.time_base) for one in packets)


def picture(path: Path, number: int) -> Image.Image:
    """A picture of a video, by its number from 0, as a player shows it."""
    with av.open(str(path)) as container:
        for at, frame in enumerate(container.decode(video=0)):
            if at == number:
                return frame.reformat(format="rgb24", src_colorspace="ITU709").to_image()
    raise AssertionError(f"there is no picture {number}")


def middle(image: Image.Image) -> tuple[int, ...]:
    found = image.getpixel((image.width // 2, image.height // 2))
    assert isinstance(found, tuple)
    return found


def samples(path: Path) -> list[float]:
    """The loudest value of each hundredth of a second of the sound."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=48_000, frame_size=480)
    with av.open(str(path)) as container:
        return [
            max(map(abs, array("f", bytes(part.planes[0])[: part.samples * 4])))
            for frame in container.decode(audio=0)
            for part in resampler.resample(frame)
            if part.samples
        ]


def loudness(path: Path) -> float:
    """Integrated, in LUFS."""
    log = ffmpeg("-i", path, "-vn", "-af", "ebur128=framelog=quiet", "-f", "null", "-")
    return float(re.findall(r"I:\s+(-?[\d.]+|-inf) LUFS", log)[-1])


def source(kind: PieceKind, position: int, path: Path) -> Source:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Source(kind=kind, position=position, path=path, sha256=sha256)


def source_of(request: Request, made: Made) -> Source:
    return source(STEPS[request.step].piece, request.position, made.path)


def request_for(
    step: Step, folder: Path, *narrations: str, position: int = 1, **more: Any
) -> Request:
    """A request for a piece of a video with such narrations."""
    scenes = [Scene(position=n, narration=text) for n, text in enumerate(narrations, start=1)]
    usual = {"scenes": tuple(scenes), "title": "Whale fall"}
    return Request(step=step, position=position, folder=folder, **{**usual, **more})
