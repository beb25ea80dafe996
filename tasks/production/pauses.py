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


async def paused_until(session: AsyncSession, maker: str, channel: str) -> datetime | None:
    """Until when a maker is paused, in all channels or in that one; None when it is not."""
    found = [await get_moment(session, _KEY + name) for name in (maker, _of(maker, channel))]
    return max((moment for moment in found if moment is not None), default=None)


async def pause(ctx: Context, maker: str, reason: str, channel: str | None = None) -> datetime:
    """Pause a maker's steps, and say so once; until when.

    Args:
        channel: whose steps are paused; None for all channels.
    """
    until = ctx.clock() + PAUSE
    name, where = maker, ""
    if channel is not None:
        name, where = _of(maker, channel), f" for the channel “{channel}”"
    async with ctx.sessions.begin() as session:
        await remember(session, _KEY + name, moment=until)
    await send_alert(
        ctx,
        Level.ERROR,
        IncidentKind.MAKER_PAUSED.about(name),
        f"The maker “{maker}” is paused{where}: {reason}",
        {"maker": name},
    )
    return until


async def resume(ctx: Context, maker: str, channel: str) -> None:
    """End a maker's pause, since it accepted a submission of that channel."""
    await _end(ctx, maker)
    await resume_channel(ctx, maker, channel)


async def resume_channel(ctx: Context, maker: str, channel: str) -> None:
    """End the pause of one channel, since its own account works."""
    await _end(ctx, _of(maker, channel))


async def _end(ctx: Context, name: str) -> None:
    async with ctx.sessions() as session:
        if await get_moment(session, _KEY + name) is None:
            return
    async with ctx.sessions.begin() as session:
        await forget(session, _KEY + name)
    await resolve_alert(ctx, IncidentKind.MAKER_PAUSED.about(name))


def _of(maker: str, channel: str) -> str:
    return f"{maker}:{channel}"
