"""ffmpeg: clips from stills, sound tracks, and the film, without any account.

A clip shows the composite in slow motion. Text is not spoken: a narration is a quiet chord,
silence, or a given file, as long as its text takes to speak.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from models.production.making import Failure, Made, MakerError, Request, Source
from models.production.steps import PieceKind, Step
from showrunner_makers.film import (
    ENCODED,
    HEIGHT,
    RATE,
    SAMPLES,
    TAIL,
    TO_BT709,
    WIDTH,
    SceneFiles,
    join,
)
from showrunner_makers.measure import measure
from showrunner_makers.probe import probe
from showrunner_makers.program import limit_for, reads, write
from showrunner_makers.speech import speech_seconds

VERSION: Final = "ffmpeg 1"
"""Part of every input hash: raise it when a piece would come out otherwise."""
CHORD, SILENCE = "chord", "silence"
_ZOOM: Final = 0.08
"""By how much of its size a picture grows while it is shown."""
_ZOOM_SECONDS: Final = 10.0
"""After so long it shrinks again: slower motion would be measured as a frozen film."""
_VOLUMES: Final = {Step.AUDIO: 0.5, Step.SFX: 0.1}
_HEARD: Final = (PieceKind.NARRATION, PieceKind.SOUND)


class Ffmpeg:
    """Makes clips, narrations, sounds and the film."""

    name = "ffmpeg"
    steps = frozenset({Step.VIDEOS, Step.AUDIO, Step.SFX, Step.ASSEMBLY})

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError, naming the key, when options cannot be used."""
        unknown = [key for key in options if key != "sound"]
        if unknown:
            raise ValueError(f"{unknown[0]}: is no option of “ffmpeg”; it has sound.")
        _given_sound(options)

    def inputs(self, request: Request) -> Mapping[str, Any]:
        """Everything that changes the result; raises ValueError as `check`."""
        found: dict[str, Any] = {"maker": VERSION, "step": request.step}
        if request.step is Step.ASSEMBLY:
            return found | {
                "pieces": _hashes(request),
                "tail": TAIL,
                "silence_allowed": _is_silent(request.options),
            }
        found["seconds"] = _scene_seconds(request)
        if request.step is Step.VIDEOS:
            still = request.of_kind(PieceKind.COMPOSITE, request.position)
            return found | {"still": still.sha256 if still is not None else None}
        given = _given_sound(request.options)
        heard = _generated(request) if given is None else _sha256(given)
        return found | {"sound": heard}

    async def make(self, request: Request) -> Made:
        """Make the piece.

        Raises:
            MakerError: when FFmpeg fails or hangs, a piece that it is made from is gone or broken,
                or the film is not as it should be.
        """
        makers = {
            Step.VIDEOS: _clip,
            Step.AUDIO: _track,
            Step.SFX: _track,
            Step.ASSEMBLY: _film,
        }
        return await makers[request.step](request)


def _scene_seconds(request: Request) -> float:
    """How long the scene lasts by its narration, in whole pictures."""
    return math.ceil(round(speech_seconds(request.scene.narration) * RATE, 2)) / RATE


async def _clip(request: Request) -> Made:
    still = _source(request, PieceKind.COMPOSITE, request.position)
    seconds = _scene_seconds(request)
    path = request.folder / f"clip-{request.position:02}.mp4"
    await write(
        [
            # A single picture, also when its path has a % in it, which would number a series.
            *("-f", "image2", "-pattern_type", "none", *reads(still.path)),
            *("-vf", _motion(seconds), "-frames:v", str(round(seconds * RATE))),
            *ENCODED,
        ],
        path,
        limit=limit_for(seconds),
    )
    return Made(path=path, media_type="video/mp4", seconds=seconds)


def _motion(seconds: float) -> str:
    """The filters that let a picture grow, and shrink again if it is shown for long."""
    pictures = round(seconds * RATE)
    turn = pictures / math.ceil(seconds / _ZOOM_SECONDS)
    # Enlarged first: zoompan moves by whole pixels, which would tremble.
    wide, high = WIDTH * 3 // 2, HEIGHT * 3 // 2
    return (
        f"scale={wide}:{high}:force_original_aspect_ratio=decrease:{TO_BT709},format=yuv444p,"
        f"pad={wide}:{high}:-1:-1,setsar=1,"
        f"zoompan=z='1+{_ZOOM}*abs(mod(on/{turn:.4f}+1,2)-1)':"
        "x='(iw-iw/zoom)/2':y='(ih-ih/zoom)/2':"
        f"d={pictures}:s={WIDTH}x{HEIGHT}:fps={RATE},format=yuv420p"
    )


async def _track(request: Request) -> Made:
    """A track as long as the scene: a chord, silence or the given file."""
    seconds = _scene_seconds(request)
    try:
        given = _given_sound(request.options)
    except ValueError as error:
        raise MakerError(Failure.MANUAL_REVIEW, f"Options of “ffmpeg”: {error}") from error
    if given is None:
        heard: tuple[str, ...] = ("-f", "lavfi", "-i", _generated(request))
    else:
        heard = ("-stream_loop", "-1", *reads(await _plain_sound(given, request.folder, seconds)))
    name = {Step.AUDIO: "narration", Step.SFX: "sound"}[request.step]
    path = request.folder / f"{name}-{request.position:02}.m4a"
    fades = f"afade=d=0.3,afade=t=out:st={seconds - 0.3:.3f}:d=0.3"
    await write(
        [
            *(*heard, "-map", "0:a:0"),
            *("-af", f"aresample={SAMPLES},aformat=channel_layouts=stereo,{fades}"),
            *("-t", f"{seconds:.6f}", "-c:a", "aac", "-b:a", "128k"),
        ],
        path,
        limit=limit_for(seconds),
    )
    return Made(path=path, media_type="audio/mp4", seconds=probe(path).audio_seconds)


async def _plain_sound(given: Path, folder: Path, seconds: float) -> Path:
    """The sound of a file alone, uncompressed: other formats leave gaps where they are repeated."""
    path = folder / "given.wav"
    form = f"aresample={SAMPLES},aformat=channel_layouts=stereo"
    await write(
        [*reads(given), *("-map", "0:a:0", "-af", form, "-t", f"{seconds:.6f}")],
        path,
        limit=limit_for(seconds),
    )
    return path


def _generated(request: Request) -> str:
    """The source filter of a chord, another for each scene, or of silence."""
    if _is_silent(request.options):
        return f"anullsrc=r={SAMPLES}:cl=stereo"
    root = 110 * 2 ** ((request.position * 5 % 12) / 12)
    tones = "+".join(f"sin({root * ratio:.3f}*2*PI*t)" for ratio in (1, 1.25, 1.5))
    return f"aevalsrc='{_VOLUMES[request.step]}/3*({tones})':s={SAMPLES}:c=mono"


async def _film(request: Request) -> Made:
    path = request.folder / "film.mp4"
    seconds = await join([_files(request, n) for n in range(1, len(request.scenes) + 1)], path)
    found = await measure(path)
    if faults := found.faults(seconds=seconds, silence_allowed=_is_silent(request.options)):
        raise MakerError(
            Failure.MANUAL_REVIEW, f"The film is not as it should be: {'; '.join(faults)}."
        )
    notes: dict[str, Any] = {"seconds": round(seconds, 3)}
    if found.is_heard:
        notes["loudness"] = round(found.loudness, 1)
    return Made(path=path, media_type="video/mp4", seconds=seconds, notes=notes)


def _files(request: Request, position: int) -> SceneFiles:
    narration, sound = (_optional(request, kind, position) for kind in _HEARD)
    return SceneFiles(
        position=position,
        clip=_source(request, PieceKind.CLIP, position).path,
        narration=narration,
        sound=sound,
    )


def _optional(request: Request, kind: PieceKind, position: int) -> Path | None:
    """The piece's file; None when the production has no such piece."""
    if request.of_kind(kind, position) is None:
        return None
    return _source(request, kind, position).path


def _source(request: Request, kind: PieceKind, position: int) -> Source:
    found = request.of_kind(kind, position)
    if found is None or not found.path.is_file():
        raise MakerError(
            Failure.MANUAL_REVIEW,
            f"The {kind} of scene {position} is not there any more; "
            "drag the card to Queued to make it again.",
        )
    return found


def _hashes(request: Request) -> list[list[Any]]:
    wanted = {PieceKind.CLIP, *_HEARD}
    found = [one for one in request.sources if one.kind in wanted]
    return [[one.kind, one.position, one.sha256] for one in sorted(found, key=_place)]


def _place(source: Source) -> tuple[str, int]:
    return source.kind, source.position


def _is_silent(options: Mapping[str, Any]) -> bool:
    return bool(options.get("sound") == SILENCE)


def _given_sound(options: Mapping[str, Any]) -> Path | None:
    """The sound file that the options name; None for a generated sound.

    Raises:
        ValueError: when it is neither a word that is known nor a file with sound in it.
    """
    value = options.get("sound", CHORD)
    if value in (CHORD, SILENCE):
        return None
    path = Path(str(value)).expanduser()
    if not (path.is_absolute() and path.is_file()):
        raise ValueError(
            f"sound: “{value}” is neither “{CHORD}” nor “{SILENCE}” nor the whole path of a sound "
            "file on this machine."
        )
    try:
        seconds = probe(path).audio_seconds
    except ValueError as error:
        raise ValueError(f"sound: {error}.") from error
    if seconds <= 0:
        raise ValueError(f"sound: “{value}” has no sound in it.")
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
