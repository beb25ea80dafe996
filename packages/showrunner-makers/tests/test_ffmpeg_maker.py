"""Clips, tracks and the film: exact lengths, true colours, and a bad film is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from media_kit import (
    WHALE,
    WORMS,
    colour_clip,
    ffmpeg,
    loudness,
    moving_clip,
    picture,
    request_for,
    samples,
    source,
    source_of,
    tone,
)
from PIL import Image, ImageChops, ImageStat

from models.production.making import Failure, Made, MakerError, Source
from models.production.reuse import input_hash
from models.production.steps import PieceKind, Step
from models.production.story import NARRATION_MAX, Scene
from showrunner_makers.ffmpeg import Ffmpeg, _motion
from showrunner_makers.frame import Frame
from showrunner_makers.probe import probe
from showrunner_makers.speech import LONGEST, SHORTEST, speech_seconds

STORY = ("A whale.", "Worms.")
"""Two scenes of the shortest length."""

Video = dict[tuple[Step, int], Made]


@pytest.fixture(scope="session")
async def video(tmp_path_factory: pytest.TempPathFactory) -> Video:
    """A whole production, by step and scene."""
    makers: dict[Step, Frame | Ffmpeg] = {
        **dict.fromkeys(Frame.steps, Frame()),
        **dict.fromkeys(Ffmpeg.steps, Ffmpeg()),
    }
    made: Video = {}
    sources: list[Source] = []
    for step in [step for step in Step if step is not Step.UPLOAD]:
        for position in [0] if step is Step.ASSEMBLY else [1, 2]:
            folder = tmp_path_factory.mktemp(f"50%d {step}")
            asked = request_for(step, folder, *STORY, position=position, sources=tuple(sources))
            made[step, position] = await makers[step].make(asked)
            assert list(folder.iterdir()) == [made[step, position].path]
            sources.append(source_of(asked, made[step, position]))
    return made


def test_a_clip_is_1080p_and_as_long_as_its_text_takes_to_speak(video: Video) -> None:
    made = video[Step.VIDEOS, 2]
    media = probe(made.path)
    assert made.media_type == "video/mp4"
    assert (media.width, media.height, media.rate) == (1920, 1080, 30)
    assert media.pictures == SHORTEST * 30
    assert made.seconds == media.video_seconds == SHORTEST


def test_a_clip_shows_its_composite_in_the_same_colours(video: Video) -> None:
    clip, still = picture(video[Step.VIDEOS, 2].path, 0), video[Step.COMPOSITES, 2].path
    with Image.open(still) as composite:
        off = ImageStat.Stat(ImageChops.difference(clip, composite.convert("RGB")))
    assert max(off.mean) < 2.5


def test_a_clip_grows_and_cuts_little_off(video: Video) -> None:
    path = video[Step.VIDEOS, 1].path
    first, last = picture(path, 0), picture(path, round(SHORTEST * 30) - 1)
    width, height = first.size
    kept = first.crop((width // 25, height // 25, width - width // 25, height - height // 25))
    off = ImageStat.Stat(ImageChops.difference(kept.resize(first.size), last))
    assert max(off.mean) < 4


@pytest.mark.parametrize("step", [Step.AUDIO, Step.SFX])
def test_a_track_is_48_khz_stereo_and_as_long_as_its_scene(video: Video, step: Step) -> None:
    made = video[step, 1]
    media = probe(made.path)
    assert made.media_type == "audio/mp4"
    assert (media.sample_rate, media.channels) == (48_000, 2)
    assert media.audio_seconds == pytest.approx(SHORTEST, abs=0.03)
    assert made.seconds == media.audio_seconds
    assert 0.05 < max(samples(made.path)) < 1


def test_each_scene_sounds_otherwise(video: Video) -> None:
    tracks = [video[Step.AUDIO, n].path.read_bytes() for n in (1, 2)]
    assert tracks[0] != tracks[1]


def test_the_film_plays_all_scenes_at_the_loudness_and_says_what_was_measured(
    video: Video,
) -> None:
    made = video[Step.ASSEMBLY, 0]
    media = probe(made.path)
    assert (made.path.name, made.media_type) == ("film.mp4", "video/mp4")
    assert media.pictures == 2 * SHORTEST * 30
    assert media.video_seconds == made.seconds == made.notes["seconds"] == 2 * SHORTEST
    assert abs(media.audio_seconds - media.video_seconds) <= 1 / 30
    assert loudness(made.path) == pytest.approx(-14, abs=1.5)
    assert made.notes["loudness"] == pytest.approx(loudness(made.path), abs=0.2)


def test_the_motion_of_the_longest_scene_is_not_frozen(video: Video, tmp_path: Path) -> None:
    still, clip = video[Step.COMPOSITES, 1].path, tmp_path / "clip.mkv"
    ffmpeg("-i", still, "-vf", _motion(LONGEST), "-frames:v", "70", "-crf", "20", clip)
    log = ffmpeg("-i", clip, "-vf", "freezedetect=n=-60dB:d=2", "-f", "null", "-")
    assert "freeze_start" not in log


FilmOf = Callable[..., Awaitable[Made]]


@pytest.fixture
def film_of(tmp_path: Path) -> FilmOf:
    """Assemble one scene of a clip and a narration."""

    async def made(clip: Path, narration: Path | None, **options: Any) -> Made:
        (folder := tmp_path / "made").mkdir()
        sources = [source(PieceKind.CLIP, 1, clip)]
        if narration is not None:
            sources.append(source(PieceKind.NARRATION, 1, narration))
        asked = request_for(
            *(Step.ASSEMBLY, folder, WHALE), position=0, sources=tuple(sources), options=options
        )
        return await Ffmpeg().make(asked)

    return made


async def test_a_black_film_is_refused_with_the_measurement(
    tmp_path: Path, film_of: FilmOf
) -> None:
    clip = colour_clip(tmp_path / "clip.mp4", "black", 2.5)
    with pytest.raises(MakerError) as refused:
        await film_of(clip, tone(tmp_path / "tone.wav", 2.5))
    assert "it is black for 2.5 s from 0.0 s on" in str(refused.value)
    assert refused.value.failure is Failure.MANUAL_REVIEW


async def test_a_clip_that_is_much_shorter_than_its_narration_is_refused_as_frozen(
    tmp_path: Path, film_of: FilmOf
) -> None:
    clip = moving_clip(tmp_path / "clip.mp4", 1)
    with pytest.raises(MakerError, match=r"it is frozen for 2\.5 s from 1\.0 s on") as refused:
        await film_of(clip, tone(tmp_path / "tone.wav", 3.5))
    assert refused.value.failure is Failure.MANUAL_REVIEW


async def test_a_silent_film_is_refused_unless_silence_was_asked_for(
    tmp_path: Path, film_of: FilmOf
) -> None:
    clip = moving_clip(tmp_path / "clip.mp4", 2.2)
    with pytest.raises(MakerError, match=r"silent for 2\.2 s from 0\.0 s on; nothing is heard"):
        await film_of(clip, None)
    (tmp_path / "made" / "film.mp4").unlink()
    (tmp_path / "made").rmdir()
    made = await film_of(clip, None, sound="silence")
    assert made.notes == {"seconds": 2.2}


@pytest.mark.parametrize("kind", [PieceKind.CLIP, PieceKind.NARRATION, PieceKind.SOUND])
async def test_a_piece_whose_file_is_gone_is_named(tmp_path: Path, kind: PieceKind) -> None:
    clip = colour_clip(tmp_path / "clip.mp4", "red", 0.2)
    gone = Source(kind=kind, position=1, path=tmp_path / "gone", sha256="")
    sources = (gone, source(PieceKind.CLIP, 1, clip))
    asked = request_for(Step.ASSEMBLY, tmp_path, WHALE, position=0, sources=sources)
    with pytest.raises(MakerError, match=f"The {kind} of scene 1 is not there any more") as refused:
        await Ffmpeg().make(asked)
    assert refused.value.failure is Failure.MANUAL_REVIEW


async def test_a_still_that_is_no_picture_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    (still := tmp_path / "still.png").write_bytes(b"no picture")
    (folder := tmp_path / "made").mkdir()
    asked = request_for(
        Step.VIDEOS, folder, WHALE, sources=(source(PieceKind.COMPOSITE, 1, still),)
    )
    with pytest.raises(MakerError, match="FFmpeg failed"):
        await Ffmpeg().make(asked)
    assert list(folder.iterdir()) == []


async def test_silence_is_silent(tmp_path: Path) -> None:
    asked = request_for(Step.SFX, tmp_path, WHALE, options={"sound": "silence"})
    assert max(samples((await Ffmpeg().make(asked)).path)) == 0


@pytest.mark.parametrize("kind", ["wav", "mp3 with a cover", "video"])
async def test_a_given_sound_is_repeated_as_long_as_the_scene_lasts(
    tmp_path: Path, kind: str
) -> None:
    given = tone(tmp_path / "gi'ven %d.wav", 0.7)
    if kind != "wav":
        picture_of = ("-f", "lavfi", "-i", "color=red:s=64x64:d=0.7:r=10")
        name, how = {
            "mp3 with a cover": ("song.mp3", ("-frames:v", "1", "-c:v", "png")),
            "video": ("video.mp4", ()),
        }[kind]
        ffmpeg("-i", given, *picture_of, "-map", "0", "-map", "1", *how, tmp_path / name)
        given = tmp_path / name
    asked = request_for(Step.AUDIO, tmp_path, "Word. " * 10, options={"sound": str(given)})
    made = await Ffmpeg().make(asked)
    media = probe(made.path)
    assert media.video_seconds == 0
    assert media.audio_seconds == pytest.approx(4, abs=0.03)
    heard = samples(made.path)
    assert min(max(heard[n : n + 20]) for n in range(50, 340, 20)) > 0.2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"volume": 1}, "volume: is no option of “ffmpeg”; it has sound."),
        ({"sound": "loud"}, "sound: “loud” is neither “chord” nor “silence” nor the whole path"),
        ({"sound": "/nowhere.wav"}, "sound: “/nowhere.wav” is neither"),
        ({"sound": None}, "sound: “None” is neither"),
        ({"sound": ["chord"]}, "sound: “['chord']” is neither"),
        ({"sound": "/"}, "sound: “/” is neither"),
        ({"sound": __file__}, "sound: “test_ffmpeg_maker.py” cannot be read"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match="^[a-z]+: ") as refused:
        Ffmpeg().check(options)
    assert str(refused.value).startswith(said)


def test_a_sound_file_without_sound_is_refused(tmp_path: Path) -> None:
    mute = colour_clip(tmp_path / "mute.mp4", "red", 0.2)
    ffmpeg("-f", "lavfi", "-i", "anullsrc", "-t", "0", tmp_path / "none.wav")
    for path in (mute, tmp_path / "none.wav"):
        with pytest.raises(ValueError, match="^sound: "):
            Ffmpeg().check({"sound": str(path)})


def test_options_that_can_be_used_are_accepted(tmp_path: Path) -> None:
    given = str(tone(tmp_path / "tone.wav", 0.1))
    for options in ({}, {"sound": "chord"}, {"sound": "silence"}, {"sound": given}):
        Ffmpeg().check(options)


async def test_a_sound_file_that_was_removed_stops_the_card(tmp_path: Path) -> None:
    asked = request_for(Step.AUDIO, tmp_path, WHALE, options={"sound": "/gone.wav"})
    with pytest.raises(MakerError, match="Options of “ffmpeg”: sound: “/gone.wav”") as refused:
        await Ffmpeg().make(asked)
    assert refused.value.failure is Failure.MANUAL_REVIEW


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Worms.", SHORTEST),
        ("word " * 25, 10),
        ("word " * 400, LONGEST),
        ("鯨は海の底に沈む" * 5, 40 * 3.5 / 18),
        ("Donaudampfschifffahrtsgesellschaft " * 5, 34 * 5 / 18),
        ("— … !", SHORTEST),
    ],
    ids=["short", "words", "long", "japanese", "long words", "no words"],
)
def test_a_text_lasts_as_long_as_it_takes_to_speak(text: str, seconds: float) -> None:
    assert speech_seconds(text) == pytest.approx(seconds)
    assert speech_seconds("word " * (NARRATION_MAX // 5)) <= LONGEST


def hashed(step: Step, folder: Path, *texts: str, **more: Any) -> str:
    return input_hash(Ffmpeg().inputs(request_for(step, folder, *texts, **more)))


def still(position: int, sha256: str) -> Source:
    return Source(
        kind=PieceKind.COMPOSITE, position=position, path=Path("still.png"), sha256=sha256
    )


def test_a_clip_is_made_anew_only_with_its_own_still_or_length(tmp_path: Path) -> None:
    stills = (still(1, "a"), still(2, "b"))
    first = hashed(Step.VIDEOS, tmp_path, WHALE, WORMS, sources=stills)
    assert hashed(Step.VIDEOS, tmp_path, WHALE, "word " * 90, sources=stills) == first
    others = (still(1, "a"), still(2, "c"))
    assert hashed(Step.VIDEOS, tmp_path, WHALE, WORMS, sources=others) == first
    assert (
        hashed(Step.VIDEOS, tmp_path, WHALE, options={"sound": "silence"}, sources=stills) == first
    )
    assert hashed(Step.VIDEOS, tmp_path, WHALE, WORMS, sources=(still(1, "d"),)) != first
    assert hashed(Step.VIDEOS, tmp_path, "word " * 90, WORMS, sources=stills) != first


def test_a_track_is_made_anew_with_its_length_its_place_or_its_sound(tmp_path: Path) -> None:
    first = hashed(Step.AUDIO, tmp_path, WHALE)
    given = {"sound": str(tone(tmp_path / "tone.wav", 0.1))}
    with_file = hashed(Step.AUDIO, tmp_path, WHALE, options=given)
    tone(tmp_path / "tone.wav", 0.1, volume=0.2)
    different = [
        with_file,
        hashed(Step.AUDIO, tmp_path, WHALE, options=given),
        hashed(Step.AUDIO, tmp_path, "word " * 90),
        hashed(Step.AUDIO, tmp_path, WORMS, WHALE, position=2),
        hashed(Step.AUDIO, tmp_path, WHALE, options={"sound": "silence"}),
        hashed(Step.SFX, tmp_path, WHALE),
    ]
    assert len({first, *different}) == 1 + len(different)
    assert hashed(Step.AUDIO, tmp_path, WHALE, WORMS, sources=(still(1, "a"),)) == first
    same_length = Scene(position=1, narration="A squid sinks to the floor of the deep sea.")
    assert hashed(Step.AUDIO, tmp_path, scenes=(same_length,)) == first


def test_the_film_is_made_anew_when_a_piece_changed(tmp_path: Path) -> None:
    clip = Source(kind=PieceKind.CLIP, position=1, path=Path("a.mp4"), sha256="a")
    sound = Source(kind=PieceKind.SOUND, position=1, path=Path("a.m4a"), sha256="b")
    first = hashed(Step.ASSEMBLY, tmp_path, WHALE, position=0, sources=(clip, sound))
    assert hashed(Step.ASSEMBLY, tmp_path, WHALE, position=0, sources=(sound, clip)) == first
    more = (clip, sound, still(1, "c"))
    assert hashed(Step.ASSEMBLY, tmp_path, WHALE, position=0, sources=more) == first
    assert hashed(Step.ASSEMBLY, tmp_path, WHALE, position=0, sources=(clip,)) != first
