"""ffmpeg: clips from stills, sound tracks, and the film, without any account.

Clips show the composite in slow motion. What is spoken is not heard, since no voice is on this
machine: a narration is a quiet chord, silence, or a given file, as long as its text takes to speak.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from models.production.making import Failure, Made, MakerError, Request, Source
from models.production.steps import PieceKind, Step
from showrunner_makers.film import RATE, SAMPLES, SceneFiles, join
from showrunner_makers.measure import measure
from showrunner_makers.probe import probe
from showrunner_makers.program import run

VERSION: Final = "ffmpeg 1"
WORDS_A_SECOND: Final = 2.5
SHORTEST, LONGEST = 3.0, 120.0
"""Seconds of a scene."""
CHORD, SILENCE = "chord", "silence"
_ZOOM: Final = 0.08
"""By how much of its size a picture grows while it is shown."""


class Ffmpeg:
    """Makes clips, narrations, sounds and the film."""

    name = "ffmpeg"
    steps = frozenset({Step.VIDEOS, Step.AUDIO, Step.SFX, Step.ASSEMBLY})

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError, naming the key, when options cannot be used."""
        unknown = sorted(options.keys() - {"sound"})
        if unknown:
            raise ValueError(f"{unknown[0]}: is no option of “ffmpeg”; it has sound.")
        _given_sound(options)

    def inputs(self, request: Request) -> Mapping[str, Any]:
        """Everything that changes the result."""
        sources = sorted((one.kind, one.position, one.sha256) for one in request.sources)
        found: dict[str, Any] = {
            "maker": VERSION,
            "seconds": [seconds_of(scene.narration) for scene in request.scenes]
            if request.position == 0
            else seconds_of(request.scene.narration),
            "sources": sources,
            "options": dict(request.options),
        }
        sound = _given_sound(request.options)
        return found | ({"sound": _sha256(sound)} if sound is not None else {})

    async def make(self, request: Request) -> Made:
        """Make a piece.

        Raises:
            MakerError: when FFmpeg fails or hangs, a piece that it is made from is gone, or the film
                is not as it should be.
        """
        makers = {
            Step.VIDEOS: _clip,
            Step.AUDIO: _narration,
            Step.SFX: _sound,
            Step.ASSEMBLY: _film,
        }
        return await makers[request.step](request)


def seconds_of(narration: str) -> float:
    """How long a text takes to speak, in whole pictures."""
    spoken = len(narration.split()) / WORDS_A_SECOND
    return round(min(max(spoken, SHORTEST), LONGEST) * RATE) / RATE


async def _clip(request: Request) -> Made:
    still = _source(request, PieceKind.COMPOSITE, request.position)
    seconds = seconds_of(request.scene.narration)
    pictures = round(seconds * RATE)
    path = request.folder / f"clip-{request.position:02}.mp4"
    # Enlarged first: zoompan moves by whole pixels, which would tremble.
    motion = (
        f"scale=2880:1620,zoompan=z='1+{_ZOOM}*on/{pictures}':x='(iw-iw/zoom)/2':"
        f"y='(ih-ih/zoom)/2':d={pictures}:s=1920x1080:fps={RATE},format=yuv420p"
    )
    await run(
        [
            *("-i", still.path, "-vf", motion, "-frames:v", str(pictures)),
            *("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", path.name),
        ],
        request.folder,
    )
    return Made(path=path, media_type="video/mp4", seconds=probe(path).video_seconds)


async def _narration(request: Request) -> Made:
    return await _track(request, f"narration-{request.position:02}.m4a", volume=0.5)


async def _sound(request: Request) -> Made:
    return await _track(request, f"sound-{request.position:02}.m4a", volume=0.1)


async def _track(request: Request, name: str, *, volume: float) -> Made:
    """A track as long as the scene: a chord, silence or the given file."""
    seconds = seconds_of(request.scene.narration)
    given, path = _given_sound(request.options), request.folder / name
    if given is not None:
        heard: list[str | Path] = ["-stream_loop", "-1", "-i", given]
    else:
        heard = ["-f", "lavfi", "-i", _generated(request, volume)]
    fades = f"afade=d=0.3,afade=t=out:st={max(seconds - 0.3, 0)}:d=0.3"
    await run(
        [
            *heard,
            *("-af", f"aresample={SAMPLES},aformat=channel_layouts=stereo,{fades}"),
            *("-t", str(seconds), "-c:a", "aac", "-b:a", "128k", path.name),
        ],
        request.folder,
    )
    return Made(path=path, media_type="audio/mp4", seconds=probe(path).audio_seconds)


def _generated(request: Request, volume: float) -> str:
    if request.options.get("sound") == SILENCE:
        return f"anullsrc=r={SAMPLES}:cl=stereo"
    root = 110 * 2 ** ((request.position * 5 % 12) / 12)
    tones = "+".join(f"sin({root * ratio:.3f}*2*PI*t)" for ratio in (1, 1.25, 1.5))
    return f"aevalsrc='{volume}/3*({tones})':s={SAMPLES}:c=mono"


async def _film(request: Request) -> Made:
    path = request.folder / "film.mp4"
    seconds = await join([_files(request, n) for n in range(1, len(request.scenes) + 1)], path)
    found = await measure(path)
    silent = request.options.get("sound") == SILENCE
    if faults := found.faults(seconds=seconds, silent=silent):
        raise MakerError(
            Failure.MANUAL_REVIEW, f"The film is not as it should be: {'; '.join(faults)}."
        )
    notes = {"seconds": round(seconds, 3), "loudness": round(found.loudness, 1)}
    return Made(path=path, media_type="video/mp4", seconds=seconds, notes=notes)


def _files(request: Request, position: int) -> SceneFiles:
    narration = request.of_kind(PieceKind.NARRATION, position)
    sound = request.of_kind(PieceKind.SOUND, position)
    return SceneFiles(
        position=position,
        clip=_source(request, PieceKind.CLIP, position).path,
        narration=narration.path if narration is not None else None,
        sound=sound.path if sound is not None else None,
    )


def _source(request: Request, kind: PieceKind, position: int) -> Source:
    found = request.of_kind(kind, position)
    if found is None or not found.path.is_file():
        raise MakerError(
            Failure.MANUAL_REVIEW,
            f"The {kind} of scene {position} is not there any more; "
            "drag the card to Queued to make it again.",
        )
    return found


def _given_sound(options: Mapping[str, Any]) -> Path | None:
    value = options.get("sound", CHORD)
    if value in {CHORD, SILENCE}:
        return None
    path = Path(str(value)).expanduser()
    if not path.is_file():
        raise ValueError(
            f"sound: “{value}” is neither “{CHORD}” nor “{SILENCE}” nor a sound file here."
        )
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
