"""What is wrong with a finished film: its length, black, frozen and silent stretches, loudness."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.production.making import Failure, MakerError
from showrunner_makers.probe import Media, probe
from showrunner_makers.program import limit_for, reads, run

LOUDNESS: Final = -14.0
"""LUFS at which YouTube plays sound unchanged."""
LOUDNESS_OFF: Final = 1.5
"""LUFS by which it may differ."""
LENGTH_OFF: Final = 0.05
"""Seconds by which a length may differ."""
STRETCH: Final = 2.0
"""Seconds from which on a black, frozen or silent stretch is a fault."""
_SILENT: Final = "silent"
_NOTHING_HEARD: Final = -70.0
"""LUFS that the standard's gate leaves out (ITU-R BS.1770)."""
_NUMBER: Final = r"(-?[\d.]+|-?inf)"
_BLACK: Final = re.compile(rf"black_start:{_NUMBER} black_end:{_NUMBER}")
_FROZEN: Final = re.compile(rf"freeze_start: {_NUMBER}")
_FROZEN_FOR: Final = re.compile(rf"freeze_duration: {_NUMBER}")
_SILENCE: Final = re.compile(rf"silence_end: {_NUMBER} \| silence_duration: {_NUMBER}")
_INTEGRATED: Final = re.compile(rf"I:\s+{_NUMBER} LUFS")


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A part of a film.

    Attributes:
        what: black, frozen or silent.
        start: in seconds from the film's beginning.
        seconds: how long it lasts.
    """

    what: str
    start: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured.

    Attributes:
        loudness: integrated, in LUFS; -70 or less, also minus infinity, for silence.
        stretches: black, frozen and silent ones.
    """

    media: Media
    loudness: float
    stretches: tuple[Stretch, ...]

    @property
    def is_heard(self) -> bool:
        """Whether there is any sound in it."""
        return self.loudness > _NOTHING_HEARD

    def faults(self, *, seconds: float, silence_allowed: bool = False) -> list[str]:
        """What a person has to look at; empty for a good film.

        Args:
            seconds: how long it should be.
            silence_allowed: whether it may be silent, in parts or as a whole.
        """
        return [
            *self._wrong_lengths(seconds),
            *self._wrong_stretches(silence_allowed=silence_allowed),
            *self._wrong_loudness(silence_allowed=silence_allowed),
        ]

    def _wrong_lengths(self, seconds: float) -> list[str]:
        lengths = {"picture": self.media.video_seconds, "sound": self.media.audio_seconds}
        return [
            f"its {what} lasts {length:.2f} s and should last {seconds:.2f} s"
            for what, length in lengths.items()
            if abs(length - seconds) > LENGTH_OFF
        ]

    def _wrong_stretches(self, *, silence_allowed: bool) -> list[str]:
        return [
            f"it is {one.what} for {one.seconds:.1f} s from {one.start:.1f} s on"
            for one in self.stretches
            if not (silence_allowed and one.what == _SILENT)
        ]

    def _wrong_loudness(self, *, silence_allowed: bool) -> list[str]:
        if not self.is_heard:
            return [] if silence_allowed else ["nothing is heard in it"]
        if abs(self.loudness - LOUDNESS) <= LOUDNESS_OFF:
            return []
        return [f"its loudness is {self.loudness:.1f} LUFS and should be {LOUDNESS:.0f}"]


async def measure(film: Path) -> Measured:
    """Measure a film.

    Raises:
        MakerError: when it cannot be read, or has no picture or no sound.
    """
    try:
        media = await asyncio.to_thread(probe, film)
    except ValueError as error:
        raise MakerError(Failure.MANUAL_REVIEW, f"The film {error}.") from error
    picture = f"blackdetect=d={STRETCH}:pix_th=0.05,freezedetect=n=-60dB:d={STRETCH}"
    sound = f"silencedetect=n=-60dB:d={STRETCH},ebur128=framelog=quiet"
    log = await run(
        [
            *reads(film),
            *("-filter_complex", f"[0:v:0]{picture}[v];[0:a:0]{sound}[a]"),
            *("-map", "[v]", "-map", "[a]", "-f", "null", "-"),
        ],
        film.parent,
        limit=limit_for(media.video_seconds),
    )
    return Measured(media=media, loudness=_loudness(log), stretches=tuple(_stretches(log, media)))


def _loudness(log: str) -> float:
    found = _INTEGRATED.findall(log)
    return float(found[-1]) if found else float("-inf")


def _stretches(log: str, media: Media) -> list[Stretch]:
    found = [
        Stretch(what="black", start=float(start), seconds=float(end) - float(start))
        for start, end in _BLACK.findall(log)
    ]
    found += _frozen(log, media)
    found += [
        Stretch(what=_SILENT, start=max(float(end) - float(length), 0.0), seconds=float(length))
        for end, length in _SILENCE.findall(log)
    ]
    return sorted(found, key=lambda stretch: stretch.start)


def _frozen(log: str, media: Media) -> list[Stretch]:
    starts = [float(start) for start in _FROZEN.findall(log)]
    lengths = [float(length) for length in _FROZEN_FOR.findall(log)]
    if len(lengths) < len(starts):
        # The filter logs no end of a stretch that lasts until the film ends.
        lengths.append(media.video_seconds - starts[-1])
    return [
        Stretch(what="frozen", start=start, seconds=length)
        for start, length in zip(starts, lengths, strict=True)
    ]
