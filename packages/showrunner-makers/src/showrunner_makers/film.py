"""The film: every scene made equal first, then joined, then brought to one loudness.

Clips of different rates, sizes or sound cannot be joined as they are: their sound would end before
their pictures. So each scene is written anew with 30 pictures a second, 1920x1080, 48 kHz stereo
and an exact length.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from models.production.making import Failure, MakerError
from showrunner_makers.measure import LOUDNESS
from showrunner_makers.probe import Media, probe
from showrunner_makers.program import limit_for, reads, run, write

RATE: Final = 30
"""Pictures a second."""
WIDTH, HEIGHT = 1920, 1080
SAMPLES: Final = 48_000
"""Audio samples a second."""
TO_BT709: Final = "out_color_matrix=bt709:out_range=tv"
"""Option of the filter scale. Without it, colours would be off: players take 1080p for BT.709."""
ENCODED: Final = (
    *("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-bf", "0"),
    *("-pix_fmt", "yuv420p", "-color_range", "tv"),
    *("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"),
)
_PICTURE: Final = (
    "scale='trunc(iw*sar/2)*2':ih,setsar=1,"
    f"scale={WIDTH}:{HEIGHT}:force_original_aspect_ratio=decrease:{TO_BT709},"
    f"pad={WIDTH}:{HEIGHT}:-1:-1,setsar=1,fps={RATE},format=yuv420p"
)
_HEADROOM: Final = "-12dB"
"""Two loud sounds added up may be louder than loudnorm accepts; it raises them again."""
TAIL: Final = 1.0
"""Seconds that a clip goes on at most after its narration. Services make clips of whole lengths."""
_QUIETEST: Final = -70.0
"""LUFS under which there is nothing to bring to a loudness."""


@dataclass(frozen=True, kw_only=True)
class SceneFiles:
    """The pieces of one scene. The clip's own sound is not used; the two sounds may be missing."""

    position: int
    clip: Path
    narration: Path | None = None
    sound: Path | None = None

    @property
    def sounds(self) -> dict[str, Path]:
        """Those that there are, by their names for people."""
        named = {"narration": self.narration, "sound": self.sound}
        return {name: path for name, path in named.items() if path is not None}


async def join(scenes: Sequence[SceneFiles], film: Path) -> float:
    """Write the film; returns how long it should be, in seconds.

    A scene lasts as long as its narration and `TAIL` more, as far as its clip does; without a
    narration as long as the clip. A clip that is shorter holds its last picture; a sound that is
    longer is cut.

    Raises:
        MakerError: when a piece is no video or sound, or FFmpeg fails.
    """
    lengths = [await asyncio.to_thread(_length, scene) for scene in scenes]
    seconds = sum(round(length * RATE) for length in lengths) / RATE
    with TemporaryDirectory(prefix="parts-", dir=film.parent) as name:
        folder = Path(name)
        for number, (scene, length) in enumerate(zip(scenes, lengths, strict=True)):
            await _make_equal(scene, length, folder / _part(number))
        listed = folder / "parts.txt"
        # Names relative to the list: the folder's own name may have quotes or blanks.
        listed.write_text("".join(f"file {_part(number)}\n" for number in range(len(scenes))))
        joined = folder / "joined.mov"
        await write(
            [*("-f", "concat"), *reads(listed), "-c", "copy"], joined, limit=limit_for(seconds)
        )
        await _adjust_loudness(joined, film, seconds)
    return seconds


def _part(number: int) -> str:
    return f"part-{number:03}.mov"


def _length(scene: SceneFiles) -> float:
    """How long a scene lasts, in seconds of whole pictures.

    Raises:
        MakerError: when a piece lacks what it is for.
    """
    pictures = _probe(scene, "clip", scene.clip).video_seconds
    if pictures <= 0:
        raise _unusable(scene, "clip", "has no moving picture")
    heard = {name: _probe(scene, name, path) for name, path in scene.sounds.items()}
    for name, media in heard.items():
        if media.audio_seconds <= 0:
            raise _unusable(scene, name, "has no sound in it")
    seconds = pictures
    if "narration" in heard:
        spoken = heard["narration"].audio_seconds
        seconds = max(spoken, min(pictures, spoken + TAIL))
    # Rounded before it is rounded up: 90.0000001 pictures are 90.
    return math.ceil(round(seconds * RATE, 2)) / RATE


def _probe(scene: SceneFiles, name: str, path: Path) -> Media:
    try:
        return probe(path)
    except ValueError as error:
        raise _unusable(scene, name, f"is broken: {error}") from error


def _unusable(scene: SceneFiles, name: str, why: str) -> MakerError:
    return MakerError(
        Failure.MANUAL_REVIEW,
        f"The {name} of scene {scene.position} {why}. It has to be made anew.",
    )


async def _make_equal(scene: SceneFiles, seconds: float, part: Path) -> None:
    sounds = [*scene.sounds.values()]
    silence = f"anullsrc=r={SAMPLES}:cl=stereo"
    heard = "".join(f"[{number}:a:0]" for number in range(1, len(sounds) + 2))
    audio = (
        f"{heard}amix=inputs={len(sounds) + 1}:duration=longest:normalize=0,"
        f"volume={_HEADROOM},aresample={SAMPLES}:async=1,aformat=channel_layouts=stereo,"
        f"atrim=end_sample={round(seconds * SAMPLES)}[a]"
    )
    picture = f"[0:V:0]{_PICTURE},tpad=stop_mode=clone:stop=-1[v]"
    await write(
        [
            *reads(scene.clip),
            *(argument for path in sounds for argument in reads(path)),
            *("-f", "lavfi", "-i", silence),
            *("-filter_complex", f"{picture};{audio}", "-map", "[v]", "-map", "[a]"),
            *("-frames:v", str(round(seconds * RATE))),
            *ENCODED,
            # Floating point: two loud sounds that are added up are not clipped.
            *("-c:a", "pcm_f32le"),
        ],
        part,
        limit=limit_for(seconds),
    )


async def _adjust_loudness(joined: Path, film: Path, seconds: float) -> None:
    """Bring the sound to the loudness in two passes, and write the film."""
    target = f"loudnorm=I={LOUDNESS:.0f}:TP=-1.5:LRA=11"
    measuring = ("-vn", "-af", f"{target}:print_format=json", "-f", "null", "-")
    log = await run([*reads(joined), *measuring], film.parent, limit=limit_for(seconds))
    known = _measured(log)
    audio = f"aresample={SAMPLES}"
    if known is not None:
        audio = f"{target}:{known}:linear=true,{audio}"
    await write(
        [
            *(*reads(joined), "-map", "0:v:0", "-map", "0:a:0", "-c:v", "copy"),
            *("-af", f"{audio},atrim=end_sample={round(seconds * SAMPLES)}"),
            *("-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart"),
        ],
        film,
        limit=limit_for(seconds),
    )


def _measured(log: str) -> str | None:
    """The first pass's figures as the second takes them; None for silence."""
    found = re.search(r"\{[^{}]*\"input_i\"[^{}]*\}", log)
    figures = json.loads(found[0]) if found else {}
    loudness = float(figures.get("input_i", "-inf"))
    if loudness <= _QUIETEST:
        return None
    names = {"I": "input_i", "TP": "input_tp", "LRA": "input_lra", "thresh": "input_thresh"}
    return ":".join(
        [f"measured_{name}={figures[key]}" for name, key in names.items()]
        + [f"offset={figures['target_offset']}"]
    )
