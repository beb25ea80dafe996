"""Decisions about a task's production: the board, HTTP and the commands all make them here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.errors import ShowrunnerError
from models.production.gates import (
    RETRIED,
    Decision,
    Gate,
    Outdated,
    expect,
    gate_at,
    moves_at,
)
from models.production.steps import Step
from models.rules.statuses import FINISHED, PLANNING, STATE_OF, BoardStatus
from models.tables.card import Card
from models.tables.production.leases import LeaseRow
from models.tables.production.pieces import Piece
from models.tables.production.reviews import Review
from models.tables.production.steps import SceneRow, StepRow
from models.tables.reference_data import ChannelRow
from models.tables.task import Task


class UnknownTask(ShowrunnerError):
    """There is no such task."""


class UnknownPiece(ShowrunnerError):
    """A decision names a scene that the video does not have."""


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What a decision changed.

    Attributes:
        gate: the step that was decided about; None for a stop or a retry elsewhere.
        stops: who works on the task and was asked to stop; None for nobody.
    """

    task_id: UUID
    decision: Decision
    gate: Step | None
    round: int
    before: BoardStatus
    after: BoardStatus
    stops: str | None = None


async def decide(
    session: AsyncSession,
    task_id: UUID,
    *,
    decision: Decision,
    gate: Step | None,
    round: int | None,  # noqa: A002 - the word of the contract
    actor: str,
    through: str,
    pieces: Collection[int] = (),
    note: str = "",
) -> Decided:
    """Decide about a task, and move it. The caller commits.

    The task is locked, so of two decisions at once the second one is outdated.

    Args:
        gate: the step that was looked at. None for one who did not say: the gate at which the task
            waits. A stop and a retry need none.
        round: the round that was looked at; None for one who did not say.
        actor: who decides, as in `task_history`.
        through: `board`, `http` or `command`.
        pieces: the scenes that a rejection is about; empty for all.
        note: what the person said about it.

    Raises:
        UnknownTask: there is no such task.
        Outdated: the task waits at another gate or round, or where that cannot be decided, or its
            card is in the trash.
        UnknownPiece: the video has no such scene.
    """
    task = await session.get(Task, task_id, with_for_update=True, populate_existing=True)
    if task is None:
        raise UnknownTask(f"There is no task {task_id}; it may have been deleted.")
    before = BoardStatus(task.board_status)
    waits_at = (await standing_gates(session, [task])).get(task.id)
    if gate is not None:
        if round is None:
            round = waits_at.round if waits_at else 1  # noqa: A001
        expect(waits_at, gate, round)
    after = _target(before, waits_at, decision)
    await _check_card(session, task_id, decision)
    if pieces:
        _check_pieces(pieces, (await scene_counts(session, [task.id])).get(task.id))
    session.add(
        review_of(
            task,
            decision,
            waits_at,
            at=(await session.execute(text("SELECT showrunner_now()"))).scalar_one(),
            actor=actor,
            through=through,
            pieces=pieces,
            note=note,
        )
    )
    await session.execute(text("SELECT set_config('showrunner.actor', :a, true)"), {"a": actor})
    await session.flush()
    task.board_status, task.status = after.value, STATE_OF[after].value
    await session.flush()
    await session.refresh(task)
    stops = None
    if decision is Decision.STOP:
        held = select(LeaseRow.worker).where(col(LeaseRow.task_id) == task.id)
        stops = (await session.scalars(held)).first()
    return Decided(
        task_id=task.id,
        decision=decision,
        gate=waits_at.step if waits_at else None,
        round=waits_at.round if waits_at else 1,
        before=before,
        after=after,
        stops=stops,
    )


def review_of(
    task: Task,
    decision: Decision,
    gate: Gate | None,
    *,
    at: datetime,
    actor: str,
    through: str,
    pieces: Collection[int] = (),
    note: str = "",
) -> Review:
    """The row about a decision. It is inserted before the task is moved.

    Its moment is never before the task's last move, since the trigger that follows production looks
    for it after that (migration 0020).
    """
    return Review(
        at=max(at, task.status_changed_at),
        task_id=task.id,
        task_title=task.title,
        gate=gate.step.value if gate else None,
        round=gate.round if gate else 1,
        decision=decision.value,
        actor=actor,
        through=through,
        pieces=sorted(set(pieces)),
        note=note,
    )


async def gates_of_channels(session: AsyncSession) -> Mapping[str, frozenset[Step]]:
    """The gates of every channel, by its id."""
    rows = await session.execute(select(ChannelRow.id, ChannelRow.gates))
    return {id_: frozenset(Step(gate) for gate in gates) for id_, gates in rows}


async def standing_gates(
    session: AsyncSession,
    tasks: Iterable[Task],
    gates: Mapping[str, frozenset[Step]] | None = None,
) -> Mapping[UUID, Gate]:
    """The gates at which tasks wait, by task; those that wait at none are left out.

    Args:
        gates: those of every channel, if they are known.
    """
    known = await gates_of_channels(session) if gates is None else gates
    waiting = {
        task.id: gate
        for task in tasks
        if (gate := gate_at(BoardStatus(task.board_status), 1, known.get(task.channel_id, ())))
    }
    if not waiting:
        return {}
    steps = select(StepRow.task_id, StepRow.step, StepRow.round)
    rows = await session.execute(steps.where(col(StepRow.task_id).in_(waiting)))
    rounds = {(task_id, step): number for task_id, step, number in rows}
    return {
        task_id: Gate(step=gate.step, round=rounds.get((task_id, gate.step.value), 1))
        for task_id, gate in waiting.items()
    }


async def scene_counts(session: AsyncSession, tasks: Sequence[UUID]) -> Mapping[UUID, int]:
    """How many scenes the tasks' videos have, as far as anything was made of them."""
    found: dict[UUID, int] = {}
    for table in (SceneRow, Piece):
        last = select(table.task_id, func.max(table.position)).where(col(table.task_id).in_(tasks))
        for task_id, number in await session.execute(last.group_by(col(table.task_id))):
            found[task_id] = max(found.get(task_id, 0), number)
    return {task_id: number for task_id, number in found.items() if number}


def _target(before: BoardStatus, gate: Gate | None, decision: Decision) -> BoardStatus:
    """Where the decision leads.

    Raises:
        Outdated: when it cannot be made where the task stands.
    """
    if decision is Decision.STOP:
        if before in FINISHED or before in PLANNING:
            raise Outdated(f"The task stands in “{before}”; there is nothing to stop.")
        return BoardStatus.ARCHIVED
    if decision is Decision.RETRY:
        if before not in RETRIED:
            raise Outdated(f"The task stands in “{before}”; only an error can be retried.")
        return BoardStatus.QUEUED
    if gate is None:
        raise Outdated(f"The task stands in “{before}” and waits at no gate.")
    return next(column for column, meant in moves_at(gate).items() if meant is decision)


async def _check_card(session: AsyncSession, task_id: UUID, decision: Decision) -> None:
    """Lock the task's card, and refuse to go on with one in the trash: no worker would take it."""
    card = select(Card.trashed_at).where(Card.task_id == task_id).with_for_update()
    trashed_at = (await session.execute(card)).scalars().first()
    if trashed_at is not None and decision is not Decision.STOP:
        raise Outdated("The task's card is in the trash: restore it on the board first.")


def _check_pieces(pieces: Collection[int], scenes: int | None) -> None:
    wrong = [number for number in pieces if number < 1 or (scenes and number > scenes)]
    if wrong:
        there = f"the scenes are 1 to {scenes}" if scenes else "scenes are counted from 1"
        raise UnknownPiece(f"There is no scene {wrong[0]}; {there}.")
