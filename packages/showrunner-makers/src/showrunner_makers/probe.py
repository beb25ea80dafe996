"""What a media file is: its streams and their lengths, read with PyAV."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.error import FFmpegError


@dataclass(frozen=True, kw_only=True)
class Media:
    """A file's first video and audio stream; lengths in seconds, zero where there is no such stream.

    Attributes:
        frames: pictures of the video, counted.
        rate: pictures a second.
        sample_rate: of the audio.
    """

    seconds: float
    width: int = 0
    height: int = 0
    rate: Fraction = Fraction(0)
    frames: int = 0
    video_seconds: float = 0.0
    audio_seconds: float = 0.0
    sample_rate: int = 0
    channels: int = 0


def probe(path: Path) -> Media:
    """What a file holds.

    Raises:
        ValueError: when it is no media file.
    """
    try:
        with av.open(str(path)) as container:
            return _media(container)
    except (FFmpegError, OSError) as error:
        raise ValueError(f"“{path.name}” cannot be read as video or sound: {error}") from error


def _media(container: av.container.InputContainer) -> Media:
    video = next(iter(container.streams.video), None)
    audio = next(iter(container.streams.audio), None)
    packets = {stream.index: _Length() for stream in (video, audio) if stream is not None}
    for packet in container.demux(*(stream for stream in (video, audio) if stream is not None)):
        if packet.pts is not None and packet.time_base is not None:
            end = (packet.pts + (packet.duration or 0)) * packet.time_base
            packets[packet.stream.index].add(end)
    lengths = {index: float(length.end) for index, length in packets.items()}
    return Media(
        seconds=max(lengths.values(), default=0.0),
        width=video.width if video is not None else 0,
        height=video.height if video is not None else 0,
        rate=(video.average_rate or Fraction(0)) if video is not None else Fraction(0),
        frames=packets[video.index].count if video is not None else 0,
        video_seconds=lengths[video.index] if video is not None else 0.0,
        audio_seconds=lengths[audio.index] if audio is not None else 0.0,
        sample_rate=audio.rate if audio is not None else 0,
        channels=audio.channels if audio is not None else 0,
    )


class _Length:
    """Where a stream's last packet ends."""

    def __init__(self) -> None:
        self.end, self.count = Fraction(0), 0

    def add(self, end: Fraction) -> None:
        self.end, self.count = max(self.end, end), self.count + 1
