"""Money ahead: what a video, a channel and a day may cost, and what going on will cost."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from models.production.making import Failure, MakerError, RemoteMaker
from models.production.money import Cap, overdrawn
from models.production.steps import STEPS, Step
from models.tables.production.piece_queries import spent
from tasks.production.makers import maker_named
from tasks.production.missing_pieces import read_video
from tasks.production.pieces import Order
from tasks.production.plan import Work
from tasks.production.video import Video
from tasks.runtime.context import Context


async def check_budget(ctx: Context, session: AsyncSession, order: Order, asked: Decimal) -> None:
    """Check that so many USD may be spent on a video now.

    Raises:
        MakerError: when a budget would be exceeded.
    """
    work = order.work
    amounts = await spent(session, work.task_id, work.channel_id, ctx.clock())
    limits = dict(order.video.production.budget.limits)
    if ctx.settings.production_daily_budget is not None:
        limits[Cap.DAY] = ctx.settings.production_daily_budget
    known = dict(zip((Cap.VIDEO, Cap.CHANNEL, Cap.DAY), amounts, strict=True))
    if over := overdrawn(asked, known, limits):
        raise MakerError(Failure.MANUAL_REVIEW, f"{over.sentence} Then drag the card to Queued.")


async def going_on_usd(ctx: Context, work: Work) -> Decimal | None:
    """USD for the pieces that are still to be made after a step's gate, up to the next one.

    None when the step has no gate, or when it is not known. What can be used again costs nothing.
    """
    try:
        video = await read_video(ctx, work)
        if work.step not in video.production.gates:
            return None
        steps = _steps_after(video, work.step)
        return sum((_step_usd(video, step) for step in steps), start=Decimal(0))
    except (MakerError, ValueError):
        return None  # the step that cannot be made will say why


def _steps_after(video: Video, gate: Step) -> Iterator[Step]:
    steps = list(Step)
    for step in steps[steps.index(gate) + 1 :]:
        if step in video.production.makers:
            yield step
        if step in video.production.gates:
            return


def _step_usd(video: Video, step: Step) -> Decimal:
    maker = maker_named(video.maker_of(step))
    if not isinstance(maker, RemoteMaker):
        return Decimal(0)
    kind = STEPS[step].piece
    missing = [
        position
        for position in video.positions(step)
        if video.same(kind, video.hash_of(step, position)) is None
    ]
    prices = (maker.price(video.request(step, position)) for position in missing)
    return sum(prices, start=Decimal(0))
