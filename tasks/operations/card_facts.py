"""Gather everything known about one card, to explain its state."""

from __future__ import annotations

from dataclasses import dataclass

from models.errors import NotionIntegrationError
from models.operations.diagnosis import CardFacts
from models.operations.health.facts import read_sync_facts
from models.operations.production import task_production
from models.rules.board_schema import Board
from models.rules.codec.read import BoardCard, read_card
from models.sync.writes.pending import pending_write_of
from models.tables.card_queries import card_and_task
from models.tables.task_history import left_because, lost_its_task
from models.tables.webhook_event_queries import unfinished_of
from tasks.board.followed import known_board
from tasks.runtime.context import Context


async def gather_card_facts(ctx: Context, page_id: str) -> CardFacts:
    """What the database holds about a card, and about what keeps it from being in sync.

    Sends no request to Notion.

    Raises:
        SettingsError, ChannelConfigError: which stop every cycle too.
    """
    async with ctx.sessions() as session:
        card, task = await card_and_task(session, page_id) or (None, None)
        events = await unfinished_of(session, page_id)
        sync = await read_sync_facts(session)
        production = await task_production(session, task.id) if task is not None else None
        left, deleted = await left_because(session, page_id), await lost_its_task(session, page_id)
    board = change = None
    if card is not None:
        board = await known_board(ctx)
    if card is not None and board is not None:
        change = pending_write_of(card, task, board)
    return CardFacts(
        last_good_cycle=sync.last_good_cycle,
        incidents=sync.incidents,
        card=card,
        task=task,
        change=change,
        board=board,
        channels=await ctx.channels(),
        events=events,
        now=ctx.clock(),
        left=left,
        deleted=deleted,
        production=production,
    )


@dataclass(frozen=True, kw_only=True)
class LivePage:
    """A page as Notion shows it at this moment: the card, or why it could not be read."""

    card: BoardCard | None = None
    error: str = ""


async def read_page_now(ctx: Context, board: Board, page_id: str) -> LivePage:
    """Read a page with one request, without changing anything in the database."""
    try:
        card = read_card(await ctx.notion.get_page(page_id), board)
    except (NotionIntegrationError, ValueError) as error:
        return LivePage(error=str(error))
    if card.away:
        return LivePage(error="The page is not on the board any more: it was moved elsewhere.")
    return LivePage(card=card)
