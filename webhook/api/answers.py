"""What the worker API answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from models.production.gates import Decision
from models.production.leases import Heartbeat
from models.production.overview import Details, Overview
from models.production.steps import PieceKind, Step
from models.rules.statuses import BoardStatus, Priority, Status


class Answer(BaseModel):
    """The base of all answers; made from rows by their attributes."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class ClaimedTask(Answer):
    """A task that is yours now."""

    task_id: UUID
    title: str
    channel_id: str
    topic: str
    story_direction: str | None
    priority: Priority
    board_status: BoardStatus = Field(
        description="Processing for a new one; else what was approved to come next."
    )
    attempt: int = Field(description="From 1.")
    lease_until: datetime


class Claimed(Answer):
    """The task that was taken."""

    task: ClaimedTask | None = Field(description="null: nothing waits. Ask again in a while.")


class HeartbeatAnswer(Answer):
    """Whether to go on."""

    answer: Heartbeat = Field(
        description="`stop`: a person stopped it; report once, and leave it. `lost`: it is "
        "another's now."
    )


class ReportAnswer(Answer):
    """What to do next."""

    answer: str = Field(
        description="`continue`; `waiting`: at a gate, the lease is released; `done`; `stop`: a "
        "person stopped it, the lease is released.",
        examples=["continue"],
    )


class FailAnswer(Answer):
    """Where the task went."""

    board_status: BoardStatus = Field(
        description="An error's column; Archived when it was stopped.",
        examples=[BoardStatus.ERROR_RETRIABLE],
    )


class AttachAnswer(Answer):
    """What became of the piece."""

    answer: str = Field(
        description="`inserted`, `unchanged`, `replaced`; `lost`: the lease is another's, only the "
        "cost was booked.",
        examples=["inserted"],
    )


class DecisionAnswer(Answer):
    """What a decision changed."""

    task_id: UUID
    decision: Decision
    before: BoardStatus
    board_status: BoardStatus
    gate: Step | None
    round: int | None
    stopping: bool = Field(
        description="A worker still has the task, and stops at its next heartbeat or report."
    )


class LeaseAnswer(Answer):
    """Who works on a task, and what became of earlier attempts."""

    worker: str | None = Field(description="null: nobody.")
    taken_at: datetime | None
    until: datetime | None
    heartbeat_at: datetime | None
    detail: str | None = Field(description="What the worker said that it is doing.")
    attempts: int = Field(description="Attempts in a row that failed.")
    deaths: int = Field(description="Leases in a row that expired.")
    next_attempt_at: datetime | None
    stop_requested_at: datetime | None
    approved_at: datetime | None = Field(description="Since when it waits for a worker again.")
    failed_as: str | None
    failure: str | None = Field(description="What failed and what to do.")


class TaskAnswer(Answer):
    """A task as lists show it."""

    task_id: UUID
    title: str
    channel_id: str
    status: Status
    board_status: BoardStatus
    priority: Priority
    gate: Step | None = Field(description="The step whose result waits for a person.")
    round: int | None = Field(description="The round of that step.")
    worker: str | None = Field(description="Who has it; null: nobody.")
    cost_usd: float = Field(description="What was spent or may have been.")
    created_at: datetime
    status_changed_at: datetime

    @classmethod
    def of(cls, overview: Overview, **more: Any) -> Self:
        """The answer about a task."""
        task, gate = overview.task, overview.gate
        return cls(
            task_id=task.id,
            title=task.title,
            channel_id=task.channel_id,
            status=Status(task.status),
            board_status=BoardStatus(task.board_status),
            priority=Priority(task.priority),
            gate=None if gate is None else gate.step,
            round=None if gate is None else gate.round,
            worker=overview.worker,
            cost_usd=float(overview.cost),
            created_at=task.created_at,
            status_changed_at=task.status_changed_at,
            **more,
        )


class Tasks(Answer):
    """A page of tasks, the newest first."""

    tasks: list[TaskAnswer]
    next_cursor: str | None = Field(
        description="Send it as `cursor`; null: this was the last page."
    )


class StepAnswer(Answer):
    """How far a task is with a step."""

    step: Step
    round: int
    state: str = Field(examples=["working"])
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None


class PieceAnswer(Answer):
    """Something that was made."""

    kind: PieceKind
    position: int
    round: int
    state: str = Field(examples=["done"])
    title: str
    url: str | None
    path: str | None
    sha256: str | None
    media_type: str | None
    seconds: float | None
    maker: str | None
    job_id: str | None


class ReviewAnswer(Answer):
    """What a person decided."""

    at: datetime
    gate: Step | None
    round: int
    decision: Decision
    actor: str
    through: str
    pieces: list[int]
    note: str


class TaskDetails(TaskAnswer):
    """A task with all that was made and decided, the oldest first."""

    topic: str
    story_direction: str | None
    lease: LeaseAnswer | None = Field(description="null: it was never taken.")
    steps: list[StepAnswer]
    pieces: list[PieceAnswer]
    reviews: list[ReviewAnswer]

    @classmethod
    def with_details(cls, overview: Overview, details: Details) -> Self:
        """The answer about a task and its production."""
        lease = overview.lease
        return cls.of(
            overview,
            topic=overview.task.topic,
            story_direction=overview.task.story_direction,
            lease=None if lease is None else LeaseAnswer.model_validate(lease),
            steps=[StepAnswer.model_validate(row) for row in details.steps],
            pieces=[PieceAnswer.model_validate(row) for row in details.pieces],
            reviews=[ReviewAnswer.model_validate(row) for row in details.reviews],
        )
