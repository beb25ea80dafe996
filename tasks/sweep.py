"""Asking the board what was edited since the last time, in case a webhook was lost; and importing a whole board."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.card import Card, cards_of_other_channels, count_cards
from models.errors import SafetyStop
from models.looks import news
from models.properties import to_minute
from models.sync_state import BEGINNING, CHANNELS, CONFIRMED, IMPORT, WATERMARK, forget, get_moment, get_value, remember
from tasks.board import bot_id, followed_board
from tasks.connections import Connections
from tasks.lanes import Lane, in_lane
from tasks.reading import Read, Readings, read_by_id, scan
from tasks.report import Report
from tasks.storing import Reader, take_in

log = structlog.get_logger("showrunner.sweep")

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
    async for reads in scan(on, reader.board, edited=edited):
        began = began or on.notion.server_time or on.clock()
        await _take_news(on, reader, reads, report)
    if whole:
        async with on.sessions.begin() as session:
            # Unless somebody set it back meanwhile, because the board changed under this sweep.
            if await get_moment(session, WATERMARK) == watermark:
                await remember(session, WATERMARK, moment=began)
    return began


async def _take_news(on: Connections, reader: Reader, reads: list[Read], report: Report) -> None:
    async with on.sessions() as session:
        fresh = await news(session, [read.card for read in reads])
    cards = [read for read in reads if read.card.page_id in fresh]
    if cards:
        await take_in(on, reader, Readings(cards=cards), report)


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


async def import_cards(on: Connections, report: Report, *, progress: Callable[[int], None] = lambda _: None) -> None:
    """Read the whole board, a hundred cards a request; goes on where an earlier import stopped.

    A card seen for the first time is taken as it stands and nothing is written to it (design: section 6). Requests
    yield to everybody else's.

    Args:
        progress: told how many cards were read so far, after each request.

    Raises:
        SafetyStop: when the board shows no card although the database knows some.
    """
    reader = Reader(
        board=await followed_board(on), bot_id=await bot_id(on), correlation_id=_correlation(), importing=True
    )
    async with on.sessions() as session:
        unfinished = await get_value(session, IMPORT)
    count = unfinished["cards"] if unfinished else 0
    after = datetime.fromisoformat(unfinished["after"]) if unfinished else None
    began = datetime.fromisoformat(unfinished["began"]) if unfinished else None
    here_since = datetime.fromisoformat(unfinished["here_since"]) if unfinished else on.clock()
    with in_lane(Lane.BACKGROUND):
        async for reads in scan(on, reader.board, created=after):
            began = began or on.notion.server_time or on.clock()
            if not reads:
                break
            await take_in(on, reader, Readings(cards=reads), report)
            count += len(reads)
            report.imported += len(reads)
            done = {
                "after": reads[-1].card.created_time.isoformat(),
                "began": began.isoformat(),
                "here_since": here_since.isoformat(),
                "cards": count,
            }
            async with on.sessions.begin() as session:
                await remember(session, IMPORT, value=done)
            progress(count)
            log.info("cards_imported", cards=count)
        await _look_for_missing(on, replace(reader, importing=False), here_since, report, seen=count)
    async with on.sessions.begin() as session:
        await remember(session, WATERMARK, moment=began)
        await forget(session, IMPORT)


async def _look_for_missing(on: Connections, reader: Reader, since: datetime, report: Report, *, seen: int) -> None:
    """Cards that a whole reading of the board did not show are read by id before they are believed gone."""
    async with on.sessions() as session:
        missing = await _not_seen_since(session, since)
        known = await count_cards(session)
        confirmed = await get_moment(session, CONFIRMED)
    if not seen and known and confirmed is None:
        raise SafetyStop(
            f"The board shows no card, but the database knows {known}: is it the right board and token? Nothing was "
            "changed. If it was really emptied: showrunner push --confirm"
        )
    if missing:
        await take_in(on, reader, await read_by_id(on, reader.board, missing), report)


async def _not_seen_since(session: AsyncSession, since: datetime) -> list[str]:
    known = (col(Card.trashed_at).is_(None), col(Card.first_seen_at).is_not(None))
    rows = await session.scalars(select(Card.notion_page_id).where(*known, col(Card.seen_at) < since))
    return list(rows)


def _correlation() -> str | None:
    bound = structlog.contextvars.get_contextvars().get("correlation_id")
    return str(bound) if bound is not None else None
