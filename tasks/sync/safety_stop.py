"""Ask the operator once about held cards, and process them when the operator has confirmed."""

from __future__ import annotations

from dataclasses import replace

import structlog

from models.rules.formatting import counted
from models.sync.row_locks import BATCH
from models.sync.safety_stop import (
    DELETIONS,
    MOVES,
    Waiting,
    missing_pages,
    release_few_moves,
    release_moves,
    waiting,
)
from models.sync.take_board import TakenBoard, take_batch
from models.tables.incidents import open_incidents
from models.tables.sync_state import CONFIRMED, forget, get_moment, remember
from tasks.alerts import Level, resolve_alert, send_alert
from tasks.runtime.context import Context
from tasks.runtime.report import Report
from tasks.sync.fetch import read_by_id
from tasks.sync.store import SyncContext, process_readings

log = structlog.get_logger("showrunner.safety")

_SHOWN = 100_000
BY_ID_MOST = 400
"""Pages read by one cycle: about two minutes' worth at 3 a second."""


async def confirm(ctx: Context) -> Waiting:
    """Store that the operator confirms, until that was used; how many cards are held now."""
    async with ctx.sessions.begin() as session:
        await remember(session, CONFIRMED, moment=ctx.clock())
        return await waiting(session)


async def take_board(ctx: Context, correlation_id: str | None) -> TakenBoard:
    """Take over the board's status for every card whose move is held, a batch at a time.

    Pages that would be marked as deleted stay held: `confirm` is about them.
    """
    taken, left, last = 0, 0, ""
    while True:
        async with ctx.sessions.begin() as session:
            now = ctx.clock()
            some = await take_batch(
                session, after=last, limit=BATCH, now=now, correlation_id=correlation_id
            )
        taken, left = taken + some.taken, left + some.left
        if some.last is None:
            break
        last = some.last
    log.info("board_taken", cards=taken, left=left)
    return TakenBoard(taken=taken, left=left)


async def missing(ctx: Context) -> list[str]:
    """Pages of the cards that are held instead of being marked as deleted."""
    async with ctx.sessions() as session:
        return await missing_pages(session, _SHOWN)


async def process_held_cards(ctx: Context, sync: SyncContext, report: Report) -> None:
    """Process held cards if the operator confirmed; else check them again, and ask once.

    Raises:
        NotionAuthError, NotionUnavailable, BoardError: what concerns all cards alike.
    """
    async with ctx.sessions() as session:
        some, asked = await waiting(session), await open_incidents(session, "safety_stop")
        confirmed = await get_moment(session, CONFIRMED) is not None
    if some and confirmed:
        await _process_confirmed(ctx, sync, report)
    elif some:
        await _recheck_missing(ctx, sync, report)
        async with ctx.sessions.begin() as session:
            await release_few_moves(session)
    if some or asked:
        await _update_incidents(ctx, [incident.name for incident in asked])


async def _process_confirmed(ctx: Context, sync: SyncContext, report: Report) -> None:
    """Release held moves, and mark pages as deleted that still look so.

    The confirmation is used up when all of them are done.
    """
    async with ctx.sessions() as session:
        pages = await missing_pages(session, BY_ID_MOST + 1)
    if pages:
        confirmed = replace(sync, confirmed=True)
        await process_readings(
            ctx, confirmed, await read_by_id(ctx, sync.board, pages[:BY_ID_MOST]), report
        )
    async with ctx.sessions.begin() as session:
        await release_moves(session)
        if len(pages) <= BY_ID_MOST:
            await forget(session, CONFIRMED)
    log.info("confirmation_used", looked_at=len(pages[:BY_ID_MOST]))


async def _recheck_missing(ctx: Context, sync: SyncContext, report: Report) -> None:
    """Check whether missing pages are there again: the others are read only if the first one is."""
    async with ctx.sessions() as session:
        pages = await missing_pages(session, BY_ID_MOST)
    for some in (pages[:1], pages[1:]):
        if not some:
            return
        await process_readings(ctx, sync, await read_by_id(ctx, sync.board, some), report)
        async with ctx.sessions() as session:
            if some[0] in await missing_pages(session, BY_ID_MOST):
                return


async def _update_incidents(ctx: Context, asked: list[str]) -> None:
    async with ctx.sessions() as session:
        some = await waiting(session)
    titles = {
        MOVES: (
            some.moves,
            f"Moves would be reverted on {counted(some.moves, 'card')}",
        ),
        DELETIONS: (
            some.deletions,
            f"{counted(some.deletions, 'card')} would be marked as trashed",
        ),
    }
    for incident, (count, title) in titles.items():
        if count:
            await send_alert(ctx, Level.ERROR, incident, title, {"cards": count})
    await resolve_alert(
        ctx, *(incident for incident in asked if not titles.get(incident, (0, ""))[0])
    )
