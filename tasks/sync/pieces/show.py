"""Show on the board what was made: previews first, then a page per piece.

Everything here is sent in the lowest priority, so it takes only what other requests leave of
Notion's limit. Nothing of it is needed by the sync of cards: what fails is tried again later.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import structlog

from models.errors import NotionAuthError, NotionUnavailable
from models.rules.board_schema import Board
from models.sync.pieces.source import RELATION_OF, PieceSource
from models.tables.incidents import IncidentKind
from models.tables.production.card_previews import any_film_refused, any_preview_due, due_preview
from models.tables.production.piece_pages import any_piece_due, any_refused, due_pieces, unrelated
from tasks.alerts import resolve_alert
from tasks.board.followed import known_board
from tasks.notion.priority import RequestPriority, with_priority
from tasks.runtime.context import Context
from tasks.runtime.locks import Lock, is_held, one_at_a_time
from tasks.runtime.unexpected_errors import cost_of_one
from tasks.sync.pieces.one_page import PageWriter
from tasks.sync.pieces.preview import PreviewWriter
from tasks.sync.pieces.relations import relate_pages
from tasks.sync.pieces.shown import Shown
from tasks.sync.pieces.sources import known_sources, piece_sources

log = structlog.get_logger("showrunner.pieces")


async def is_anything_to_show(ctx: Context) -> bool:
    """Whether a run would have something to write, and none is under way."""
    now, board = ctx.clock(), await known_board(ctx)
    async with ctx.sessions() as session:
        pages = await any_piece_due(session, now) or bool(await unrelated(session, limit=1))
        previews = await any_preview_due(session, now)
        if board is None or await is_held(session, Lock.PIECES):
            return False
    if previews and "Preview" in board.properties:
        return True
    known = await known_sources(ctx)
    return pages and (known is None or any(one.is_usable for one in known.values()))


async def show_pieces(ctx: Context, *, until: datetime) -> Shown:
    """Write previews and pages until none is due or `until` has come.

    It ends early when Notion does not work or refuses us; the sync alerts that.
    """
    shown = Shown()
    async with one_at_a_time(ctx, Lock.PIECES) as mine:
        board = await known_board(ctx) if mine else None
        if board is not None:
            try:
                with with_priority(RequestPriority.BACKGROUND):
                    await _show(ctx, board, shown, until)
            except (NotionAuthError, NotionUnavailable) as error:
                log.warning("pieces_not_shown", error=str(error))
    return shown


async def _show(ctx: Context, board: Board, shown: Shown, until: datetime) -> None:
    await _previews(ctx, board, shown, until)
    sources = await piece_sources(ctx, board)
    await _pages(ctx, sources, shown, until)
    await relate_pages(ctx, sources)
    async with ctx.sessions() as session:
        refused = await any_refused(session) or await any_film_refused(session)
    if not refused:
        await resolve_alert(ctx, IncidentKind.FILE_REFUSED)


async def _previews(ctx: Context, board: Board, shown: Shown, until: datetime) -> None:
    if "Preview" not in board.properties:
        return
    writer, tried = PreviewWriter(ctx, board.properties["Preview"], shown), set[UUID]()
    while ctx.clock() < until:
        async with ctx.sessions() as session:
            due = await due_preview(session, now=ctx.clock(), tried=tried)
        if due is None:
            return
        tried.add(due.task_id)
        try:
            await writer.write(due)
        except Exception as error:  # noqa: BLE001 - a boundary: only this card's preview fails
            await writer.failed(due, cost_of_one(error, task_id=str(due.task_id)))


async def _pages(
    ctx: Context, sources: Mapping[str, PieceSource], shown: Shown, until: datetime
) -> None:
    kinds = [kind.value for kind, name in RELATION_OF.items() if name in sources]
    writer, tried = PageWriter(ctx, sources, shown), set[UUID]()
    while ctx.clock() < until:
        async with ctx.sessions() as session:
            due = await due_pieces(session, kinds=kinds, now=ctx.clock(), tried=tried, limit=1)
        if not due:
            return
        tried.add(due[0].id)
        try:
            await writer.write(due[0])
        except Exception as error:  # noqa: BLE001 - a boundary: only this piece's page fails
            await writer.failed(due[0], cost_of_one(error, piece_id=str(due[0].id)))
