"""`card_previews`: the files that Showrunner puts into the Preview of a card."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    Uuid,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col, select

from models.tables.production.columns import counter, moment, optional, required
from models.tables.production.piece_pages import RETRIES


class CardPreview(SQLModel, table=True):
    """What the Preview of a task's card shows of ours. A trigger counts `changes`."""

    __tablename__ = "card_previews"
    __table_args__ = (
        Index("ix_card_previews_due", "next_attempt_at", postgresql_where=text("changes > shown")),
        {"comment": "The files that Showrunner puts into the Preview of a card."},
    )

    task_id: UUID = Field(
        sa_column=required(
            Uuid, "The task.", ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True
        )
    )
    changes: int = Field(
        default=1,
        sa_column=counter(
            BigInteger, "How often a step was finished that it shows; by a trigger.", start=1
        ),
    )
    shown: int = Field(
        default=0, sa_column=counter(BigInteger, "The changes that the card shows already.")
    )
    content: str | None = Field(
        default=None,
        sa_column=optional(Text, "What the card shows: the kind and hash of the file."),
    )
    file_names: list[str] = Field(
        default_factory=list,
        sa_column=required(
            ARRAY(Text),
            "Names of the files in Preview that are ours, or may be.",
            server_default="{}",
        ),
    )
    refused_sha256: str | None = Field(
        default=None, sa_column=optional(String(64), "Of the film that the workspace refused.")
    )
    attempts: int = Field(
        default=0, sa_column=counter(Integer, "Failed writes since the last good one.")
    )
    next_attempt_at: datetime | None = Field(
        default=None, sa_column=moment("When it is tried again.")
    )
    last_error: str | None = Field(
        default=None, sa_column=optional(Text, "Why the last write failed.")
    )

    def failed(self, error: str, now: datetime) -> None:
        """Record a failed write: retry after 30 s, 1 min, 2 min, … at most an hour."""
        self.attempts += 1
        self.last_error = error[:2000]
        self.next_attempt_at = now + RETRIES.delay(self.attempts)

    def succeeded(self, changes: int) -> None:
        """Record that the card shows what was counted until then."""
        self.shown = changes
        self.attempts, self.next_attempt_at, self.last_error = 0, None, None


@dataclass(frozen=True, kw_only=True)
class DuePreview:
    """A card whose Preview is due, with its present `changes`."""

    task_id: UUID
    card_id: str
    changes: int


_DUE: Final = """
FROM card_previews v JOIN cards c ON c.task_id = v.task_id
WHERE c.trashed_at IS NULL AND v.changes > v.shown
  AND (v.next_attempt_at IS NULL OR v.next_attempt_at <= :now)
"""
_DUE_PREVIEW: Final = text(f"""
SELECT v.task_id, c.notion_page_id AS card_id, v.changes {_DUE}
  AND v.task_id <> ALL (CAST(:tried AS uuid[]))
ORDER BY v.task_id LIMIT 1
""")
_ANY_DUE: Final = text(f"SELECT EXISTS (SELECT {_DUE})")


async def due_preview(
    session: AsyncSession, *, now: datetime, tried: Collection[UUID] = ()
) -> DuePreview | None:
    """The next card whose Preview is due; None when no card has one due."""
    row = (await session.execute(_DUE_PREVIEW, {"now": now, "tried": list(tried)})).mappings()
    found = row.first()
    return None if found is None else DuePreview(**found)


async def any_preview_due(session: AsyncSession, now: datetime) -> bool:
    """Whether any Preview is due."""
    return bool((await session.execute(_ANY_DUE, {"now": now})).scalar_one())


async def forget_previews(session: AsyncSession) -> None:
    """Forget what cards show: those of the next board show nothing yet."""
    await session.execute(
        update(CardPreview).values(shown=0, content=None, file_names=[], refused_sha256=None)
    )


async def any_film_refused(session: AsyncSession) -> bool:
    """Whether the workspace refused a film that a card is to show."""
    wanted = (
        select(CardPreview.task_id).where(col(CardPreview.refused_sha256).is_not(None)).limit(1)
    )
    return (await session.scalars(wanted)).first() is not None


async def held_preview(session: AsyncSession, task_id: UUID) -> CardPreview | None:
    """The row of a task, locked until the commit; None when the task was deleted."""
    return await session.get(CardPreview, task_id, with_for_update=True, populate_existing=True)
