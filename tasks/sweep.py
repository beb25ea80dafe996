"""Asking the board what was edited since the last time, in case a webhook was lost."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.card import cards_of_other_channels
from models.properties import to_minute
from models.sync_state import BEGINNING, CHANNELS, WATERMARK, get_moment, get_value, remember
from tasks.connections import Connections
from tasks.reading import Read, Readings, Window, scan
from tasks.report import Report
from tasks.storing import Reader, take_in, take_in_news

OVERLAP = timedelta(minutes=4)
"""How far a sweep looks behind the last one's start: Notion floors edit times to the minute, and its queries lag behind
its pages; so a lag of three minutes is borne. It costs an idle board nothing."""


async def sweep(on: Connections, reader: Reader, report: Report, *, since: datetime | None = None) -> datetime | None:
    """Take in whatever was edited since the last sweep began. One request when nothing was.

    Args:
        since: when an earlier sweep of the same cycle began: only what was edited from then on is asked for. The
            watermark stays before that cycle, so what queries show too late is left to the next one; amid a backlog a
            whole sweep would show what was pushed meanwhile five times over, a hundred cards a request.

    Returns:
        When it began, by Notion's clock. None when there is no last time yet: then the board must be imported first.
    """
    async with on.sessions() as session:
        watermark = await get_moment(session, WATERMARK)
    if watermark is None:
        return None
    await judge_again(on, reader, report)
    whole = since is None or watermark == BEGINNING
    edited = watermark - OVERLAP if since is None or watermark == BEGINNING else to_minute(since)
    began: datetime | None = None
    async for readings in scan(on, reader.board, Window(edited=edited)):
        began = began or on.notion.server_time or on.clock()
        await take_in_news(on, reader, readings, report)
    if whole:
        async with on.sessions.begin() as session:
            # Unless somebody set it back meanwhile, because the board changed under this sweep.
            if await get_moment(session, WATERMARK) == watermark:
                await remember(session, WATERMARK, moment=began)
    return began


async def judge_again(on: Connections, reader: Reader, report: Report) -> None:
    """When the configured channels changed, judge anew the cards whose channel that concerns. No request is needed."""
    channels = sorted(on.channels())
    async with on.sessions() as session:
        known = await get_value(session, CHANNELS)
        if known == {"ids": channels}:
            return
        concerned = await cards_of_other_channels(session, channels)
    if concerned:
        now = on.clock()
        cards = [Read(card=card.as_seen(now), began=now, ended=now, by_id=True) for card in concerned]
        await take_in(on, reader, Readings(cards=cards), report)
    async with on.sessions.begin() as session:
        await remember(session, CHANNELS, value={"ids": channels})
