"""What needs pushing: the cards whose row says that the board shows something wrong.

No product code marks a card. PostgreSQL computes `cards.drift_mask` whenever the row is written.
Triggers copy into the row what a card shows of its task, whoever writes the task (migrations 0004
and 0014). Only cards that differ are in the index, so an idle cycle costs the same on a board of
any size. The view `card_drift` says the same in words.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import Column, Computed, DateTime, Index, SmallInteger, String, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.rules.board_schema import Board
from models.rules.merge_base import PUSHED

BITS: Final = {
    "Status": 1,
    "Priority": 2,
    "Attention": 4,
    "Created": 8,
    "Updated": 16,
    "Progress": 32,
    "Cost": 64,
    "Video": 128,
}
"""The bit of each property in `cards.drift_mask`."""

DRIFT_MASK: Final = """
CASE WHEN trashed_at IS NOT NULL OR first_seen_at IS NULL THEN 0 ELSE
  CASE WHEN status_kept_until IS NULL
        AND notion_status IS DISTINCT FROM coalesce(task_board_status, base_status, notion_status)
        AND NOT (notion_status IS NULL AND 'Status' = ANY (initially_empty)) THEN 1 ELSE 0 END
+ CASE WHEN notion_priority IS DISTINCT FROM initcap(coalesce(task_priority, base_priority))
        AND NOT (notion_priority IS NULL AND 'Priority' = ANY (initially_empty)) THEN 2 ELSE 0 END
+ CASE WHEN notion_attention <> coalesce(
              nullif(violation_text || CASE
                WHEN rejection = '' OR rejected_at_status_change <> task_status_changed_at THEN ''
                WHEN violation_text = '' THEN rejection
                ELSE ' ' || rejection END || CASE
                WHEN production_text = '' THEN ''
                WHEN violation_text = '' AND (rejection = ''
                  OR coalesce(rejected_at_status_change <> task_status_changed_at, false))
                  THEN production_text
                ELSE ' ' || production_text END, ''),
              CASE WHEN 'Attention' = ANY (initially_empty) THEN notion_attention ELSE '' END)
        THEN 4 ELSE 0 END
+ CASE WHEN notion_created AT TIME ZONE 'UTC'
              <> date_trunc('minute', coalesce(task_created_at, base_created) AT TIME ZONE 'UTC')
          OR notion_created IS NULL AND coalesce(task_created_at, base_created) IS NOT NULL
              AND NOT 'Created' = ANY (initially_empty)
        THEN 8 ELSE 0 END
+ CASE WHEN notion_updated AT TIME ZONE 'UTC'
              <> date_trunc('minute',
                coalesce(task_status_changed_at, base_updated) AT TIME ZONE 'UTC')
          OR notion_updated IS NULL AND coalesce(task_status_changed_at, base_updated) IS NOT NULL
              AND NOT 'Updated' = ANY (initially_empty)
        THEN 16 ELSE 0 END
+ CASE WHEN notion_progress IS DISTINCT FROM coalesce(task_progress, notion_progress)
        THEN 32 ELSE 0 END
+ CASE WHEN notion_cost IS DISTINCT FROM coalesce(task_cost, notion_cost) THEN 64 ELSE 0 END
+ CASE WHEN notion_video IS DISTINCT FROM coalesce(task_video, notion_video) THEN 128 ELSE 0 END
END"""
"""`models.rules.merge_base.diff` in SQL; tests compare the two.

The sum of the bits of the properties that differ; 0 for a card that is right, is in the trash, or
was never read. Which of them a push may write depends on the board: see `worth_a_push`."""

KEPT_BY_DATABASE: Final = (
    Column("task_board_status", String(50)),
    Column("task_priority", String(50)),
    Column("task_created_at", DateTime(timezone=True)),
    Column("task_status_changed_at", DateTime(timezone=True)),
    Column("drift_mask", SmallInteger, Computed(DRIFT_MASK, persisted=True), nullable=False),
)
"""Columns of `cards` that only PostgreSQL writes: copies from the card's task, made by triggers,
and the properties that differ."""

DIFFERING_ONLY: Final = Index(
    "ix_cards_drift_mask", "drift_mask", postgresql_where=text("drift_mask <> 0")
)

WAITING_ONLY: Final = Index(
    "ix_cards_status_kept_until",
    "status_kept_until",
    postgresql_where=text("status_kept_until IS NOT NULL"),
)

HELD: Final = "held_at IS NOT NULL AND drift_mask & 1 = 1 AND missing_at IS NULL"
MISSING: Final = "missing_at IS NOT NULL AND trashed_at IS NULL"
"""Cards that are not written until the operator confirms (`models.sync.safety_stop`): HELD have a
move to be put back, MISSING are to be marked as trashed."""

PENDING: Final = f"""
SELECT notion_page_id
FROM cards
WHERE drift_mask <> 0 AND drift_mask = ANY (CAST(:worth AS smallint[])) AND NOT unreadable
  AND (:waiting OR NOT ({HELD} OR {MISSING}))
  AND (CAST(:among AS text[]) IS NULL OR notion_page_id = ANY (CAST(:among AS text[])))
  AND (next_attempt_at IS NULL OR next_attempt_at <= :now)
  AND (drift_mask & 31 <> 0 OR facts_written_at IS NULL
       OR facts_written_at <= CAST(:now AS timestamptz) - interval '1 minute')
ORDER BY
  drift_mask & 7 = 0,
  (coalesce(task_priority, base_priority) = 'high') DESC,
  (rejection <> '' OR notion_attention <> violation_text) DESC,
  task_status_changed_at NULLS LAST,
  notion_page_id
LIMIT :limit
"""  # noqa: S608 - constants
"""Cards to push now: High priority first, then messages to users, then the oldest change.

Cards that differ in their dates only come last, because an import can make many of them at once.
A card that differs in nothing but Progress, Cost or Video is written at most once a minute.
An unreadable card may hold an edit, so it is read again before it is written."""

_STALE = text(
    "SELECT c.notion_page_id FROM cards c LEFT JOIN tasks t ON t.id = c.task_id WHERE "
    "(c.task_board_status, c.task_priority, c.task_created_at, c.task_status_changed_at) "
    "IS DISTINCT FROM (t.board_status, t.priority, t.created_at, t.status_changed_at) LIMIT :limit"
)


def worth_a_push(board: Board) -> list[int]:
    """The values of `cards.drift_mask` that contain a property which the board lets us write."""
    writable = sum(BITS[name] for name in PUSHED if board.shows(name))
    return [mask for mask in range(1, 2 * max(BITS.values())) if mask & writable]


async def pending(
    session: AsyncSession,
    board: Board,
    *,
    now: datetime,
    limit: int,
    waiting: bool = False,
    among: Collection[str] | None = None,
) -> list[str]:
    """Page ids of cards to push now, most urgent first.

    Args:
        session: to read with.
        board: decides which properties can be written.
        now: cards whose next attempt is later are left out.
        limit: at most so many.
        waiting: include the cards that wait for the operator.
        among: only these pages; None for all.
    """
    some = sorted(among) if among is not None else None
    values = {
        "worth": worth_a_push(board),
        "now": now,
        "limit": limit,
        "waiting": waiting,
        "among": some,
    }
    return [row[0] for row in await session.execute(text(PENDING), values)]


async def any_out_of_reach(session: AsyncSession, board: Board) -> bool:
    """Whether a card differs in nothing but properties that the board does not let us write."""
    query = text(
        "SELECT EXISTS (SELECT 1 FROM cards "
        "WHERE drift_mask <> 0 AND drift_mask & 31 <> 0 "
        "AND NOT drift_mask = ANY (CAST(:worth AS smallint[])))"
    )
    return bool((await session.execute(query, {"worth": worth_a_push(board)})).scalar_one())


async def out_of_step(session: AsyncSession, *, limit: int) -> list[str]:
    """Page ids of cards whose copies differ from their task.

    There are none unless rows were written with triggers disabled. Reads every card and task.
    """
    return list((await session.execute(_STALE, {"limit": limit})).scalars())
