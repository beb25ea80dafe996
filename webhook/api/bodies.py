"""What requests of the worker API contain. Unknown keys are refused, and nothing is guessed."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    model_validator,
)

from models.production.leases import LEASE, LONGEST, SHORTEST
from models.production.making import Failure
from models.production.steps import PieceKind, Step
from models.rules.statuses import BoardStatus

CHANNELS_MAX: Final = 100
NOTE_MAX: Final = 2000
"""Characters."""
POSITION_MAX: Final = 9999
PIECES_MAX: Final = 100


def storable(value: str) -> str:
    """A text that PostgreSQL can store: without NUL and half surrogate pairs."""
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError("it contains a character that cannot be stored")
    return value


Storable: Final = AfterValidator(storable)
Words = Annotated[str, Field(max_length=1000), Storable]
Title = Annotated[str, Field(max_length=255), Storable]
Address = Annotated[str, Field(max_length=2000), Storable]
Name = Annotated[str, Field(max_length=100), Storable]

WorkerName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=59,
        pattern=r"^\S(.*\S)?$",
        description="A name of your own, different for each process. Others see it after the name "
        "of the token, as in `render/node-1`.",
        examples=["node-1"],
    ),
    Storable,
]
LeaseSeconds = Annotated[
    int,
    Field(
        strict=True,
        ge=SHORTEST.total_seconds(),
        le=LONGEST.total_seconds(),
        description="How long you may be silent: 5 seconds to 6 hours.",
        examples=[600],
    ),
]
Note = Annotated[
    str,
    Field(max_length=NOTE_MAX, description="What you say about it.", examples=["hands"]),
    Storable,
]
Round = Annotated[StrictInt, Field(ge=1, le=1_000_000, description="As the task shows it.")]


class Body(BaseModel):
    """The base of all requests."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ByWorker(Body):
    """A request about a task that the worker holds."""

    worker: WorkerName


class Claim(ByWorker):
    """Take the next task."""

    lease_seconds: LeaseSeconds = int(LEASE.total_seconds())
    channels: Annotated[list[Name], Field(max_length=CHANNELS_MAX)] | None = Field(
        default=None,
        description="Only tasks of these channels; left out: of all that workers serve.",
        examples=[["deep_sea_stories"]],
    )

    @property
    def lease(self) -> timedelta:
        """How long the worker may be silent."""
        return timedelta(seconds=self.lease_seconds)


class Heartbeat(ByWorker):
    """Prolong the lease."""

    lease_seconds: LeaseSeconds = int(LEASE.total_seconds())

    @property
    def lease(self) -> timedelta:
        """How long the worker may be silent."""
        return timedelta(seconds=self.lease_seconds)


class Report(ByWorker):
    """Move the task to a column of a step."""

    board_status: BoardStatus = Field(
        description="Processing, or a working or done column of a step.",
        examples=[BoardStatus.ASSETS_GENERATING],
    )
    detail: Words | None = Field(
        default=None, description="What you are doing, for people.", examples=["3 of 18"]
    )


class Fail(ByWorker):
    """Give up for now, or for good."""

    kind: Failure = Field(description="`retriable` comes back by itself, the others do not.")
    reason: Words = Field(
        min_length=1,
        description="What failed and what to do: people read it on the card.",
        examples=["The service is too busy. It is tried again by itself."],
    )
    retry_at: AwareDatetime | None = Field(
        default=None,
        description="When to try again; only for `retriable`, and at most 31 days away.",
        examples=["2026-11-24T10:00:00Z"],
    )


class Attach(ByWorker):
    """Record a piece that was made, and what it cost."""

    kind: PieceKind
    position: Annotated[StrictInt, Field(ge=0, le=POSITION_MAX)] = Field(
        description="The number of the scene from 1, or 0 for the whole video.", examples=[1]
    )
    title: Title = Field(default="", description="For people.", examples=["The eye"])
    url: Address | None = Field(
        default=None,
        description="Where it is on the web; this or `path` is needed.",
        examples=["https://files.example/1.png"],
    )
    path: Address | None = Field(default=None, description="Where it is among your files.")
    sha256: Name | None = Field(default=None, description="Of its content, hexadecimal.")
    cost_usd: Annotated[float, Field(strict=True, ge=0, le=10_000, allow_inf_nan=False)] | None = (
        Field(default=None, description="What it cost, in USD.", examples=[0.04])
    )
    maker: Name | None = Field(default=None, description="The program or service.")
    job_id: Words | None = Field(
        default=None,
        description="The service's name of the job. A cost is booked once per piece and job.",
        examples=["job-17"],
    )


class Finish(ByWorker):
    """The film is ready, or its upload complete."""


class AtGate(Body):
    """A decision about the result of a step."""

    gate: Step = Field(description="The step at which the task waits, as the task shows it.")
    round: Round
    note: Note = ""


class Approve(AtGate):
    """Let the task go on."""


class Reject(AtGate):
    """Have the step done anew."""

    pieces: list[Annotated[StrictInt, Field(ge=1, le=POSITION_MAX)]] = Field(
        max_length=PIECES_MAX,
        default_factory=list,
        description="The scenes that are wrong; left out: all of them.",
        examples=[[2, 5]],
    )


class Anywhere(Body):
    """A decision that needs no gate. A gate that is named must be where the task waits."""

    gate: Step | None = Field(default=None, description="Only if you decide about a gate.")
    round: Round | None = None
    note: Note = ""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.gate is None) is not (self.round is None):
            raise ValueError("gate and round belong together: send both or none")
        return self


class Stop(Anywhere):
    """Stop the task for good: it is moved to Archived."""


class Retry(Anywhere):
    """Offer a task again that failed or was rejected."""
