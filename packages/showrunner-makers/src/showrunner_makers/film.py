"""The film: every scene made equal first, then joined, then brought to one loudness.

Clips of different rates, sizes or sound cannot be joined as they are: their sound would end before
their pictures. So each scene is written anew with 30 pictures a second, 1920x1080, 48 kHz stereo
and an exact length.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.production.making import Failure, MakerError
from showrunner_makers.measure import LOUDNESS
from showrunner_makers.probe import probe
from showrunner_makers.program import run

RATE: Final = 30
SAMPLES: Final = 48_000
_PICTURE: Final = (
    "scale=1920:1080:force_original_aspect_ratio=decrease,pad=1920:1080:-1:-1,setsar=1,"
    f"fps={RATE},format=yuv420p"
)
_VIDEO: Final = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-bf", "0")
_QUIETEST: Final = -70.0
"""LUFS under which there is nothing to bring to a loudness."""


@dataclass(frozen=True, kw_only=True)
class SceneFiles:
    """The pieces of one scene; the sounds may be missing."""

    position: int
    clip: Path
    narration: Path | None = None
    sound: Path | None = None


async def join(scenes: Sequence[SceneFiles], film: Path) -> float:
    """Write the film; how long it should be, in seconds.

    A clip that is shorter than its narration holds its last picture.

    Raises:
        MakerError: when FFmpeg fails, or a piece is no film or sound.
    """
    parts, seconds = [], 0.0
    for scene in scenes:
        length = _length(scene)
        parts.append(await _made_equal(scene, length, film.parent))
        seconds += length
    listed = film.with_suffix(".txt")
    listed.write_text("".join(f"file '{part.name}'\n" for part in parts))
    joined = film.with_name("joined.mkv")
    await run(["-f", "concat", "-i", listed.name, "-c", "copy", joined.name], film.parent)
    await _with_loudness(joined, film, seconds)
    for path in (*parts, listed, joined):
        path.unlink()
    return seconds


def _length(scene: SceneFiles) -> float:
    """As long as the longer of clip and narration, in whole pictures."""
    try:
        lengths = [probe(scene.clip).video_seconds]
        lengths += [probe(scene.narration).audio_seconds] if scene.narration is not None else []
    except ValueError as error:
        raise MakerError(Failure.MANUAL_REVIEW, f"Scene {scene.position}: {error}") from error
    pictures = math.ceil(round(max(lengths) * RATE, 3))
    if pictures < 1:
        raise MakerError(Failure.MANUAL_REVIEW, f"The clip of scene {scene.position} is empty.")
    return pictures / RATE


async def _made_equal(scene: SceneFiles, seconds: float, folder: Path) -> Path:
    part = folder / f"part-{scene.position:02}.mkv"
    sounds = [path for path in (scene.narration, scene.sound) if path is not None]
    inputs: list[str | Path] = ["-i", scene.clip]
    for path in sounds:
        inputs += ["-i", path]
    silence = f"anullsrc=r={SAMPLES}:cl=stereo"
    inputs += ["-f", "lavfi", "-i", silence]
    heard = "".join(f"[{number}:a:0]" for number in range(1, len(sounds) + 2))
    audio = (
        f"{heard}amix=inputs={len(sounds) + 1}:duration=longest:normalize=0,"
        f"aresample={SAMPLES}:async=1,aformat=channel_layouts=stereo,"
        f"atrim=end_sample={round(seconds * SAMPLES)}[a]"
    )
    picture = f"[0:v:0]{_PICTURE},tpad=stop_mode=clone:stop=-1[v]"
    await run(
        [
            *inputs,
            "-filter_complex",
            f"{picture};{audio}",
            *("-map", "[v]", "-map", "[a]"),
            *("-frames:v", str(round(seconds * RATE))),
            *_VIDEO,
            *("-c:a", "pcm_s16le", part.name),
        ],
        folder,
    )
    return part


async def _with_loudness(joined: Path, film: Path, seconds: float) -> None:
    """Bring the sound to the loudness in two passes, and write the film."""
    target = f"loudnorm=I={LOUDNESS:.0f}:TP=-1.5:LRA=11"
    measured = await run(
        ["-i", joined.name, "-vn", "-af", f"{target}:print_format=json", "-f", "null", "-"],
        film.parent,
    )
    known = _measured(measured)
    audio = f"aresample={SAMPLES}"
    if known is not None:
        audio = f"{target}:{known}:linear=true,{audio}"
    await run(
        [
            *("-i", joined.name, "-map", "0:v:0", "-map", "0:a:0", "-c:v", "copy"),
            *("-af", f"{audio},atrim=end_sample={round(seconds * SAMPLES)}"),
            *("-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart", film.name),
        ],
        film.parent,
    )


def _measured(log: str) -> str | None:
    """The first pass's figures as the second takes them; None for silence."""
    found = re.search(r"\{[^{}]*\"input_i\"[^{}]*\}", log)
    figures = json.loads(found[0]) if found else {}
    loudness = float(figures.get("input_i", "-inf"))
    if loudness < _QUIETEST or math.isinf(loudness):
        return None
    names = {"I": "input_i", "TP": "input_tp", "LRA": "input_lra", "thresh": "input_thresh"}
    return ":".join(
        [f"measured_{name}={figures[key]}" for name, key in names.items()]
        + [f"offset={figures['target_offset']}"]
    )
