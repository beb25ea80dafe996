"""Budgets: what a video, a channel and a day may cost."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from models.production.making import Failure, MakerError
from models.production.money import Cap, overdrawn
from models.tables.production.piece_queries import spent
from tasks.production.pieces import Order
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
