"""`piece_pages`: the page of each piece on the board.

Triggers count in `changes` what may change what a page shows, whoever writes (migration 0037). A
page that was written has that count in `shown`, so what is due is a query, as for cards.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    Uuid,
    delete,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col, select

from models.rules.backoff import Backoff
from models.tables.production.columns import counter, moment, optional, required

RETRIES: Final = Backoff(first=timedelta(seconds=30), longest=timedelta(hours=1))
_DUE: Final = "changes > shown AND trashed_at IS NULL"
_UNRELATED_ONLY: Final = "NOT is_related AND notion_page_id IS NOT NULL"


class PiecePage(SQLModel, table=True):
    """The page of a piece, and what is known of it."""

    __tablename__ = "piece_pages"
    __table_args__ = (
        Index("ix_piece_pages_due", "next_attempt_at", postgresql_where=text(_DUE)),
        Index("ix_piece_pages_unrelated", "notion_page_id", postgresql_where=text(_UNRELATED_ONLY)),
        {"comment": "The page of each piece on the board, and what it shows."},
    )

    piece_id: UUID = Field(
        sa_column=required(
            Uuid, "The piece.", ForeignKey("pieces.id", ondelete="CASCADE"), primary_key=True
        )
    )
    changes: int = Field(
        default=1,
        sa_column=counter(
            BigInteger, "How often something changed that its page shows; by triggers.", start=1
        ),
    )
    shown: int = Field(
        default=0, sa_column=counter(BigInteger, "The changes that its page shows already.")
    )
    notion_page_id: str | None = Field(
        default=None, sa_column=optional(String(100), "Its page; NULL before there is one.")
    )
    relation: str | None = Field(
        default=None, sa_column=optional(String(20), "The card's relation that leads to it.")
    )
    is_related: bool = Field(
        default=False,
        sa_column=required(
            # The relation is written once: what people remove from it is not put back.
            Boolean,
            "Whether the card's relation was written.",
            server_default="false",
        ),
    )
    sent_at: datetime | None = Field(
        default=None,
        sa_column=moment("When a page was asked for whose answer is not stored; committed before."),
    )
    written: dict[str, Any] = Field(
        default_factory=dict,
        sa_column=required(
            JSONB, "What was written to its page last, by property.", server_default="{}"
        ),
    )
    file_sha256: str | None = Field(
        default=None, sa_column=optional(String(64), "Of the file that its page holds.")
    )
    file_name: str | None = Field(
        default=None, sa_column=optional(Text, "The name of that file on its page.")
    )
    refused_sha256: str | None = Field(
        default=None, sa_column=optional(String(64), "Of the file that the workspace refused.")
    )
    trashed_at: datetime | None = Field(
        default=None, sa_column=moment("When its page was found in the trash, or gone.")
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

    def failed(self, error: str, now: datetime, *, until: datetime | None = None) -> None:
        """Record a failed write: retry after 30 s, 1 min, 2 min, … at most an hour."""
        self.attempts += 1
        self.last_error = error[:2000]
        self.next_attempt_at = until or now + RETRIES.delay(self.attempts)

    def succeeded(self, changes: int) -> None:
        """Record that the page shows what was counted until then."""
        self.shown = changes
        self.attempts, self.next_attempt_at, self.last_error = 0, None, None


@dataclass(frozen=True, kw_only=True)
class DuePiece:
    """A piece whose page does not show it yet.

    Attributes:
        changes: as of the time when the rest was read.
        video: the title of its task.
        card_id: the page of its card.
        own: whether Showrunner made it, so that its file is on this machine.
        is_replaced: whether a later round made it anew.
    """

    id: UUID
    changes: int
    task_id: UUID
    card_id: str
    video: str
    kind: str
    position: int
    round: int
    state: str
    title: str
    url: str | None
    path: str | None
    sha256: str | None
    media_type: str | None
    own: bool
    cost: Decimal | None
    is_replaced: bool


_FACTS: Final = """
SELECT p.id, g.changes, p.task_id, c.notion_page_id AS card_id, t.title AS video, p.kind,
  p.position, p.round, p.state, p.title, p.url, p.path, p.sha256, p.media_type,
  p.input_hash IS NOT NULL AS own,
  (SELECT sum(s.counted) FROM spends s WHERE s.task_id = p.task_id AND s.piece_id = p.id) AS cost,
  EXISTS (
    SELECT FROM pieces n WHERE n.task_id = p.task_id AND n.kind = p.kind
      AND n.position = p.position AND n.round > p.round
  ) AS is_replaced
FROM piece_pages g
JOIN pieces p ON p.id = g.piece_id
JOIN tasks t ON t.id = p.task_id
JOIN cards c ON c.task_id = p.task_id
WHERE c.trashed_at IS NULL
"""
_IS_DUE: Final = """
  AND g.changes > g.shown AND g.trashed_at IS NULL
  AND (g.next_attempt_at IS NULL OR g.next_attempt_at <= :now)
  AND (g.notion_page_id IS NOT NULL OR g.sent_at IS NOT NULL
    OR p.state IN ('done', 'failed', 'unknown'))
"""
_DUE_PIECES: Final = text(f"""
{_FACTS} {_IS_DUE}
  AND p.kind = ANY (CAST(:kinds AS text[])) AND p.id <> ALL (CAST(:tried AS uuid[]))
ORDER BY t.status_changed_at DESC, t.id, p.round DESC, p.kind, p.position
LIMIT :limit
""")
_ANY_DUE: Final = text(f"""
SELECT EXISTS (
  SELECT FROM piece_pages g JOIN pieces p ON p.id = g.piece_id
  JOIN cards c ON c.task_id = p.task_id
  WHERE c.trashed_at IS NULL {_IS_DUE}
)
""")  # noqa: S608 - constants of ours


async def due_pieces(
    session: AsyncSession,
    *,
    kinds: Collection[str],
    now: datetime,
    tried: Collection[UUID] = (),
    limit: int = 50,
) -> list[DuePiece]:
    """Pieces of these kinds whose pages are to be written: those of the latest changed video first.

    A piece gets a page when it is done, or when somebody must decide about it.
    """
    given = {"kinds": sorted(kinds), "now": now, "tried": list(tried), "limit": limit}
    rows = (await session.execute(_DUE_PIECES, given)).mappings()
    return [DuePiece(**row) for row in rows]


async def any_piece_due(session: AsyncSession, now: datetime) -> bool:
    """Whether any page is due."""
    return bool((await session.execute(_ANY_DUE, {"now": now})).scalar_one())


async def held_page(session: AsyncSession, piece_id: UUID) -> PiecePage | None:
    """The row of a piece, locked until the commit; None when the piece was deleted."""
    return await session.get(PiecePage, piece_id, with_for_update=True, populate_existing=True)


@dataclass(frozen=True, kw_only=True)
class Unrelated:
    """A card whose relation lacks pages of pieces; `pages` are the newest first."""

    card_id: str
    relation: str
    pages: tuple[str, ...]


_UNRELATED: Final = text("""
SELECT c.notion_page_id AS card_id, g.relation,
  array_agg(g.notion_page_id ORDER BY p.round DESC, p.kind, p.position DESC) AS pages
FROM piece_pages g JOIN pieces p ON p.id = g.piece_id JOIN cards c ON c.task_id = p.task_id
WHERE NOT g.is_related AND g.notion_page_id IS NOT NULL AND g.trashed_at IS NULL
  AND c.trashed_at IS NULL
GROUP BY 1, 2 ORDER BY 1, 2 LIMIT :limit
""")


async def unrelated(session: AsyncSession, *, limit: int = 500) -> Sequence[Unrelated]:
    """Cards whose relations are to be written."""
    rows = (await session.execute(_UNRELATED, {"limit": limit})).all()
    return [
        Unrelated(card_id=row.card_id, relation=row.relation, pages=tuple(row.pages))
        for row in rows
    ]


async def mark_related(session: AsyncSession, pages: Collection[str]) -> None:
    """Record that the card's relation was written for these pages."""
    await session.execute(
        update(PiecePage).where(col(PiecePage.notion_page_id).in_(pages)).values(is_related=True)
    )


async def forget_pages(session: AsyncSession) -> None:
    """Forget every page: the next board gets its own."""
    await session.execute(delete(PiecePage))
    await session.execute(text("INSERT INTO piece_pages (piece_id) SELECT id FROM pieces"))


async def any_refused(session: AsyncSession) -> bool:
    """Whether the workspace refused a file that a page is to hold."""
    wanted = select(PiecePage.piece_id).where(col(PiecePage.refused_sha256).is_not(None)).limit(1)
    return (await session.scalars(wanted)).first() is not None
