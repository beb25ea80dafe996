"""What a run of a step shows: its pieces, what they cost, and its card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlmodel import col, select

from models.production.steps import STEPS, Step
from models.tables.card import Card
from models.tables.production.piece_queries import costs_of, pieces_of
from models.tables.production.pieces import Piece
from models.tables.task import Task
from tasks.production.plan import Work
from tasks.runtime.context import Context


@dataclass(frozen=True, kw_only=True)
class StepSummary:
    """The pieces of a step's round.

    Attributes:
        costs: of every piece of the video that cost something, by id.
        page_id: the video's card; None when it has none.
    """

    pieces: tuple[Piece, ...]
    costs: Mapping[UUID | None, Decimal]
    page_id: str | None


async def read_work(
    ctx: Context, task_id: UUID, *, worker: str, step: Step, round_: int, attempt: int
) -> Work | None:
    """The work that a run was started for; None when its task was deleted."""
    async with ctx.sessions() as session:
        task = await session.get(Task, task_id)
    if task is None:
        return None
    return Work(
        task_id=task_id,
        title=task.title,
        channel_id=task.channel_id,
        worker=worker,
        step=step,
        round=round_,
        attempt=attempt,
    )


async def read_summary(ctx: Context, work: Work) -> StepSummary:
    """What was made so far in the step's round."""
    kind = STEPS[work.step].piece
    async with ctx.sessions() as session:
        pieces = await pieces_of(session, work.task_id)
        costs = await costs_of(session, work.task_id)
        of_task = select(Card.notion_page_id).where(col(Card.task_id) == work.task_id)
        page_id = (await session.scalars(of_task)).first()
    mine = (one for one in pieces if one.kind == kind and one.round == work.round)
    return StepSummary(
        pieces=tuple(sorted(mine, key=lambda one: one.position)), costs=costs, page_id=page_id
    )
