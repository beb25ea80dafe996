"""Looks at cards, and plain SQL as a worker in any language writes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from sqlalchemy import URL

from kit import cards
from kit.clock import NOW
from models.postgres.engine import Sessions, libpq
from models.rules.board_schema import Board, Property
from models.rules.codec.read import BoardCard
from models.rules.validation import validate_notion_entry
from models.sync.observations import Observation
from models.sync.reconcile import ReconcileResult, reconcile

EARLIER: Final = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)

BOARD: Final = Board(
    data_source_id="source-1",
    properties={
        name: Property(id=name, name=name, type=kind)
        for name, kind in {
            "Status": "select",
            "Priority": "select",
            "Attention": "rich_text",
            "Created": "date",
            "Updated": "date",
        }.items()
    },
)


def make_card(page_id: str = "page-1", **values: Any) -> BoardCard:
    """A valid card in Draft that was edited last in this minute."""
    edited = NOW.replace(second=0)
    recent = {"created": EARLIER, "created_time": EARLIER, "updated": edited, "edited_at": edited}
    return cards.make_card(page_id=page_id, **{**recent, **values})


def make_observation(card: BoardCard, at: datetime = NOW, **values: Any) -> Observation:
    """A page read by its id, within a second."""
    usual: dict[str, Any] = {"began": at, "ended": at + SECOND, "by_id": True}
    return Observation(
        card=card, violations=validate_notion_entry(card, ["deep_sea"]), **{**usual, **values}
    )


async def settled(
    sessions: Sessions, *observations: Observation, now: datetime = NOW, **how: Any
) -> ReconcileResult:
    """Settle in a transaction of its own."""
    async with sessions() as session, session.begin():
        return await reconcile(session, observations, now=now, correlation_id="cycle-1", **how)


class Worker:
    """A pipeline worker: plain SQL, one transaction per statement, rows as dicts."""

    def __init__(self, url: URL) -> None:
        self.connection: psycopg.Connection[dict[str, Any]] = psycopg.connect(
            libpq(url),
            autocommit=True,
            row_factory=psycopg.rows.dict_row,
        )

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run one statement; its rows, if it gives any."""
        cursor = self.connection.execute(query, values)
        return cursor.fetchall() if cursor.description is not None else []

    @contextmanager
    def taking_in(self) -> Iterator[None]:
        """Statements of a transaction that takes in what the board shows, as only ours does."""
        with self.connection.transaction():
            self.rows("SELECT set_config('showrunner.taking_in', txid_current()::text, true)")
            yield

    def row(self, query: str, values: Sequence[Any] = ()) -> dict[str, Any]:
        """The only row."""
        (row,) = self.rows(query, values)
        return row

    def task(self, columns: str = "*") -> dict[str, Any]:
        """The only task."""
        return self.row(f"SELECT {columns} FROM tasks")

    def card(self, columns: str = "*") -> dict[str, Any]:
        """The only card."""
        return self.row(f"SELECT {columns} FROM cards")

    def history(self, *columns: str) -> list[tuple[Any, ...]]:
        """The columns of the whole history, oldest first."""
        return [
            tuple(row.values())
            for row in self.rows(f"SELECT {', '.join(columns)} FROM task_history ORDER BY id")
        ]
