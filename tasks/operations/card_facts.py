"""Everything known of one card, gathered for somebody who asks why it is as it is.

Asks Notion only when told to.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.errors import NotionIntegrationError
from models.operations.diagnosis import Facts
from models.rules.board_schema import Board
from models.rules.codec import BoardCard, read_card
from models.sync.pending_write import pending_write_of
from models.tables.card import card_and_task
from models.tables.incidents import open_incidents
from models.tables.sync_state import LAST_GOOD_CYCLE, get_moment
from models.tables.task_history import left_because, lost_its_task
from models.tables.webhook_events import unfinished_of
from tasks.board.followed import known_board
from tasks.runtime.context import Context


async def examine(ctx: Context, page_id: str) -> Facts:
    """What the database knows of a card, and of what keeps it from being in sync.

    Raises:
        SettingsError, ChannelConfigError: which stop every cycle too.
    """
    async with ctx.sessions() as session:
        card, task = await card_and_task(session, page_id) or (None, None)
        events = await unfinished_of(session, page_id)
        incidents = await open_incidents(session)
        last = await get_moment(session, LAST_GOOD_CYCLE)
        left, deleted = await left_because(session, page_id), await lost_its_task(session, page_id)
    board = await known_board(ctx) if card is not None else None
    return Facts(
        card=card,
        task=task,
        change=pending_write_of(card, task, board)
        if card is not None and board is not None
        else None,
        board=board,
        channels=await ctx.channels(),
        incidents=incidents,
        events=events,
        last_good_cycle=last,
        now=ctx.clock(),
        left=left,
        deleted=deleted,
    )


@dataclass(frozen=True, kw_only=True)
class Live:
    """What Notion says of a page at this moment: the card, or why it could not be read."""

    card: BoardCard | None = None
    error: str = ""


async def look_now(ctx: Context, board: Board, page_id: str) -> Live:
    """One request, whose answer changes nothing in the database."""
    try:
        card = read_card(await ctx.notion.get_page(page_id), board)
        return (
            Live(error="The page is not on the board any more: it was moved elsewhere.")
            if card.away
            else Live(card=card)
        )
    except (NotionIntegrationError, ValueError) as error:
        return Live(error=str(error))
