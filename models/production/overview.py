"""Tasks with their production, as lists and details show them: worker, gate, cost, pieces."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, any_, exists, func, literal, not_, or_, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.production.gates import Gate, gate_at
from models.production.reviews import standing_gates
from models.production.steps import Step
from models.rules.statuses import BoardStatus, Status
from models.tables.production.leases import LeaseRow
from models.tables.production.pieces import Piece
from models.tables.production.reviews import Review
from models.tables.production.spends import Spend
from models.tables.production.steps import StepRow
from models.tables.reference_data import ChannelRow
from models.tables.task import Task


class Stage(StrEnum):
    """What a task waits for."""

    WAITING = "waiting"
    """For a worker."""
    WORKING = "working"
    """A worker has it, or it stands where work happens."""
    GATE = "gate"
    """For a person who approves or rejects."""
    ERRORS = "errors"
    """For its next attempt, or for a person who puts it right."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which tasks a list shows; None for all.

    Attributes:
        gate: the step whose result waits for a person.
        after: only tasks made before this moment and id, where the last page ended.
    """

    status: Status | None = None
    channel: str | None = None
    stage: Stage | None = None
    gate: Step | None = None
    after: tuple[datetime, UUID] | None = None


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A task and its production.

    Attributes:
        gate: at which it waits; None for none.
        lease: None when it was never taken nor approved.
        cost: USD that was spent or may have been.
    """

    task: Task
    gate: Gate | None = None
    lease: LeaseRow | None = None
    cost: Decimal = Decimal(0)

    @property
    def worker(self) -> str | None:
        """Who holds it; None for nobody."""
        return None if self.lease is None else self.lease.worker


@dataclass(frozen=True, kw_only=True)
class Details:
    """Everything that was made and decided, the oldest first."""

    steps: Sequence[StepRow] = field(default_factory=tuple)
    pieces: Sequence[Piece] = field(default_factory=tuple)
    reviews: Sequence[Review] = field(default_factory=tuple)


async def list_tasks(
    session: AsyncSession, wanted: Filter, *, limit: int, by_change: bool = False
) -> list[Overview]:
    """The tasks that a filter wants, the newest first.

    Args:
        by_change: the last changed first. Such a list has no pages, because their order changes.
    """
    query = select(Task).outerjoin(LeaseRow, col(LeaseRow.task_id) == col(Task.id))
    moment = col(Task.updated_at) if by_change else col(Task.created_at)
    query = query.where(*_conditions(wanted)).order_by(moment.desc(), col(Task.id).desc())
    return await overviews(session, list(await session.scalars(query.limit(limit))))


async def overviews(session: AsyncSession, tasks: Collection[Task]) -> list[Overview]:
    """Those tasks with their production, in a few queries however many they are."""
    ids = [task.id for task in tasks]
    leases = await session.scalars(select(LeaseRow).where(col(LeaseRow.task_id).in_(ids)))
    lease_of = {lease.task_id: lease for lease in leases}
    spent = select(Spend.task_id, func.sum(col(Spend.counted))).where(col(Spend.task_id).in_(ids))
    costs: dict[UUID, Decimal] = _pairs(await session.execute(spent.group_by(col(Spend.task_id))))
    gates = await standing_gates(session, tasks)
    return [
        Overview(
            task=task,
            gate=gates.get(task.id),
            lease=lease_of.get(task.id),
            cost=costs.get(task.id, Decimal(0)),
        )
        for task in tasks
    ]


async def details(session: AsyncSession, task_id: UUID) -> Details:
    """What was made for a task and decided about it."""
    steps = list(await session.scalars(select(StepRow).where(StepRow.task_id == task_id)))
    order = list(Step)
    places = (col(Piece.round), col(Piece.kind), col(Piece.position))
    pieces = select(Piece).where(Piece.task_id == task_id).order_by(*places)
    reviews = select(Review).where(Review.task_id == task_id).order_by(col(Review.id))
    return Details(
        steps=sorted(steps, key=lambda row: order.index(Step(row.step))),
        pieces=list(await session.scalars(pieces)),
        reviews=list(await session.scalars(reviews)),
    )


def _pairs(rows: Any) -> dict[Any, Any]:
    return {row[0]: row[1] for row in rows}


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    """The filter as SQL. The query joins `leases`."""
    found: list[ColumnElement[bool]] = []
    if wanted.status is not None:
        found.append(col(Task.status) == wanted.status.value)
    if wanted.channel is not None:
        found.append(col(Task.channel_id) == wanted.channel)
    if wanted.stage is not None:
        found.append(_STAGES[wanted.stage])
    if wanted.gate is not None:
        found.append(_waits_at(wanted.gate))
    if wanted.after is not None:
        moment, task_id = map(literal, wanted.after)
        found.append(tuple_(col(Task.created_at), col(Task.id)) < tuple_(moment, task_id))
    return found


def _waits_at(step: Step) -> ColumnElement[bool]:
    """Whether a task waits at that gate, as `gate_at` says."""
    columns = [column.value for column in BoardStatus if gate_at(column, 1, {step}) is not None]
    return and_(col(Task.board_status).in_(columns), exists(_channel_has(step)))


def _channel_has(step: Step) -> Select[Any]:
    return select(ChannelRow.id).where(
        col(ChannelRow.id) == col(Task.channel_id), step.value == any_(col(ChannelRow.gates))
    )


_HELD = col(LeaseRow.worker).is_not(None)
_OFFERED = and_(
    not_(_HELD),
    or_(
        col(Task.status).in_([Status.PENDING.value, Status.APPROVED.value]),
        col(LeaseRow.approved_at).is_not(None),
    ),
)
_AT_GATE = or_(*(_waits_at(step) for step in Step))
_STAGES: dict[Stage, ColumnElement[bool]] = {
    Stage.WAITING: _OFFERED,
    Stage.WORKING: or_(
        _HELD,
        and_(
            col(Task.status) == Status.PROCESSING.value,
            col(LeaseRow.approved_at).is_(None),
            not_(_AT_GATE),
        ),
    ),
    Stage.GATE: _AT_GATE,
    Stage.ERRORS: col(Task.status).in_([Status.RETRY.value, Status.FAILED.value]),
}
"""Each task's row has the lease's columns beside it, all NULL when there is no lease."""
