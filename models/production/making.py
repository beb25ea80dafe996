"""What a maker is: the program that makes the pieces of a step, on this machine or by a service.

A maker is found by its name among the entry points of the group `showrunner.makers`; anybody's
distribution may add one. It knows no database and no board.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from pydantic import SecretStr

from models.errors import ShowrunnerError
from models.production.paid_orders import Answer
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


class AccountRefused(MakerError):
    """The account refuses while a job is under way: no money, no quota, a login that is revoked.

    Attributes:
        of_channel: whether only the channel's own account is concerned.
    """

    def __init__(self, reason: str, *, of_channel: bool = False) -> None:
        super().__init__(Failure.API_FAILURE, reason)
        self.of_channel = of_channel


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
        take: from 1, one more each time that a person asked to have the piece made anew, which a
            maker with a seed takes into account.
        folder: an empty folder for the result and whatever is needed on the way.
        login: with which the maker acts for the channel's account (`SignsIn`); None without one.
    """

    step: Step
    position: int
    title: str
    scenes: tuple[Scene, ...]
    style: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    take: int = 1
    folder: Path
    login: SecretStr | None = None

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


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """What became of a submission.

    Attributes:
        answer: what is known of it.
        job_id: the service's name of the job, when it was accepted.
        account: the account that pays.
        reason: one sentence for people, when it was not accepted.
        made: the result, when the answer held it; it lies in the request's folder.
        failure: why an order that was accepted, and charged, has no result that can be used. It is
            as lost as one without an answer: RETRIABLE when it may be ordered once more.
        charged: USD that were charged, when the answer says so or ends the job. None: of an
            accepted order the estimate, of a refused one nothing.
        of_channel: whether an account that refuses is the channel's own, and no other channel's.
    """

    answer: Answer
    job_id: str | None = None
    account: str | None = None
    reason: str = ""
    made: Made | None = None
    failure: Failure | None = None
    charged: Decimal | None = None
    of_channel: bool = False


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job of a service.

    Attributes:
        key: what was sent along, so that the service finds the job.
        id: the service's name of it; None while it is being looked up.
        options: what the channel's production block says to this maker.
        sources: the pieces that it was ordered with.
        login: as of a request.
    """

    key: UUID
    id: str | None
    account: str | None
    options: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    login: SecretStr | None = None


@dataclass(frozen=True, kw_only=True)
class JobState:
    """How far a job is.

    Attributes:
        ended: whether it is over.
        charged: USD that were charged, once it is over; None when the service does not say, so
            that the estimate counts.
        failure, reason: why it failed; None when it did not.
        url: where the result was published; nothing is fetched then.
        lost: whether the service knows the job no longer. It is looked up by its key before it is
            ordered anew.
    """

    ended: bool = False
    charged: Decimal | None = None
    failure: Failure | None = None
    reason: str = ""
    url: str | None = None
    lost: bool = False


@runtime_checkable
class RemoteMaker(Protocol):
    """A maker whose pieces a service makes, for money.

    Any exception of `submit` means that nobody knows whether the service took the job. An exception
    of another method means that it is asked again later.
    """

    name: str
    steps: frozenset[Step]
    can_be_looked_up: bool
    """Whether the service finds a job by the key that was sent with it."""

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError, in one sentence that names the key, when options cannot be used."""

    def inputs(self, request: Request) -> Mapping[str, Any]:
        """Everything that changes the result, for `models.production.reuse.input_hash`."""

    def price(self, request: Request) -> Decimal:
        """The most that the piece may cost, in USD."""

    async def submit(self, request: Request, key: UUID) -> Submitted:
        """Ask the service for the piece, once; the key is unique to this submission."""

    async def look_up(self, job: Job) -> str | None:
        """The id of the job that was sent with that key; None when the service has none."""

    async def poll(self, job: Job) -> JobState:
        """How far the job is."""

    async def fetch(self, job: Job, folder: Path) -> Made:
        """Download the result of a job that has ended well, into an empty folder.

        Raises:
            MakerError: API_FAILURE when the result is gone for good; else it is tried again.
        """


@runtime_checkable
class NeedsSettings(Protocol):
    """A maker that works only when some settings are there."""

    def missing(self, login: SecretStr | None) -> str | None:
        """Without a request: what is not set and what helps, in one sentence; None for nothing."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """What a service gave for an account.

    Attributes:
        secret: with which a maker acts for it until it is revoked.
        account: its name, for people.
    """

    secret: SecretStr
    account: str


@runtime_checkable
class SignsIn(Protocol):
    """A maker that acts for an account of each channel, which a person lets it do once.

    By OAuth 2.0 for installed programs: RFC 8252, with the challenge of RFC 7636. Each raises
    MakerError, with what to do, when a setting is missing or the service refuses.
    """

    def sign_in_address(self, *, redirect: str, state: str, challenge: str) -> str:
        """Where a person says yes."""

    async def sign_in(self, *, code: str, redirect: str, verifier: str) -> Login:
        """Exchange the code that came back."""

    async def sign_out(self, login: SecretStr) -> None:
        """Tell the service that a login counts no longer."""
