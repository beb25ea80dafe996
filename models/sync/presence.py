"""Which cards should be on the board, and when to ask whether they still are: no query shows what is in the trash.

The cards are asked for in rounds: those that are queued, in work or in review in a short one, all of them in one of
about a day. Each step of a round is a query of the next hundred cards in the order in which they were made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Any, Final, Self

from sqlalchemy import and_, func, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.rules.statuses import STATE_OF, BoardStatus, Status
from models.tables.card import Card
from models.tables.sync_state import BEGINNING

PAGE: Final = 100
"""Cards that a query shows at most."""
CYCLE: Final = timedelta(seconds=60)
"""A step costs a request, and there may be one such request a cycle in the mean."""
FIRST: Final = timedelta(minutes=2)
"""How long after a board was read for the first time the asking begins."""
_LATE: Final = timedelta(seconds=30)
"""A cycle that begins early by less than this takes its step all the same."""
_GOING_ON = (
    Status.PENDING,
    Status.PROCESSING,
    Status.AWAITING_REVIEW,
    Status.APPROVED,
    Status.RETRY,
)
GOING_ON: Final = tuple(column for column in BoardStatus if STATE_OF[column] in _GOING_ON)
"""Columns whose cards a worker may take, has taken, or takes when people say so."""


class RoundKind(StrEnum):
    """Of which cards a round asks."""

    GOING_ON = "going_on"
    ALL = "all"


PERIODS: Final[Mapping[RoundKind, timedelta]] = {
    RoundKind.GOING_ON: timedelta(minutes=6),
    RoundKind.ALL: timedelta(hours=20),
}
"""How often a round begins: a card that leaves just after it was asked for is found within ten
minutes, or a day."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """How far the asking has come.

    Attributes:
        began: when it began; stepped: when its last step was taken.
        at: when the cards that are next were made; None when it is over.
    """

    began: datetime
    stepped: datetime
    at: datetime | None = None

    def due(self, which: RoundKind, now: datetime, cards: int) -> bool:
        """Whether a step is due: those of the round of all `cards` are spread over it, the others follow at once."""
        if self.at is None:
            return now - self.began >= PERIODS[which] - _LATE
        pace = PERIODS[which] / (ceil(cards / PAGE) + 1) if which is RoundKind.ALL else CYCLE
        return now - self.stepped >= pace - _LATE


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """Both rounds.

    Attributes:
        free_at: when the next step may be paid for.
        cards: how many there were in all when the round of all of them began.
    """

    rounds: Mapping[RoundKind, Round]
    free_at: datetime
    cards: int = 0

    @classmethod
    def first(cls, now: datetime, cards: int) -> Self:
        """Where there is nothing yet: the board was just read, and both rounds are under way."""
        begun = Round(began=now, stepped=now, at=BEGINNING)
        return cls(rounds=dict.fromkeys(RoundKind, begun), free_at=now + FIRST, cards=cards)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What `as_json` wrote."""
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
        """Of which cards to ask now.

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
        """After a step; `at` is None when it was the last of its round."""
        known = self.rounds[which]
        step = Round(began=known.began if known.at is not None else now, stepped=now, at=at)
        return replace(self, rounds={**self.rounds, which: step})

    def paid(self, now: datetime, requests: int) -> Self:
        """After so many requests: the next are due as many cycles later."""
        return replace(self, free_at=now + requests * CYCLE - _LATE)


def _moments(value: Mapping[str, str]) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(moment) for name, moment in value.items()}


def _there(columns: Sequence[str] | None) -> list[Any]:
    known = [col(Card.trashed_at).is_(None), col(Card.first_seen_at).is_not(None)]
    return known if columns is None else [*known, col(Card.shown_status).in_(columns)]


async def first_created_at(
    session: AsyncSession, columns: Sequence[str] | None, at: datetime | None
) -> datetime | None:
    """When the first of the cards was made that are expected on the board and were made then or later; None: no such.

    Args:
        columns: only cards that the board showed in one of these; None for all.
        at: None for the beginning.
    """
    query = select(func.min(Card.made_at)).where(*_there(columns))
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
    """Cards that are expected on the board and were made in that stretch of time, or nobody knows when.

    Args:
        columns: as above.
        before: None for no end.
        since: whoever looked at one of them after this knows better.
    """
    made = [col(Card.made_at) >= at, *([col(Card.made_at) < before] if before is not None else [])]
    then = or_(col(Card.made_at).is_(None), and_(*made))
    query = select(Card.notion_page_id).where(*_there(columns), then, col(Card.seen_at) < since)
    return set(await session.scalars(query))
