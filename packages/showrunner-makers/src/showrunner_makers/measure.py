"""What is wrong with a finished film: its length, black, frozen and silent stretches, loudness."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from showrunner_makers.probe import Media, probe
from showrunner_makers.program import run

LOUDNESS: Final = -14.0
"""LUFS at which YouTube plays sound unchanged."""
LOUDNESS_OFF: Final = 1.5
"""LUFS by which it may differ."""
LENGTH_OFF: Final = 0.05
"""Seconds by which a length may differ."""
STRETCH: Final = 2.0
"""Seconds of black, frozen or silent film that are shown to a person."""
_NUMBER: Final = r"(-?[\d.]+|-?inf)"
_BLACK: Final = re.compile(rf"black_start:{_NUMBER} black_end:{_NUMBER}")
_FROZEN: Final = re.compile(rf"freeze_start: {_NUMBER}")
_FROZEN_FOR: Final = re.compile(rf"freeze_duration: {_NUMBER}")
_SILENT: Final = re.compile(rf"silence_end: {_NUMBER} \| silence_duration: {_NUMBER}")
_INTEGRATED: Final = re.compile(rf"I:\s+{_NUMBER} LUFS")


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A part of a film, in seconds from its beginning."""

    what: str
    start: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured.

    Attributes:
        loudness: integrated, in LUFS; minus infinity for silence.
        stretches: black, frozen and silent ones.
    """

    media: Media
    loudness: float
    stretches: tuple[Stretch, ...]

    def faults(self, *, seconds: float, silent: bool = False) -> list[str]:
        """What a person has to look at; empty for a good film.

        Args:
            seconds: how long it should be.
            silent: whether nothing in it should be heard.
        """
        media, found = self.media, list[str]()
        for what, length in (("picture", media.video_seconds), ("sound", media.audio_seconds)):
            if abs(length - seconds) > LENGTH_OFF:
                found.append(f"its {what} lasts {length:.2f} s and should last {seconds:.2f} s")
        found += [
            f"it is {stretch.what} for {stretch.seconds:.1f} s from {stretch.start:.1f} s on"
            for stretch in self.stretches
            if not (silent and stretch.what == "silent")
        ]
        if not silent and abs(self.loudness - LOUDNESS) > LOUDNESS_OFF:
            found.append(f"its loudness is {self.loudness:.1f} LUFS and should be {LOUDNESS:.0f}")
        return found


async def measure(film: Path) -> Measured:
    """Measure a film.

    Raises:
        MakerError: when FFmpeg cannot read it.
        ValueError: when it is no film.
    """
    media = probe(film)
    picture = f"blackdetect=d={STRETCH}:pix_th=0.05,freezedetect=n=-60dB:d={STRETCH}"
    sound = f"silencedetect=n=-60dB:d={STRETCH},ebur128=framelog=quiet"
    log = await run(["-i", film, "-vf", picture, "-af", sound, "-f", "null", "-"], film.parent)
    return Measured(media=media, loudness=_loudness(log), stretches=tuple(_stretches(log, media)))


def _loudness(log: str) -> float:
    found = _INTEGRATED.findall(log)
    return float(found[-1]) if found else float("-inf")


def _stretches(log: str, media: Media) -> list[Stretch]:
    found = [
        Stretch(what="black", start=float(start), seconds=float(end) - float(start))
        for start, end in _BLACK.findall(log)
    ]
    lengths = [float(length) for length in _FROZEN_FOR.findall(log)]
    for number, start in enumerate(float(start) for start in _FROZEN.findall(log)):
        # A film that ends frozen is told the beginning of that alone.
        length = lengths[number] if number < len(lengths) else media.video_seconds - start
        found.append(Stretch(what="frozen", start=start, seconds=length))
    found += [
        Stretch(what="silent", start=float(end) - float(length), seconds=float(length))
        for end, length in _SILENT.findall(log)
    ]
    return sorted(found, key=lambda stretch: stretch.start)
