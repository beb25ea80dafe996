"""Makers for tests: one that writes small files, and one whose service keeps a ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from models.production.making import (
    AccountRefused,
    Failure,
    Job,
    JobState,
    Made,
    MakerError,
    Request,
    Submitted,
)
from models.production.paid_orders import Answer
from models.production.steps import Step

PRICE = Decimal("0.50")


class Died(BaseException):
    """The process is killed at this moment."""


@dataclass
class Plain:
    """A local maker: a piece's file holds what it was made from.

    Attributes:
        made: what was made, in order.
        before: called before each piece is made.
    """

    name: str = "plain"
    steps: frozenset[Step] = frozenset(Step)
    made: list[tuple[Step, int]] = field(default_factory=list)
    before: Callable[[Request], Awaitable[None]] | None = None

    def check(self, options: Mapping[str, Any]) -> None:
        pass

    def inputs(self, request: Request) -> Mapping[str, Any]:
        scene = request.scene.narration if request.position else ""
        return {"text": scene, "from": sorted(source.sha256 for source in request.sources)}

    async def make(self, request: Request) -> Made:
        if self.before is not None:
            await self.before(request)
        self.made.append((request.step, request.position))
        path = request.folder / "result.txt"
        path.write_text(f"{request.step} {request.position} {request.take} {self.inputs(request)}")
        return Made(path=path, media_type="text/plain", notes={"take": request.take})


@dataclass
class Service:
    """A paid maker and its service.

    Attributes:
        ledger: what was charged, by the key that was sent.
        answers: what is answered to the next submissions; "lost" takes the job and answers nothing,
            "never" answers nothing and takes nothing, "died" takes the job and kills the process.
        running: polls until a job is over.
        failing: how jobs end, if not well.
        during: called once, while the next submission is under way.
        at_once: whether the service answers with the result itself.
        broken: why what it answers with cannot be used.
        losing: polls for which the service knows no job.
        url: where results are published; they are fetched when it is None.
        jobs: what was asked about, in order.
        refused: raised by the next poll.
        of_channel: whether an account that refuses is the channel's own.
        fetching: raised by each download.
        refusal_costs: what a refused piece is charged all the same.
    """

    name: str = "service"
    steps: frozenset[Step] = frozenset({Step.ASSETS})
    can_be_looked_up: bool = True
    price_usd: Decimal = PRICE
    ledger: dict[UUID, Decimal] = field(default_factory=dict)
    answers: list[str | Answer] = field(default_factory=list)
    running: int = 0
    failing: Failure | None = None
    during: Callable[[], Awaitable[None]] | None = None
    at_once: bool = False
    broken: str | None = None
    losing: int = 0
    url: str | None = None
    jobs: list[Job] = field(default_factory=list)
    refused: AccountRefused | None = None
    of_channel: bool = False
    refusal_costs: Decimal | None = None
    fetching: Exception | None = None
    submits: int = 0

    def check(self, options: Mapping[str, Any]) -> None:
        pass

    def inputs(self, request: Request) -> Mapping[str, Any]:
        return {"text": request.scene.narration if request.position else request.title}

    def price(self, request: Request) -> Decimal:
        assert request.scenes
        return self.price_usd

    async def submit(self, request: Request, key: UUID) -> Submitted:
        assert request.folder.is_dir()
        self.submits += 1
        said = self.answers.pop(0) if self.answers else Answer.ACCEPTED
        during, self.during = self.during, None
        if during is not None:
            await during()
        if said in {"lost", "died", Answer.ACCEPTED}:
            assert key not in self.ledger, "one key is one submission"
            self.ledger[key] = self.price_usd
        if said == "died":
            raise Died
        if said in {"lost", "never"}:
            raise TimeoutError
        answer = Answer(said)
        if self.at_once and answer is Answer.ACCEPTED:
            return self._result(request, key)
        return Submitted(
            answer=answer,
            job_id=f"job-{key}",
            account="a",
            reason="it says why.",
            of_channel=self.of_channel,
            charged=self.refusal_costs if answer is Answer.REFUSED_PIECE else None,
        )

    def _result(self, request: Request, key: UUID) -> Submitted:
        accepted = Submitted(answer=Answer.ACCEPTED, account="a", charged=self.ledger[key])
        if self.broken is not None:
            return replace(accepted, failure=Failure.RETRIABLE, reason=self.broken)
        path = request.folder / "result.png"
        path.write_text(str(key))
        return replace(accepted, made=Made(path=path, media_type="image/png", notes={"by": "it"}))

    async def look_up(self, job: Job) -> str | None:
        return f"job-{job.key}" if job.key in self.ledger else None

    async def poll(self, job: Job) -> JobState:
        assert job.id == f"job-{job.key}"
        self.jobs.append(job)
        refused, self.refused = self.refused, None
        if refused is not None:
            raise refused
        if self.losing:
            self.losing -= 1
            return JobState(lost=True)
        if self.running:
            self.running -= 1
            return JobState()
        if self.failing is not None:
            self.ledger[job.key] = Decimal(0)
            return JobState(
                ended=True, charged=Decimal(0), failure=self.failing, reason="Scene 1 is too wild."
            )
        return JobState(ended=True, charged=self.ledger[job.key], url=self.url)

    async def fetch(self, job: Job, folder: Path) -> Made:
        if self.fetching is not None:
            raise self.fetching
        path = folder / "result.png"
        path.write_text(str(job.id))
        return Made(path=path, media_type="image/png")


def failing(failure: Failure, reason: str) -> Callable[[Request], Awaitable[None]]:
    """What makes every piece fail."""

    async def fail(_request: Request) -> None:
        raise MakerError(failure, reason)

    return fail
