"""The makers of showrunner-makers, which note when they began and ended each piece.

`installed` gives them names by which a channel's file may name them, for the processes that get
its variables.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from showrunner_makers.ffmpeg import Ffmpeg
from showrunner_makers.frame import Frame

from benchmarks.kit.places import CHANNELS, ROOT
from models.production.making import Made, Request

CHANNEL = "deep_sea_stories"
BEGAN, ENDED = "began_at", "ended_at"
_NAMES = {"frame": "timed_frame", "ffmpeg": "timed_ffmpeg"}
_METADATA = "Metadata-Version: 2.1\nName: timed-makers\nVersion: 1\n"
_ENTRY_POINTS = f"""\
[showrunner.makers]
timed_frame = {__name__}:TimedFrame
timed_ffmpeg = {__name__}:TimedFfmpeg
"""


class TimedFrame(Frame):
    """Makes images and composites."""

    name = "timed_frame"

    async def make(self, request: Request) -> Made:
        """Draw the picture, and note when."""
        return await _timed(super().make(request))


class TimedFfmpeg(Ffmpeg):
    """Makes clips, sounds and films."""

    name = "timed_ffmpeg"

    async def make(self, request: Request) -> Made:
        """Make the piece, and note when."""
        return await _timed(super().make(request))


async def _timed(making: Awaitable[Made]) -> Made:
    began = datetime.now(UTC)
    made = await making
    times = {BEGAN: began.isoformat(), ENDED: datetime.now(UTC).isoformat()}
    return replace(made, notes={**made.notes, **times})


def installed(folder: Path) -> dict[str, str]:
    """Install the makers in a folder; the variables of a process that finds them there."""
    distribution = folder / "timed_makers-1.dist-info"
    distribution.mkdir(parents=True)
    (distribution / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: timed-makers\nVersion: 1\n"
    )
    (distribution / "entry_points.txt").write_text(_ENTRY_POINTS)
    return {"PYTHONPATH": f"{folder}:{ROOT}"}


def write_channel(folder: Path, **production: Any) -> None:
    """Write the sample channel's file with these makers, and with those keys of its production."""
    content = yaml.safe_load((CHANNELS / f"{CHANNEL}.yaml").read_text(encoding="utf-8"))
    block = content["production"]
    block["makers"] = {step: _NAMES[maker] for step, maker in block["makers"].items()}
    block["options"] = {_NAMES[maker]: options for maker, options in block["options"].items()}
    block |= production
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{CHANNEL}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
