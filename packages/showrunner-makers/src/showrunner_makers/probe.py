"""Read with PyAV what a media file is: its streams and their lengths."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
from av.error import FFmpegError
from av.stream import Disposition


@dataclass(frozen=True, kw_only=True)
class Media:
    """A file's first video and audio stream; zeros where there is no such stream.

    Attributes:
        rate: pictures a second.
        pictures: how many there are, counted.
        video_seconds, audio_seconds: lengths of the streams, measured, whatever the header says.
        sample_rate: of the audio.
    """

    width: int = 0
    height: int = 0
    rate: Fraction = Fraction(0)
    pictures: int = 0
    video_seconds: float = 0.0
    audio_seconds: float = 0.0
    sample_rate: int = 0
    channels: int = 0


@dataclass(kw_only=True)
class _Extent:
    """Where the packets of a stream begin and end, in seconds, and how many there are."""

    start: Fraction | None = None
    end: Fraction = Fraction(0)
    count: int = 0

    def add(self, start: Fraction, length: Fraction) -> None:
        first = start if self.start is None else min(self.start, start)
        self.start, self.end = first, max(self.end, start + length)
        self.count += 1

    @property
    def seconds(self) -> float:
        """From the first packet to the end of the last; what stands before zero is not played."""
        return float(max(self.end - max(self.start or Fraction(0), Fraction(0)), Fraction(0)))


def probe(path: Path) -> Media:
    """What a file holds.

    Raises:
        ValueError: when it is no media file.
    """
    try:
        with av.open(str(path.absolute()), options={"protocol_whitelist": "file"}) as container:
            return _media(container)
    except (FFmpegError, OSError) as error:
        raise ValueError(f"“{path.name}” cannot be read as video or sound: {error}") from error


def _media(container: av.container.InputContainer) -> Media:
    moving = (each for each in container.streams.video if not _is_cover(each))
    video = next(moving, None)
    audio = next(iter(container.streams.audio), None)
    extents = _extents(container, [each for each in (video, audio) if each is not None])
    media = Media()
    if video is not None:
        media = replace(
            media,
            width=video.width,
            height=video.height,
            rate=video.average_rate or Fraction(0),
            pictures=extents[video.index].count,
            video_seconds=extents[video.index].seconds,
        )
    if audio is not None:
        media = replace(
            media,
            sample_rate=audio.rate,
            channels=audio.channels,
            audio_seconds=extents[audio.index].seconds,
        )
    return media


def _is_cover(stream: av.VideoStream) -> bool:
    """Whether it is the picture of a song's album, which is no film."""
    return bool(stream.disposition & Disposition.attached_pic)


def _extents(
    container: av.container.InputContainer, streams: Iterable[av.VideoStream | av.AudioStream]
) -> dict[int, _Extent]:
    found = {stream.index: _Extent() for stream in streams}
    if not found:
        return found
    for packet in container.demux(*streams):
        if packet.pts is not None and packet.time_base is not None:
            start = packet.pts * packet.time_base
            found[packet.stream.index].add(start, (packet.duration or 0) * packet.time_base)
    return found
