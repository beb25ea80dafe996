"""Take over the board's statuses: the answer to a safety stop if the database is what is old.

A restored dump is older than the board. The moves that would be put back then count as the
operator's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.rules.statuses import FREE_OF_RULES, BoardStatus, board_status
from models.sync.restore import clear_rejection, set_status
from models.sync.row_locks import lock_rows
from models.tables.card import Card
from models.tables.push_queue import HELD
from models.tables.task import Task
from models.tables.task_history import TaskHistory, act_as

OPERATOR = "operator:take-board"
"""The author of the change in the history."""

_WAITING = text(
    f"SELECT notion_page_id FROM cards WHERE {HELD} "  # noqa: S608
    "AND trashed_at IS NULL AND notion_page_id > :after ORDER BY notion_page_id LIMIT :limit"
)


@dataclass(frozen=True, kw_only=True)
class TakenBoard:
    """What was taken over.

    Attributes:
        taken: cards whose status on the board was taken over.
        left: cards that stay held, because the rules forbid what they show (`status_to_take`).
        last: the last page processed; None if there was none left.
    """

    taken: int
    left: int
    last: str | None = None


async def take_batch(
    session: AsyncSession, *, after: str, limit: int, now: datetime, correlation_id: str | None
) -> TakenBoard:
    """Take over the board's status for held cards, by page id after that one. The caller commits.

    Only the status: texts and priority are merged at the next reading as usual. The time of the
    move is the card's own Updated, if it has one, so that nothing need be written to the board.
    """
    pages = list(await session.scalars(_WAITING, {"after": after, "limit": limit}))
    held = await lock_rows(session, pages)
    await act_as(session, OPERATOR, now=now, correlation_id=correlation_id)
    taken = 0
    for page_id in pages:
        card = held.cards[page_id]
        to = status_to_take(card)
        if card.held_at is None or to is None:
            continue
        _take(session, card, held.tasks, to, now=now, correlation_id=correlation_id)
        taken += 1
    await session.flush()
    return TakenBoard(taken=taken, left=len(pages) - taken, last=pages[-1] if pages else None)


def status_to_take(card: Card) -> BoardStatus | None:
    """The board's column that the task takes over; None if it must not be taken over.

    An unknown or empty option asks for nothing (deleting an option empties all its cards), and a
    card that is queued or beyond must be valid.
    """
    if card.notion_status is None:
        return None
    shown = board_status(card.notion_status)
    if card.violations and shown not in FREE_OF_RULES:
        return None
    return shown


def _take(
    session: AsyncSession,
    card: Card,
    tasks: Mapping[str, Task],
    to: BoardStatus,
    *,
    now: datetime,
    correlation_id: str | None,
) -> None:
    task = tasks.get(card.notion_page_id)
    if task is None:
        session.add(
            TaskHistory(
                at=now,
                notion_page_id=card.notion_page_id,
                actor=OPERATOR,
                action="changed",
                property="Status",
                old_value=card.base_status,
                new_value=to.value,
                correlation_id=correlation_id,
            )
        )
        card.base_status = to.value
    else:
        set_status(card, task, to, card.notion_updated or now)
    clear_rejection(card)
    card.held_at = None
