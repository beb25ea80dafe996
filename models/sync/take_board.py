"""Taking the board's statuses: the other end of a safety stop, where the database is what is old.

A restored dump knows less than the board shows. What would be put back counts instead then, as the
operator's own wish.
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
"""Whose change it is in the history."""

_WAITING = text(
    f"SELECT notion_page_id FROM cards WHERE {HELD} AND trashed_at IS NULL AND notion_page_id > :after "  # noqa: S608
    "ORDER BY notion_page_id LIMIT :limit"
)


@dataclass(frozen=True, kw_only=True)
class TakenBoard:
    """What came of it.

    Attributes:
        taken: cards whose status on the board counts now.
        left: those that wait on, because the rules forbid what they show (`status_to_take`).
        last: the last page looked at; None when there was none left.
    """

    taken: int
    left: int
    last: str | None = None


async def take_batch(
    session: AsyncSession, *, after: str, limit: int, now: datetime, correlation_id: str | None
) -> TakenBoard:
    """Let the board's status count for cards whose moves wait, by page id after that one.

    The caller commits.

    Only the status: texts and priority are judged as at any look. When a task got there is the
    card's own Updated, where it has one, so that nothing need be written to the board.
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

    An unknown option, or an empty one (deleting an option empties every card in it), asks for
    nothing; and what is queued or beyond is valid.
    """
    shown = board_status(card.shown_status) if card.shown_status is not None else None
    return None if card.violations and shown not in FREE_OF_RULES else shown


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
        set_status(card, task, to)
        task.status_changed_at = card.shown_updated or now
    clear_rejection(card)
    card.held_at = None
