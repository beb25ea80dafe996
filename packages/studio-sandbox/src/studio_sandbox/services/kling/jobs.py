"""Kling's jobs: what they are made of, and how far they are at a moment."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from studio_sandbox.config import Account, Config
from studio_sandbox.services.kling.wanted import Wanted
from studio_sandbox.store.journal import Entry, Journal
from studio_sandbox.store.ledger import Ledger

KEPT = timedelta(days=30)
"""After so long the clips are deleted."""
KIND = "kling_job"
Status = Literal["submitted", "processing", "succeed", "failed"]
Fate = Literal["succeed", "failed", "stuck"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job.

    Attributes:
        task_id: Kling's id.
        fate: How it ends; `stuck` never does.
        charge: Its row in the ledger.
        refunded: Whether that was given back, since the job failed.
    """

    task_id: str
    account: str
    external_task_id: str | None
    submitted_at: datetime
    prompt: str
    seconds: int
    image: str
    size: tuple[int, int]
    units: float
    fate: Fate
    message: str
    charge: int
    refunded: bool = False

    @classmethod
    def make(cls, wanted: Wanted, **facts: Any) -> Self:
        """A job for what was asked."""
        return cls(
            external_task_id=wanted.external_task_id,
            prompt=wanted.prompt or wanted.url,
            seconds=wanted.seconds,
            image=base64.b64encode(wanted.image or b"").decode(),
            size=wanted.size,
            units=wanted.price.units,
            **facts,
        )

    @property
    def entry(self) -> Entry:
        """As a record."""
        body = {**self.__dict__, "submitted_at": self.submitted_at.isoformat()}
        return KIND, self.task_id, body

    @classmethod
    def read(cls, body: dict[str, Any]) -> Self:
        """From a record."""
        at = datetime.fromisoformat(body["submitted_at"])
        width, height = body["size"]
        return cls(**{**body, "submitted_at": at, "size": (width, height)})


class Jobs:
    """The jobs of every account.

    Args:
        journal: Where they are kept.
        ledger: Where failed ones are refunded.
        config: How long they take.
    """

    def __init__(self, journal: Journal, ledger: Ledger, config: Config) -> None:
        self._journal = journal
        self._ledger = ledger
        self._config = config

    def status(self, job: Job, now: datetime) -> Status:
        """How far a job is."""
        age = (now - job.submitted_at).total_seconds()
        if age < self._config.kling_queue_seconds:
            return "submitted"
        if job.fate == "stuck" or age < self._config.kling_job_seconds:
            return "processing"
        return job.fate

    def changed_at(self, job: Job, now: datetime) -> datetime:
        """When its status became what it is."""
        waits = {
            "submitted": 0.0,
            "processing": self._config.kling_queue_seconds,
        }
        seconds = waits.get(self.status(job, now), self._config.kling_job_seconds)
        return job.submitted_at + timedelta(seconds=seconds)

    def is_deleted(self, job: Job, now: datetime) -> bool:
        """Whether its clip is too old to be kept."""
        return now >= job.submitted_at + KEPT

    def of(self, account: Account) -> list[Job]:
        """Those of an account, newest first."""
        return [job for job in reversed(list(self.all())) if job.account == account.name]

    def all(self) -> Iterator[Job]:
        """Every job, oldest first."""
        return (Job.read(body) for _, body in self._journal.all(KIND))

    def find(self, account: Account, name: str, now: datetime) -> Job | None:
        """A job of an account by its own id or its external one, if it is found already."""
        jobs = self.listed(account, now)
        return next((job for job in jobs if name in (job.task_id, job.external_task_id)), None)

    def is_taken(self, account: Account, external_task_id: str) -> bool:
        """Whether a job of an account has this external id."""
        return any(job.external_task_id == external_task_id for job in self.of(account))

    def listed(self, account: Account, now: datetime) -> list[Job]:
        """Those of an account that a query or list finds, newest first."""
        latest = now - timedelta(seconds=self._config.kling_found_after_seconds)
        return [job for job in self.of(account) if job.submitted_at <= latest]

    def get(self, task_id: str) -> Job | None:
        """A job of any account."""
        body = self._journal.get(KIND, task_id)
        return None if body is None else Job.read(body)

    def running(self, account: Account, now: datetime) -> int:
        """How many jobs of an account have not ended."""
        going = ("submitted", "processing")
        return sum(self.status(job, now) in going for job in self.of(account))

    def settle(self, now: datetime) -> None:
        """Give back what failed jobs cost."""
        for job in self.all():
            if job.refunded or self.status(job, now) != "failed":
                continue
            account = self._account(job)
            settled = Job(**{**job.__dict__, "refunded": True})
            at = self.changed_at(job, now)
            if account is not None:
                self._ledger.refund(account, self._ledger.get(job.charge), at, settled.entry)

    def _account(self, job: Job) -> Account | None:
        wanted = ("kling", job.account)
        found = (one for one in self._config.accounts if (one.service, one.name) == wanted)
        return next(found, None)
