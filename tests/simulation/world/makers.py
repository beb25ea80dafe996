"""The world's makers: one on this machine, and paid services with ledgers of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from models.production.making import (
    Failure,
    Job,
    JobState,
    Made,
    MakerError,
    Request,
    Submitted,
)
from models.production.paid_orders import Answer
from models.production.reuse import input_hash
from models.production.steps import Step

if TYPE_CHECKING:
    from simulation.world.turns import Process
    from simulation.world.world import World

ACTING: ContextVar[Process] = ContextVar("ACTING")
"""The process whose job is under way: makers are made once for all of them."""
PRICES: Final = {Step.ASSETS: Decimal("0.04"), Step.VIDEOS: Decimal("0.50")}
KEPT_FOR: Final = timedelta(hours=30)
"""How long a service keeps a result."""
LISTED_AFTER: Final = (0, 0, 5, 30)
"""Seconds until a service lists a job that it took."""
NOT_TAKEN: Final = {
    "full": Answer.NOT_NOW,
    "no way": Answer.NOT_SENT,
    "policy": Answer.REFUSED_PIECE,
    "no money": Answer.REFUSED_ACCOUNT,
}
FATES: Final = {
    "": 60,
    "lost answer": 9,
    "never arrives": 6,
    "full": 6,
    "no way": 3,
    "policy": 1,
    "no money": 2,
}
"""What may befall a submission, and how often."""


def content_of(maker: str, request: Request, inputs: Mapping[str, Any]) -> str:
    """What a file says: all that the piece is made from."""
    said = {"maker": maker, "take": request.take, "inputs": inputs}
    return json.dumps({"step": request.step, "position": request.position, "from": said})


def hash_in(content: str) -> str:
    """The input hash of a piece, from its file."""
    return input_hash(json.loads(content)["from"])


def _inputs(request: Request) -> Mapping[str, Any]:
    text = [request.scene.narration, request.scene.image] if request.position else []
    return {"text": text, "from": [source.sha256 for source in request.sources]}


@dataclass
class Workshop:
    """Makes pieces on this machine: a file that says what it was made from."""

    world: World
    name: str = "workshop"
    steps: frozenset[Step] = frozenset(Step)

    def check(self, options: Mapping[str, Any]) -> None:
        pass

    def inputs(self, request: Request) -> Mapping[str, Any]:
        return _inputs(request)

    async def make(self, request: Request) -> Made:
        world, process = self.world, ACTING.get()
        content = content_of(self.name, request, _inputs(request))
        async with world.turns.turn(process, f"makes {request.step} {request.position}"):
            await world.production.is_needed(request, hash_in(content))
            fate = world.rng.random() if world.production.troubled else 1.0
        if fate < 0.01:
            raise MakerError(Failure.RETRIABLE, "The ink ran out.")
        if fate < 0.015:
            raise ZeroDivisionError
        path = request.folder / "result.txt"
        path.write_text(content)
        return Made(path=path, media_type="text/plain")


@dataclass(kw_only=True)
class Submission:
    """A request that reached a service.

    Attributes:
        piece: the row of `pieces` whose intent was committed before.
        order: what was ordered: task, step, position and input hash.
        taken: whether the service made a job of it, which it charges for.
        since: the last row of the history then.
        is_sure: whether the sender heard the answer, and stored it.
        in_vain: look-ups that did not find it.
        is_reported: whether its end and price were told.
    """

    key: UUID
    piece: UUID | None
    order: tuple[UUID | None, str, int, str]
    content: str
    price: Decimal
    since: int
    taken: bool = False
    listed_at: datetime | None = None
    ends_at: datetime | None = None
    usd: Decimal = Decimal(0)
    failure: Failure | None = None
    is_sure: bool = False
    in_vain: int = 0
    is_reported: bool = False
    is_fetched: bool = False

    @property
    def id(self) -> str:
        return f"job-{self.key}"

    def is_over(self, now: datetime) -> bool:
        """Whether its job has ended, well or not."""
        return self.ends_at is not None and self.ends_at <= now


@dataclass
class Service:
    """A paid maker, and what its service wrote down.

    Attributes:
        book: every request that arrived, by the key that was sent.
        next_fates: what befalls the next submissions, in a staged history.
    """

    world: World
    name: str
    steps: frozenset[Step]
    can_be_looked_up: bool
    book: dict[UUID, Submission] = field(default_factory=dict)
    next_fates: list[str] = field(default_factory=list)

    def check(self, options: Mapping[str, Any]) -> None:
        pass

    def inputs(self, request: Request) -> Mapping[str, Any]:
        return _inputs(request)

    def price(self, request: Request) -> Decimal:
        return PRICES[request.step]

    async def submit(self, request: Request, key: UUID) -> Submitted:
        turns, process = self.world.turns, ACTING.get()
        async with turns.turn(process, f"submits {request.step} {request.position}"):
            fate = self._fate()
            self.world.happened[f"submissions: {fate or 'taken'}"] += 1
            if key in self.book:
                self.world.failures.append(f"{self.name} was sent the key {key} twice")
            content = content_of(self.name, request, _inputs(request))
            sent = await self.world.production.is_intended(self, request, key, content)
            self.book[key] = sent
            if fate not in NOT_TAKEN and fate != "never arrives":
                self._take(sent)
        async with turns.turn(process, f"hears of {request.step} {request.position}"):
            if fate in {"lost answer", "never arrives"}:
                raise TimeoutError
            self.world.production.heard(process, sent)
        answer = NOT_TAKEN.get(fate, Answer.ACCEPTED)
        return Submitted(answer=answer, job_id=sent.id, account="a", reason=f"It is {fate}.")

    def _fate(self) -> str:
        if not self.world.production.troubled:
            return ""
        if self.next_fates:
            return self.next_fates.pop(0)
        return self.world.rng.choices(list(FATES), list(FATES.values()))[0]

    def _take(self, sent: Submission) -> None:
        rng, now = self.world.rng, self.world.clock.now
        fails = self.world.production.troubled and rng.random() < 0.06
        sent.taken = True
        sent.listed_at = now + timedelta(seconds=rng.choice(LISTED_AFTER))
        sent.ends_at = now + timedelta(seconds=rng.choice([1, 20, 90, 600]))
        sent.usd = Decimal(0) if fails else rng.choice([sent.price, sent.price, sent.price / 2])
        if fails:
            sent.failure = rng.choice([Failure.RETRIABLE, Failure.INVALID_INPUT])

    async def look_up(self, job: Job) -> str | None:
        async with self.world.turns.turn(ACTING.get(), f"looks up at {self.name}"):
            self._may_not_answer()
            known = self.book.get(job.key)
            listed = known.listed_at if known else None
            is_found = listed is not None and listed <= self.world.clock.now
            self.world.happened["look-ups that found" if is_found else "look-ups in vain"] += 1
            if known is not None:
                known.in_vain += not is_found
        return known.id if known is not None and is_found else None

    async def poll(self, job: Job) -> JobState:
        async with self.world.turns.turn(ACTING.get(), f"polls {self.name}"):
            self._may_not_answer()
            sent, now = self._of(job), self.world.clock.now
            if sent is None or sent.ends_at is None or now < sent.ends_at:
                return JobState()
            if not (sent.failure or sent.is_fetched) and now > sent.ends_at + KEPT_FOR:
                self.world.happened["results that expired"] += 1
                sent.failure = Failure.RETRIABLE
            sent.is_reported = True
        reason = "It could not be drawn." if sent.failure else ""
        return JobState(ended=True, charged=sent.usd, failure=sent.failure, reason=reason)

    async def fetch(self, job: Job, folder: Path) -> Made:
        async with self.world.turns.turn(ACTING.get(), f"fetches from {self.name}"):
            self._may_not_answer()
            sent = self._of(job)
            assert sent is not None
            sent.is_fetched = True
        path = folder / "result.txt"
        path.write_text(sent.content)
        return Made(path=path, media_type="text/plain")

    def _of(self, job: Job) -> Submission | None:
        """The job that is asked about, by its id alone."""
        found = next((one for one in self.book.values() if one.id == job.id and one.taken), None)
        if found is None:
            self.world.failures.append(f"{self.name} was asked about {job.id!r}, which is no job")
        return found

    def _may_not_answer(self) -> None:
        if self.world.production.troubled and self.world.rng.random() < 0.06:
            raise TimeoutError
