"""Decide about a task: approve, reject, stop or retry it. The one way for board, HTTP and commands.

A decision is a row of `reviews` and a move of the task, in one transaction. Triggers of `tasks` do
the rest: they offer an approved task to workers, ask its worker to stop, and reset attempts.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.errors import GiveUp
from models.production.gates import Decision, Gate, Outdated, Undecidable, destination, gate_at
from models.production.steps import Step, step_of
from models.rules.statuses import BoardStatus
from models.sync.card_changes import move_task
from models.tables.card import Card
from models.tables.production.leases import LeaseRow
from models.tables.production.pieces import Piece
from models.tables.production.reviews import Review
from models.tables.production.steps import SceneRow, StepRow
from models.tables.reference_data import ChannelRow
from models.tables.task import Task
from models.tables.task_history import act_as

NOTE_MAX: Final = 2000
"""Characters of a note."""


class NoSuchTask(GiveUp):
    """There is no task of that id."""


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What a decision changed.

    Attributes:
        gate: the gate that it was about; None for a stop or retry elsewhere.
        is_stopping: a worker still holds the task, and stops at its next heartbeat or report.
    """

    task_id: UUID
    title: str
    before: BoardStatus
    after: BoardStatus
    gate: Gate | None
    is_stopping: bool = False


async def decide(
    session: AsyncSession,
    task_id: UUID,
    *,
    decision: Decision,
    expected: Gate | None,
    actor: str,
    through: str,
    now: datetime,
    pieces: Collection[int] = (),
    note: str = "",
    correlation_id: str | None = None,
) -> Decided:
    """Record a decision and move the task. The caller commits.

    Args:
        expected: the gate and round that the person saw; a stop or a retry may leave it out.
        actor: who decides, as in `task_history`.
        through: `board`, `http` or `command`.
        pieces: the scenes that a rejection is about; none for all of them.

    Raises:
        NoSuchTask: when it was deleted.
        Outdated: when the task has moved on, for instance by somebody else's decision.
        Undecidable: when the decision itself cannot be meant.
    """
    task = await _locked(session, task_id)
    column = BoardStatus(task.board_status)
    gate = await gate_of(session, task)
    target = destination(decision, column, gate, expected)
    is_trashed, is_held = await _locked_dependents(session, task_id)
    if is_trashed and decision is not Decision.STOP:
        raise Outdated("The task's card is in the trash: restore it on the board first.")
    await _check_pieces(session, task_id, decision, pieces)
    if len(note) > NOTE_MAX:
        raise Undecidable(f"A note has at most {NOTE_MAX:,} characters.")
    # The trigger takes a review for this move's only if it is not older than the last move.
    at = max(now, task.status_changed_at + timedelta(microseconds=1))
    await act_as(session, actor, now=at, correlation_id=correlation_id)
    review = Review(
        at=at,
        task_id=task.id,
        task_title=task.title,
        gate=None if gate is None else gate.step,
        round=1 if gate is None else gate.round,
        decision=decision,
        actor=actor,
        through=through,
        pieces=sorted(set(pieces)),
        note=note,
    )
    session.add(review)
    await session.flush()
    move_task(task, target, at)
    await session.flush()
    return Decided(
        task_id=task.id,
        title=task.title,
        before=column,
        after=target,
        gate=gate,
        is_stopping=decision is Decision.STOP and is_held,
    )


async def gate_of(session: AsyncSession, task: Task) -> Gate | None:
    """The gate at which a task waits, by the gates of its channel; None when it waits at none."""
    step = step_of(BoardStatus(task.board_status))
    gates = await session.scalar(select(ChannelRow.gates).where(ChannelRow.id == task.channel_id))
    if step is None or not gates:
        return None
    begun = select(StepRow.round).where(StepRow.task_id == task.id, StepRow.step == step)
    round_ = await session.scalar(begun)
    return gate_at(BoardStatus(task.board_status), round_ or 1, {Step(name) for name in gates})


async def _locked(session: AsyncSession, task_id: UUID) -> Task:
    task = await session.get(Task, task_id, with_for_update=True, populate_existing=True)
    if task is None:
        raise NoSuchTask(f"There is no task {task_id}: it was deleted, or never was.")
    return task


async def _locked_dependents(session: AsyncSession, task_id: UUID) -> tuple[bool, bool]:
    """Lock the task's card and lease: whether the card is in the trash, and the lease is held."""
    card = select(Card.trashed_at).where(Card.task_id == task_id).with_for_update()
    trashed_at = (await session.execute(card)).scalars().first()
    lease = select(LeaseRow.worker).where(LeaseRow.task_id == task_id).with_for_update()
    worker = (await session.execute(lease)).scalars().first()
    return trashed_at is not None, worker is not None


async def _check_pieces(
    session: AsyncSession, task_id: UUID, decision: Decision, pieces: Collection[int]
) -> None:
    if not pieces:
        return
    if decision is not Decision.REJECT:
        raise Undecidable(f"Only a rejection names pieces; this is one to {decision}.")
    scenes = await _scenes_of(session, task_id)
    if not scenes:
        raise Undecidable("No scene of this task is known: say it in the note, without pieces.")
    wrong = [number for number in sorted(pieces) if not 1 <= number <= scenes]
    if wrong:
        raise Undecidable(f"There is no scene {wrong[0]}; the scenes are 1 to {scenes}.")


async def _scenes_of(session: AsyncSession, task_id: UUID) -> int:
    """The number of scenes: of the story, else the highest that a piece was made for."""
    scenes = select(func.max(col(SceneRow.position))).where(SceneRow.task_id == task_id)
    made = select(func.max(col(Piece.position))).where(Piece.task_id == task_id)
    return await session.scalar(scenes) or await session.scalar(made) or 0
