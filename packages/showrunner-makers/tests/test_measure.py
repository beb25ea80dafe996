"""A film that is black, frozen, silent, too loud or too short is found out, with the figures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from media_kit import ffmpeg, moving_clip, tone

from models.production.making import Failure, MakerError
from showrunner_makers.measure import measure

SECONDS = 5
MOVING = f"testsrc2=s=160x90:r=30:d={SECONDS}"
HEARD = f"aevalsrc='0.2*sin(440*2*PI*t)':s=48000:d={SECONDS}"
AT_LOUDNESS = "volume=3.6dB"
"""Brings that tone, in both channels, to -14 LUFS."""


def film(folder: Path, *, picture: str = "null", sound: str = "anull") -> Path:
    """A good film of five seconds, spoilt by filters."""
    path = folder / "film.mp4"
    level = f"aformat=channel_layouts=stereo,{AT_LOUDNESS},{sound}"
    given = ["-f", "lavfi", "-i", MOVING, "-f", "lavfi", "-i", HEARD]
    ffmpeg(*given, "-vf", picture, "-af", level, "-preset", "ultrafast", path)
    return path


def are_alike(expected: str, said: str) -> bool:
    """Whether they are the same but for a tenth or two, which encoders differ by."""
    number = re.compile(r"-?\d+\.\d+")
    if number.sub("", expected) != number.sub("", said):
        return False
    wanted, found = (list(map(float, number.findall(text))) for text in (expected, said))
    return found == pytest.approx(wanted, abs=0.15)


@pytest.mark.parametrize(
    ("spoilt", "fault"),
    [
        ({}, None),
        (
            {"picture": "drawbox=c=black:t=fill:enable='gte(t,1)*lt(t,4)'"},
            "it is black for 3.0 s from 1.0 s on",
        ),
        (
            {"picture": "drawbox=c=black:t=fill:enable='gte(t,2)'"},
            "it is black for 3.0 s from 2.0 s on",
        ),
        (
            {"picture": "loop=loop=75:size=1:start=30,setpts=N/30/TB"},
            "it is frozen for 2.5 s from 1.0 s on",
        ),
        (
            {"picture": "trim=end=2,tpad=stop_mode=clone:stop_duration=3"},
            "it is frozen for 3.0 s from 2.0 s on",
        ),
        (
            {"sound": "volume=0:enable='gte(t,1)*lt(t,3.5)'"},
            "it is silent for 2.5 s from 1.0 s on",
        ),
        ({"sound": "volume=0:enable='gte(t,2.5)'"}, "it is silent for 2.5 s from 2.5 s on"),
        ({"sound": "volume=0"}, "nothing is heard in it"),
        ({"sound": "volume=-5dB"}, "its loudness is -19.0 LUFS and should be -14"),
        ({"sound": "volume=3dB"}, "its loudness is -11.0 LUFS and should be -14"),
        ({"sound": "atrim=end=4"}, "its sound lasts 4.00 s and should last 5.00 s"),
        ({"picture": "trim=end=4.9"}, "its picture lasts 4.90 s and should last 5.00 s"),
    ],
    ids=[
        *("good", "black", "black at the end", "frozen", "frozen at the end"),
        *("silent", "silent at the end", "nothing heard", "quiet", "loud"),
        *("short sound", "short picture"),
    ],
)
async def test_a_fault_is_told_with_its_measure(
    tmp_path: Path, spoilt: dict[str, str], fault: str | None
) -> None:
    measured = await measure(film(tmp_path, **spoilt))
    seconds = 7.5 if "loop" in str(spoilt) else SECONDS
    faults = measured.faults(seconds=seconds)
    if fault is None:
        assert faults == []
    else:
        assert any(are_alike(fault, said) for said in faults), faults


async def test_short_stretches_are_no_fault(tmp_path: Path) -> None:
    black = "drawbox=c=black:t=fill:enable='gte(t,1)*lt(t,2.9)'"
    quiet = "volume=0:enable='gte(t,1)*lt(t,2.9)'"
    measured = await measure(film(tmp_path, picture=black, sound=quiet))
    assert measured.stretches == ()


async def test_silence_that_is_allowed_is_no_fault_and_sound_is_still_measured(
    tmp_path: Path,
) -> None:
    silent = await measure(film(tmp_path, sound="volume=0"))
    assert silent.faults(seconds=SECONDS, silence_allowed=True) == []
    quiet = await measure(film(tmp_path, sound="volume=-9dB"))
    [fault] = quiet.faults(seconds=SECONDS, silence_allowed=True)
    assert fault.startswith("its loudness is")


async def test_what_is_no_film_with_sound_cannot_be_measured(tmp_path: Path) -> None:
    (text := tmp_path / "film.mp4").write_text("no film")
    (empty := tmp_path / "empty.mp4").touch()
    mute = moving_clip(tmp_path / "mute.mp4", 1)
    heard = tone(tmp_path / "heard.wav", 1)
    for path in (text, empty, mute, heard):
        with pytest.raises(MakerError) as refused:
            await measure(path)
        assert refused.value.failure is Failure.MANUAL_REVIEW
