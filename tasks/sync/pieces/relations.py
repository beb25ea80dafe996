"""Put the pages of pieces into one-way relations of their cards.

A two-way relation is written with each page. A one-way relation is a list on the card that every
write replaces, so all that it holds is read and sent back, at most 100 pages.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from models.errors import NotionPageNotFound, NotionRejected, NotionWriteUncertain
from models.sync.pieces.page import with_related
from models.sync.pieces.source import PieceSource
from models.tables.production.piece_pages import Unrelated, mark_related, unrelated
from tasks.runtime.context import Context

log = structlog.get_logger("showrunner.pieces")


async def relate_pages(ctx: Context, sources: Mapping[str, PieceSource]) -> None:
    """Add new pages to the relations of their cards; people's own pages stay.

    Raises:
        NotionAuthError, NotionUnavailable: what concerns all cards alike.
    """
    async with ctx.sessions() as session:
        due = await unrelated(session)
    for one in due:
        if one.relation not in sources:
            continue
        try:
            await _relate(ctx, one, sources[one.relation])
        except NotionWriteUncertain as error:
            # The next run reads what the relation holds.
            log.warning("pieces_not_related", notion_page_id=one.card_id, error=str(error))
        except (NotionRejected, NotionPageNotFound) as error:
            log.warning("pieces_not_related", notion_page_id=one.card_id, error=str(error))
            await _done(ctx, one)


async def _relate(ctx: Context, one: Unrelated, source: PieceSource) -> None:
    items = await ctx.notion.get_property(one.card_id, source.relation_id)
    present = [str(item["relation"]["id"]) for item in items]
    ids = with_related(present, one.pages)
    if ids is not None:
        related = {"relation": [{"id": page_id} for page_id in ids]}
        await ctx.notion.update_page(one.card_id, {source.relation_id: related})
    await _done(ctx, one)


async def _done(ctx: Context, one: Unrelated) -> None:
    """Record that these pages are related, or cannot be."""
    async with ctx.sessions.begin() as session:
        await mark_related(session, one.pages)
