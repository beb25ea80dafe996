"""Makers that are paused because their account has no money, no quota or a bad key."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from models.tables.incidents import IncidentKind
from models.tables.sync_state import forget, get_moment, remember
from tasks.alerts import Level, resolve_alert, send_alert
from tasks.runtime.context import Context

PAUSE: Final = timedelta(minutes=15)
"""After so long one more submission is tried."""
_KEY: Final = "maker_paused:"


async def paused_until(session: AsyncSession, maker: str) -> datetime | None:
    """Until when a maker is paused; None when it is not."""
    return await get_moment(session, _KEY + maker)


async def pause(ctx: Context, maker: str, reason: str) -> datetime:
    """Pause a maker's steps of all channels, and say so once; until when."""
    until = ctx.clock() + PAUSE
    async with ctx.sessions.begin() as session:
        await remember(session, _KEY + maker, moment=until)
    await send_alert(
        ctx,
        Level.ERROR,
        IncidentKind.MAKER_PAUSED.about(maker),
        f"The maker “{maker}” is paused: {reason}",
        {"maker": maker},
    )
    return until


async def resume(ctx: Context, maker: str) -> None:
    """End a maker's pause, since it accepted a submission."""
    async with ctx.sessions() as session:
        if await paused_until(session, maker) is None:
            return
    async with ctx.sessions.begin() as session:
        await forget(session, _KEY + maker)
    await resolve_alert(ctx, IncidentKind.MAKER_PAUSED.about(maker))
