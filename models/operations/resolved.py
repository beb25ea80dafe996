"""Incidents whose card, event or task has recovered, so that they can be resolved automatically."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.rules.board_schema import Board
from models.tables.push_queue import worth_a_push
from models.tables.sync_state import BOARD, get_value

_CARDS = """
SELECT i.name FROM incidents i
LEFT JOIN cards c ON c.notion_page_id = substr(i.name, 1 + length('card_failing:'))
WHERE i.name LIKE 'card\\_failing:%' AND i.ended_at IS NULL
  AND (c.notion_page_id IS NULL OR c.attempts = 0
       OR NOT c.unreadable AND c.drift_mask <> ALL (CAST(:worth AS smallint[])))
"""

_EVENTS = """
SELECT i.name FROM incidents i
LEFT JOIN webhook_events e ON e.event_id = substr(i.name, 1 + length('dead_event:'))
WHERE i.name LIKE 'dead\\_event:%' AND i.ended_at IS NULL AND (e.id IS NULL OR e.processed)
"""

_CREATIONS = """
SELECT i.name FROM incidents i
WHERE i.name = 'card_not_made' AND i.ended_at IS NULL
  AND NOT EXISTS (SELECT FROM card_creations WHERE attempts > 0)
"""


async def recovered(session: AsyncSession) -> list[str]:
    """Names of the open incidents whose card or event has recovered.

    A card has when it was read and needs no push, or was deleted. An event has when it was
    processed. The incident about tasks without a card is over when none of them fails any more.
    """
    names = list((await session.execute(text(_EVENTS))).scalars())
    names += (await session.execute(text(_CREATIONS))).scalars()
    known = await get_value(session, BOARD)
    if known is not None:
        worth = worth_a_push(Board.from_json(known["board"]))
        names += (await session.execute(text(_CARDS), {"worth": worth})).scalars()
    return names
