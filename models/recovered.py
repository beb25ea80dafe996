"""Incidents about one row that are over because the row says so: whoever mended it did not have to say it."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.board import Board
from models.card import DIFFERS, writable
from models.sync_state import BOARD, get_value

_OPEN = "s.value ->> 'until' IS NULL"

_CARDS = f"""
SELECT s.value ->> 'name' FROM sync_state s
LEFT JOIN cards c ON 'card_failing:' || c.notion_page_id = s.value ->> 'name'
LEFT JOIN tasks t ON t.id = c.task_id
WHERE s.key LIKE 'incident:card\\_failing:%' AND {_OPEN}
  AND (c.notion_page_id IS NULL OR c.trashed_at IS NOT NULL OR c.attempts = 0 OR {DIFFERS} IS NOT TRUE)
"""  # noqa: S608 - constants of ours

_EVENTS = f"""
SELECT s.value ->> 'name' FROM sync_state s
LEFT JOIN webhook_events e ON 'dead_event:' || e.event_id = s.value ->> 'name'
WHERE s.key LIKE 'incident:dead\\_event:%' AND {_OPEN} AND (e.id IS NULL OR e.processed)
"""  # noqa: S608 - constants of ours


async def recovered(session: AsyncSession) -> list[str]:
    """Names of the incidents whose card shows what it should or is in the trash, or whose event was processed."""
    names = list((await session.execute(text(_EVENTS))).scalars())
    known = await get_value(session, BOARD)
    if known is not None:
        names += (await session.execute(text(_CARDS), writable(Board.from_json(known["board"])))).scalars()
    return names
