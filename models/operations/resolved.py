"""Incidents whose card, event or task has recovered, so that they can be resolved automatically."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.rules.board_schema import Board
from models.tables.push_queue import worth_a_push
from models.tables.sync_state import BOARD, get_value

_OPEN = "s.value ->> 'until' IS NULL"

_CARDS = f"""
SELECT s.value ->> 'name' FROM sync_state s
LEFT JOIN cards c ON c.notion_page_id = substr(s.value ->> 'name', 1 + length('card_failing:'))
WHERE s.key LIKE 'incident:card\\_failing:%' AND {_OPEN}
  AND (c.notion_page_id IS NULL OR c.attempts = 0
       OR NOT c.unreadable AND c.drift_mask <> ALL (CAST(:worth AS smallint[])))
"""  # noqa: S608 - constants of ours

_EVENTS = f"""
SELECT s.value ->> 'name' FROM sync_state s
LEFT JOIN webhook_events e ON e.event_id = substr(s.value ->> 'name', 1 + length('dead_event:'))
WHERE s.key LIKE 'incident:dead\\_event:%' AND {_OPEN} AND (e.id IS NULL OR e.processed)
"""  # noqa: S608 - constants of ours

_CREATIONS = f"""
SELECT s.value ->> 'name' FROM sync_state s
WHERE s.key = 'incident:card_not_made' AND {_OPEN}
  AND NOT EXISTS (SELECT FROM card_creations WHERE attempts > 0)
"""  # noqa: S608 - constants of ours


async def recovered(session: AsyncSession) -> list[str]:
    """Names of the open incidents whose card, event or task has recovered.

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
