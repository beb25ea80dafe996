"""Which cards should be on the board, and when to check: no query shows what is in the trash.

The cards are checked in rounds: those that are queued, in work or in review in a short one, all of
them in one of about a day. Each step of a round is a query of the next hundred cards in the order
of their creation. Cards that could not be read are read again here, too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Any, Final, Self

from sqlalchemy import and_, func, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.rules.statuses import STATE_OF, BoardStatus, Status
from models.sync.row_locks import lock_rows
from models.tables.card import Card
from models.tables.sync_state import BEGINNING

PAGE: Final = 100
"""Cards in one answer of a query at most."""
CYCLE: Final = timedelta(seconds=60)
"""A step costs a request, and one such request per cycle is affordable on average."""
FIRST: Final = timedelta(minutes=2)
"""How long after the first reading of a board the checks begin."""
_LATE: Final = timedelta(seconds=30)
"""A step may be taken this much before it is due, since cycles begin a little early or late."""
_GOING_ON = (
    Status.PENDING,
    Status.PROCESSING,
    Status.AWAITING_REVIEW,
    Status.APPROVED,
    Status.RETRY,
)
GOING_ON: Final = tuple(column for column in BoardStatus if STATE_OF[column] in _GOING_ON)
"""Columns whose cards a worker may take, has taken, or takes once a user decides so."""


class RoundKind(StrEnum):
    """Which cards a round checks."""

    GOING_ON = "going_on"
    ALL = "all"


PERIODS: Final[Mapping[RoundKind, timedelta]] = {
    RoundKind.GOING_ON: timedelta(minutes=6),
    RoundKind.ALL: timedelta(hours=20),
}
"""How often a round begins: a card that leaves just after its check is found within ten minutes, or
a day."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """How far a round has come.

    Attributes:
        began: when it began.
        stepped: when its last step was taken.
        at: the creation time of the next cards; None when it is over.
    """

    began: datetime
    stepped: datetime
    at: datetime | None = None

    def due(self, which: RoundKind, now: datetime, cards: int) -> bool:
        """Whether a step is due.

        The steps of the round of all `cards` are spread over its period; the others follow at once.
        """
        if self.at is None:
            return now - self.began >= PERIODS[which] - _LATE
        pace = CYCLE
        if which is RoundKind.ALL:
            pace = PERIODS[which] / (ceil(cards / PAGE) + 1)
        return now - self.stepped >= pace - _LATE


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """Both rounds.

    Attributes:
        free_at: the earliest moment of the next step, so that steps stay within their budget.
        cards: how many cards there were when the round of all cards began.
    """

    rounds: Mapping[RoundKind, Round]
    free_at: datetime
    cards: int = 0

    @classmethod
    def first(cls, now: datetime, cards: int) -> Self:
        """Both rounds under way, for a board that was just read."""
        begun = Round(began=now, stepped=now, at=BEGINNING)
        return cls(rounds=dict.fromkeys(RoundKind, begun), free_at=now + FIRST, cards=cards)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The rounds that `as_json` wrote."""
        rounds = {which: Round(**_moments(value[which])) for which in RoundKind}
        return cls(
            rounds=rounds, free_at=datetime.fromisoformat(value["free_at"]), cards=value["cards"]
        )

    def as_json(self) -> dict[str, Any]:
        """A JSON value from which `from_json` makes the same."""
        rounds = {
            which.value: {
                name: moment.isoformat()
                for name, moment in vars(known).items()
                if moment is not None
            }
            for which, known in self.rounds.items()
        }
        return {**rounds, "free_at": self.free_at.isoformat(), "cards": self.cards}

    def next(self, now: datetime) -> RoundKind | None:
        """The round that takes a step now, if any.

        The long round goes first: it is rarely due, and the short one waits a cycle.
        """
        if now < self.free_at:
            return None
        due = (
            which
            for which in (RoundKind.ALL, RoundKind.GOING_ON)
            if self.rounds[which].due(which, now, self.cards)
        )
        return next(due, None)

    def stepped(self, which: RoundKind, now: datetime, at: datetime | None) -> Self:
        """After a step; `at` is None if it was the last of its round."""
        known = self.rounds[which]
        step = Round(began=known.began if known.at is not None else now, stepped=now, at=at)
        return replace(self, rounds={**self.rounds, which: step})

    def paid(self, now: datetime, requests: int) -> Self:
        """After so many requests: the next step is due as many cycles later."""
        return replace(self, free_at=now + requests * CYCLE - _LATE)


def _moments(value: Mapping[str, str]) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(moment) for name, moment in value.items()}


def _on_board(columns: Sequence[str] | None) -> list[Any]:
    known = [col(Card.trashed_at).is_(None), col(Card.first_seen_at).is_not(None)]
    if columns is None:
        return known
    return [*known, col(Card.notion_status).in_(columns)]


async def first_created_at(
    session: AsyncSession, columns: Sequence[str] | None, at: datetime | None
) -> datetime | None:
    """The creation time of the first such card that should be on the board; None if there is none.

    Args:
        columns: only cards that the board showed in one of these; None for all.
        at: only cards created at that moment or later; None for all.
    """
    query = select(func.min(Card.made_at)).where(*_on_board(columns))
    found: datetime | None = await session.scalar(
        query if at is None else query.where(col(Card.made_at) >= at)
    )
    return found


async def expected_pages(
    session: AsyncSession,
    columns: Sequence[str] | None,
    at: datetime,
    before: datetime | None,
    *,
    since: datetime,
) -> set[str]:
    """Cards that should be on the board and were created in that stretch of time.

    Cards with an unknown creation time are included.

    Args:
        columns: as above.
        before: the end of the stretch; None for no end.
        since: cards that were read after this are left out: that reading is newer.
    """
    made = [col(Card.made_at) >= at, *([col(Card.made_at) < before] if before is not None else [])]
    then = or_(col(Card.made_at).is_(None), and_(*made))
    query = select(Card.notion_page_id).where(
        *_on_board(columns), then, col(Card.last_read_at) < since
    )
    return set(await session.scalars(query))


async def mark_unreadable(
    session: AsyncSession, errors: Mapping[str, str], *, now: datetime
) -> dict[str, int]:
    """Store why cards of the board cannot be read. The caller commits.

    Returns:
        How often in a row each of them could not be read or written.
    """
    held = await lock_rows(session, errors.keys(), making=errors.keys())
    for page_id, card in held.cards.items():
        card.unreadable = True
        card.failed(errors[page_id], now)
    return {page_id: card.attempts for page_id, card in held.cards.items()}


async def known_unreadable(session: AsyncSession, page_ids: Collection[str]) -> set[str]:
    """Those of the pages that are marked as unreadable already."""
    query = select(Card.notion_page_id).where(
        col(Card.notion_page_id).in_(page_ids), col(Card.unreadable)
    )
    return set(await session.scalars(query))


async def unreadable_due(session: AsyncSession, *, now: datetime, limit: int) -> list[str]:
    """Unreadable cards that are due to be read again, those that wait longest first."""
    due = (col(Card.unreadable), col(Card.next_attempt_at) <= now)
    query = select(Card.notion_page_id).where(*due).order_by(col(Card.next_attempt_at)).limit(limit)
    return list(await session.scalars(query))
