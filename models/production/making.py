"""What a maker is: the program that makes the pieces of a step, on this machine or by a service.

A maker is found by its name among the entry points of the group `showrunner.makers`; anybody's
distribution may add one. It knows no database and no board.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from models.errors import ShowrunnerError
from models.production.steps import PieceKind, Step
from models.production.story import Scene


class Failure(StrEnum):
    """What kind of error stopped a step; each has its column (spec 1.2, 22 to 25)."""

    INVALID_INPUT = "invalid_input"
    """What people wrote cannot be produced."""
    API_FAILURE = "api_failure"
    """A service refuses, and will again."""
    RETRIABLE = "retriable"
    """It may go well later."""
    MANUAL_REVIEW = "manual_review"
    """A person has to look."""


class MakerError(ShowrunnerError):
    """A piece that was not made.

    Attributes:
        failure: what kind of error it is.
    """

    def __init__(self, failure: Failure, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure


@dataclass(frozen=True, kw_only=True)
class Source:
    """A finished piece that another one is made from.

    Attributes:
        seconds: how long it lasts; None for a picture.
    """

    kind: PieceKind
    position: int
    path: Path
    sha256: str
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Request:
    """One piece to be made.

    Attributes:
        position: the scene's number from 1; 0 for what there is one of.
        title: of the video.
        scenes: all scenes of the video.
        style: the channel's settings.
        options: what the channel's production block says to this maker.
        sources: the pieces that it is made from, by kind and position.
        folder: an empty folder for the result and whatever is needed on the way.
    """

    step: Step
    position: int
    title: str
    scenes: tuple[Scene, ...]
    style: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    folder: Path

    @property
    def scene(self) -> Scene:
        """The scene of this piece."""
        return self.scenes[self.position - 1]

    def of_kind(self, kind: PieceKind, position: int) -> Source | None:
        """The source of that kind and position; None when there is none."""
        fit = (one for one in self.sources if (one.kind, one.position) == (kind, position))
        return next(fit, None)


@dataclass(frozen=True, kw_only=True)
class Made:
    """A piece that was made.

    Attributes:
        path: where it lies, in the request's folder.
        media_type: e.g. `image/png`.
        seconds: how long it lasts; None for a picture.
        notes: measurements and the like, shown to people.
    """

    path: Path
    media_type: str
    seconds: float | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


class LocalMaker(Protocol):
    """A maker that works on this machine and costs nothing."""

    name: str
    steps: frozenset[Step]

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError, in one sentence that names the key, when options cannot be used."""

    def inputs(self, request: Request) -> Mapping[str, Any]:
        """Everything that changes the result, for `models.production.reuse.input_hash`."""

    async def make(self, request: Request) -> Made:
        """Make the piece.

        Raises:
            MakerError: when it cannot be made.
        """
