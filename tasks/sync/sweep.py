"""Read what was edited on the board since the last sweep, in case a webhook was lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from models.rules.channels import ChannelFault
from models.rules.codec.read import to_minute
from models.sync.observations import Observation
from models.tables.card import Card
from models.tables.card_queries import cards_kept_long_enough, cards_of_other_channels
from models.tables.incidents import IncidentKind
from models.tables.sync_state import BEGINNING, CHANNELS, WATERMARK, get_moment, get_value, remember
from tasks.alerts import Level, resolve_alert, send_alert
from tasks.runtime.context import Context
from tasks.runtime.report import Report
from tasks.runtime.unexpected_errors import cost_of_one
from tasks.sync.fetch import scan
from tasks.sync.readings import Readings, Window
from tasks.sync.store import SyncContext, process_changed, process_readings

OVERLAP = timedelta(minutes=4)
"""How far a sweep reaches back before the start of the last one: Notion's edit times are whole
minutes, and its queries lag behind its pages. A lag of three minutes is covered. It costs an idle
board nothing."""


async def sweep(
    ctx: Context, sync: SyncContext, report: Report, *, since: datetime | None = None
) -> datetime | None:
    """Process everything that was edited since the last sweep began. One request if nothing was.

    Args:
        since: when an earlier sweep of the same cycle began: only later edits are read. The
            watermark stays before that cycle, so what queries show too late is left to the next
            one. In a backlog, a whole sweep would read five times what was pushed meanwhile.

    Returns:
        When it began, by Notion's clock. None if there was no sweep yet: then the board must be
        imported first.
    """
    async with ctx.sessions() as session:
        watermark = await get_moment(session, WATERMARK)
    if watermark is None:
        return None
    await revalidate_for_channels(ctx, sync, report)
    whole, edited = True, watermark - OVERLAP
    if since is not None and watermark != BEGINNING:
        whole, edited = False, to_minute(since)
    began: datetime | None = None
    async for readings in scan(ctx, sync.board, Window(edited=edited)):
        began = began or readings.answered
        await process_changed(ctx, sync, readings, report)
    if whole:
        async with ctx.sessions.begin() as session:
            # Unless another process set it back meanwhile because the board changed.
            if await get_moment(session, WATERMARK) == watermark:
                await remember(session, WATERMARK, moment=began)
    return began


async def revalidate_for_channels(ctx: Context, sync: SyncContext, report: Report) -> None:
    """Validate cards again whose channel is concerned by a change of the channel files.

    No request is needed.
    """
    folder = await ctx.channel_folder()
    channels = sorted(folder.channels)
    now_known = {
        "ids": channels,
        "texts": {id_: channel.text for id_, channel in sorted(folder.channels.items())},
        "wrong": [fault.file for fault in folder.faults],
    }
    async with ctx.sessions() as session:
        known = await get_value(session, CHANNELS) or {}
        if known == now_known:
            return
        concerned = []
        if known.get("ids") != channels:
            concerned = await cards_of_other_channels(session, channels)
    await _alert_wrong_files(ctx, folder.faults, known.get("wrong", ()))
    await reprocess_remembered(ctx, sync, concerned, report)
    async with ctx.sessions.begin() as session:
        await remember(session, CHANNELS, value=now_known)


async def _alert_wrong_files(
    ctx: Context, faults: Sequence[ChannelFault], before: Sequence[str]
) -> None:
    """Alert each wrong channel file once, until it is repaired or deleted."""
    for fault in faults:
        facts = {"file": fault.file, "what is wrong": fault.reason}
        incident = IncidentKind.CHANNEL_FILE.about(fault.file)
        await send_alert(ctx, Level.ERROR, incident, f"Channel file {fault}"[:500], facts)
    repaired = set(before) - {fault.file for fault in faults}
    await resolve_alert(ctx, *map(IncidentKind.CHANNEL_FILE.about, sorted(repaired)))


async def end_waiting_moves(ctx: Context, sync: SyncContext, report: Report) -> None:
    """Process cards again whose waiting move has had its time.

    No request is needed.
    """
    async with ctx.sessions() as session:
        over = await cards_kept_long_enough(session, now=ctx.clock())
    await reprocess_remembered(ctx, sync, over, report)


async def reprocess_remembered(
    ctx: Context, sync: SyncContext, cards: Sequence[Card], report: Report
) -> None:
    """Process cards again as they were last read, because the rules for them changed."""
    readings, now = Readings(), ctx.clock()
    for card in cards:
        try:
            seen = card.as_seen(now)
        except Exception as error:  # noqa: BLE001 - a boundary: it costs this card
            readings.failed[card.notion_page_id] = cost_of_one(
                error, notion_page_id=card.notion_page_id
            )
            readings.unreadable.add(card.notion_page_id)
        else:
            readings.cards.append(
                Observation(card=seen, began=now, ended=now, by_id=True, from_memory=True)
            )
    if cards:
        await process_readings(ctx, sync, readings, report)
