"""Clips of different rates, sizes, lengths and sounds become one film of one kind."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest
from media_kit import colour_clip, ffmpeg, loudness, middle, picture, pictures, samples, tone

from models.production.making import Failure, MakerError
from showrunner_makers.film import TAIL, SceneFiles, join
from showrunner_makers.probe import probe

LENGTHS = (Fraction(24, 30), Fraction(41, 30), Fraction(20, 30), Fraction(31, 30))
"""Of the scenes below, in whole pictures."""
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))
SPOKEN = (1, 3)
"""Scenes whose narration is loud; the others have none, or a whisper."""


@dataclass(frozen=True, kw_only=True)
class Joined:
    film: Path
    seconds: float


@pytest.fixture(scope="session")
async def joined(tmp_path_factory: pytest.TempPathFactory) -> Joined:
    """Four scenes of different kinds, in a folder whose name wants quoting."""
    folder = tmp_path_factory.mktemp("it's") / "a “film” of 50%d: ふ"
    folder.mkdir()
    heard = ("-f", "lavfi", "-i", "aevalsrc='0.5*sin(900*2*PI*t)':s=44100:d=0.8", "-shortest")
    shifted = ("-output_ts_offset", "5", "-c:v", "mpeg4", "-q:v", "1")
    scenes = [
        SceneFiles(
            position=1,
            clip=colour_clip(folder / "a.mp4", "red", 0.8, size="320x240", rate=24, more=heard),
        ),
        SceneFiles(
            position=2,
            clip=colour_clip(folder / "b.mkv", "lime", 0.5, size="640x360", rate=30),
            narration=tone(folder / "b.wav", 1.35, rate=22_050),
        ),
        SceneFiles(
            position=3,
            clip=colour_clip(folder / "c's.mp4", "blue", 2 / 3, size="90x160", rate=60),
            narration=tone(folder / "c.wav", 0.3, volume=0.0001),
        ),
        SceneFiles(
            position=4,
            clip=colour_clip(folder / "d.ts", "yellow", 0.6, rate=25, more=shifted),
            narration=tone(folder / "d.mp3", 1.0),
            sound=tone(folder / "d.flac", 3.0, volume=0.05),
        ),
    ]
    film = folder / "made" / "film.mp4"
    film.parent.mkdir()
    return Joined(film=film, seconds=await join(scenes, film))


def starts() -> list[Fraction]:
    return [sum(LENGTHS[:number], Fraction(0)) for number in range(len(LENGTHS))]


def test_a_film_is_1080p_at_30_pictures_a_second(joined: Joined) -> None:
    media = probe(joined.film)
    assert (media.width, media.height, media.rate) == (1920, 1080, 30)


def test_every_picture_is_there_and_lasts_a_thirtieth(joined: Joined) -> None:
    found = pictures(joined.film)
    assert found == [(Fraction(n, 30), Fraction(1, 30)) for n in range(int(sum(LENGTHS) * 30))]


def test_picture_and_sound_last_as_long_as_the_scenes_within_one_picture(joined: Joined) -> None:
    media = probe(joined.film)
    assert joined.seconds == pytest.approx(float(sum(LENGTHS)))
    assert media.video_seconds == pytest.approx(joined.seconds)
    assert abs(media.audio_seconds - joined.seconds) <= 1 / 30


def test_the_sound_is_48_khz_stereo_at_minus_14_lufs(joined: Joined) -> None:
    media = probe(joined.film)
    assert (media.sample_rate, media.channels) == (48_000, 2)
    assert loudness(joined.film) == pytest.approx(-14, abs=1.5)


@pytest.mark.parametrize("number", range(len(LENGTHS)))
def test_each_scene_has_its_own_pictures_from_the_first_to_the_last_in_true_colours(
    joined: Joined, number: int
) -> None:
    first = starts()[number] * 30
    last = first + LENGTHS[number] * 30 - 1
    for at in (first, last):
        assert middle(picture(joined.film, int(at))) == pytest.approx(COLOURS[number], abs=6)


@pytest.mark.parametrize("number", SPOKEN)
def test_what_is_spoken_begins_with_its_scene(joined: Joined, number: int) -> None:
    loud = [n / 100 for n, value in enumerate(samples(joined.film)) if value > 0.1]
    begins = float(starts()[number])
    assert min(at for at in loud if at > begins - 0.2) == pytest.approx(begins, abs=0.05)


def test_a_clip_of_another_shape_gets_bars_and_is_not_stretched(joined: Joined) -> None:
    image = picture(joined.film, int(starts()[2] * 30) + 5)
    width = 1080 * 90 // 160
    assert image.getpixel((960 - width // 2 + 12, 540)) == pytest.approx((0, 0, 255), abs=6)
    assert image.getpixel((960 - width // 2 - 12, 540)) == pytest.approx((0, 0, 0), abs=6)


def test_nothing_lies_beside_the_film(joined: Joined) -> None:
    assert list(joined.film.parent.iterdir()) == [joined.film]


async def test_pixels_that_are_not_square_are_shown_in_their_shape(tmp_path: Path) -> None:
    wide = ("-vf", "setsar=2/1")
    clip = colour_clip(tmp_path / "wide.mp4", "red", 0.1, size="160x180", more=wide)
    await join([SceneFiles(position=1, clip=clip)], tmp_path / "film.mp4")
    assert picture(tmp_path / "film.mp4", 0).getpixel((20, 540)) == pytest.approx(
        (255, 0, 0), abs=6
    )


async def test_two_loud_sounds_are_added_up_without_clipping(tmp_path: Path) -> None:
    loud = tone(tmp_path / "loud.wav", 1, volume=1)
    clip = colour_clip(tmp_path / "clip.mp4", "red", 1)
    film = tmp_path / "film.mp4"
    await join([SceneFiles(position=1, clip=clip, narration=loud, sound=loud)], film)
    overtone = "highpass=f=1200,highpass=f=1200,volumedetect"
    log = ffmpeg("-i", film, "-vn", "-af", overtone, "-f", "null", "-")
    [mean] = [line for line in log.splitlines() if "mean_volume" in line]
    assert float(mean.split()[-2]) < -45, "a clipped tone has loud overtones"


async def test_a_silent_film_stays_silent(tmp_path: Path) -> None:
    clip = colour_clip(tmp_path / "clip.mp4", "red", 0.5)
    await join([SceneFiles(position=1, clip=clip)], tmp_path / "film.mp4")
    assert max(samples(tmp_path / "film.mp4")) == 0
    assert probe(tmp_path / "film.mp4").audio_seconds == pytest.approx(0.5, abs=1 / 30)


def broken(kind: str, folder: Path) -> Path:
    path = folder / {"mute": "mute.mp4", "heard": "heard.wav"}.get(kind, f"{kind}.mp4")
    if kind == "mute":
        return colour_clip(path, "red", 0.5)
    if kind == "heard":
        return tone(path, 0.5)
    contents = {
        "empty": b"",
        "text": b"no film",
        "playlist": b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    }
    if kind in contents:
        path.write_bytes(contents[kind])
    return path


@pytest.mark.parametrize(
    ("spoilt", "kind", "said"),
    [
        ("clip", "heard", "The clip of scene 2 has no moving picture"),
        ("clip", "empty", "The clip of scene 2 is broken: “empty.mp4” cannot be read"),
        ("clip", "text", "The clip of scene 2 is broken"),
        ("clip", "playlist", "The clip of scene 2"),
        ("clip", "missing", "The clip of scene 2 is broken"),
        ("narration", "mute", "The narration of scene 2 has no sound in it"),
        ("narration", "text", "The narration of scene 2 is broken"),
        ("sound", "mute", "The sound of scene 2 has no sound in it"),
        ("sound", "empty", "The sound of scene 2 is broken"),
    ],
)
async def test_a_piece_that_is_none_is_named_with_its_scene_and_nothing_is_left(
    tmp_path: Path, spoilt: str, kind: str, said: str
) -> None:
    good = colour_clip(tmp_path / "good.mp4", "red", 0.2)
    files = {"clip": good, spoilt: broken(kind, tmp_path)}
    folder = tmp_path / "made"
    folder.mkdir()
    scenes = [SceneFiles(position=1, clip=good), SceneFiles(position=2, **files)]
    with pytest.raises(MakerError) as refused:
        await join(scenes, folder / "film.mp4")
    assert str(refused.value).startswith(said)
    assert refused.value.failure is Failure.MANUAL_REVIEW
    assert list(folder.iterdir()) == []


async def test_parts_that_were_made_before_ffmpeg_failed_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = colour_clip(tmp_path / "clip.mp4", "red", 0.2)
    folder = tmp_path / "made"
    folder.mkdir()
    calls = tmp_path / "calls"
    refuse = tmp_path / "ffmpeg"
    refuse.write_text(
        f'#!/bin/sh\necho >>"{calls}"\nfor last; do :; done\necho half >"$last"\n'
        f'test $(wc -l <"{calls}") -lt 2\n'
    )
    refuse.chmod(0o755)
    monkeypatch.setenv("FFMPEG", str(refuse))
    with pytest.raises(MakerError, match="FFmpeg failed"):
        await join([SceneFiles(position=n, clip=clip) for n in (1, 2)], folder / "film.mp4")
    assert len(calls.read_text().splitlines()) == 2
    assert list(folder.iterdir()) == []


async def test_the_cover_of_a_song_is_no_moving_picture(tmp_path: Path) -> None:
    sound = tone(tmp_path / "sound.mp3", 0.5)
    ffmpeg("-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", tmp_path / "cover.png")
    cover = ("-c", "copy", "-disposition:v", "attached_pic")
    song = tmp_path / "song.mp3"
    ffmpeg("-i", sound, "-i", tmp_path / "cover.png", "-map", "0", "-map", "1", *cover, song)
    with pytest.raises(MakerError, match="has no moving picture"):
        await join([SceneFiles(position=1, clip=song)], tmp_path / "film.mp4")


async def test_a_clip_is_cut_a_second_after_its_narration(tmp_path: Path) -> None:
    scene = SceneFiles(
        position=1,
        clip=colour_clip(tmp_path / "a.mp4", "red", 5.0, size="320x240", rate=30),
        narration=tone(tmp_path / "a.wav", 2.0),
    )
    film = tmp_path / "made" / "film.mp4"
    film.parent.mkdir()
    assert await join([scene], film) == pytest.approx(2 + TAIL, abs=0.05)
    assert probe(film).video_seconds == pytest.approx(2 + TAIL, abs=0.05)
