"""What an import still has to read: stretches of the board in time of creation, several of them side by side.

A query's answer leads to the next by a cursor, so one chain of queries gets no further than one answer at a time; a
query takes Notion up to a second. One chain begins at the oldest card and one at the newest; what lies between
them is divided as soon as both ends are known. Creation times never change, so nothing slips from one stretch into
another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from models.properties import to_minute

SIDE_BY_SIDE: Final = 3
"""Stretches read at a time: at a second a query they fill a budget of three a second. Each may end in a page that is
nearly empty, so more would cost requests."""
WORTH_SHARING: Final = 6
"""Pages: of less than that, one more reader would hardly save the time of the request that it may cost."""
_MINUTE: Final = timedelta(minutes=1)


@dataclass(eq=False)
class Stretch:
    """The cards created at `since` or later and earlier than `before`; None where it has no end on that side.

    Attributes:
        newest_first: the way it is read. What was stored is cut off it on that side.
        begun, reached: when the first and the last card were created that were read.
        pages: how many pages were read.
        done: read to its end, though perhaps not stored yet.
    """

    since: datetime | None = None
    before: datetime | None = None
    newest_first: bool = False
    begun: datetime | None = None
    reached: datetime | None = None
    pages: int = 0
    done: bool = False

    def read(self, first: datetime, last: datetime) -> None:
        """Note a page by its first and last card."""
        self.begun = self.begun or first
        self.reached, self.pages = last, self.pages + 1

    def stored(self, last: datetime) -> None:
        """Cut off what was stored. Of the last card's minute there may be more."""
        if self.newest_first:
            self.before = last + _MINUTE
        else:
            self.since = last

    @property
    def over(self) -> bool:
        """Whether what was read goes past its end: the rest is another's."""
        if self.reached is None:
            return False
        if self.newest_first:
            return self.since is not None and self.reached < self.since
        return self.before is not None and self.reached >= self.before

    @property
    def empty(self) -> bool:
        """Whether everything of it was stored."""
        return self.since is not None and self.before is not None and self.since >= self.before

    @property
    def pace(self) -> timedelta:
        """How long it took people to make a page of cards, as far as it was read; a minute at least."""
        if self.begun is None or self.reached is None:
            return _MINUTE
        return max(abs(self.reached - self.begun) / self.pages, _MINUTE)

    @property
    def left(self) -> float:
        """Pages that are probably left; none while that is not known."""
        end = self.since if self.newest_first else self.before
        return abs(end - self.reached) / self.pace if end is not None and self.reached is not None else 0

    def halved(self) -> Stretch | None:
        """Give away the half that would be read last; None when it cannot be divided."""
        end = self.since if self.newest_first else self.before
        if end is None or self.reached is None:
            return None
        middle = to_minute(self.reached + (end - self.reached) / 2)
        if not min(self.reached, end) < middle < max(self.reached, end):
            return None
        if self.newest_first:
            given, self.since = Stretch(self.since, middle), middle
        else:
            given, self.before = Stretch(middle, self.before), middle
        return given


@dataclass
class Course:
    """How far an import came.

    Attributes:
        here_since: when it began, by our clock; began: by Notion's, None before its first answer.
        cards: how many were stored.
    """

    here_since: datetime
    began: datetime | None = None
    cards: int = 0
    stretches: list[Stretch] = field(default_factory=lambda: [Stretch(), Stretch(newest_first=True)])

    def one_more(self) -> Stretch | None:
        """A stretch for one more reader, if there is a place for one and enough to read."""
        reading = [stretch for stretch in self.stretches if not stretch.done]
        if not reading or len(reading) >= SIDE_BY_SIDE:
            return None
        oldest = next((each for each in reading if not each.newest_first and each.before is None), None)
        if oldest is not None:
            given = self._meet(oldest)
        else:
            widest = max(reading, key=lambda stretch: stretch.left)
            given = widest.halved() if widest.left >= WORTH_SHARING else None
        if given is not None:
            self.stretches.append(given)
        return given

    def _meet(self, oldest: Stretch) -> Stretch | None:
        """Divide the board between who reads from its oldest card and who reads from its newest."""
        newest = next((each for each in self.stretches if each.newest_first and each.since is None), None)
        if oldest.reached is None or newest is None or newest.reached is None:
            return None
        oldest.before = newest.since = newest.reached + _MINUTE
        between = newest.reached - oldest.reached
        if between / min(oldest.pace, newest.pace) < WORTH_SHARING or between < 3 * _MINUTE:
            return None
        oldest.before, newest.since = to_minute(oldest.reached + between / 3), to_minute(newest.reached - between / 3)
        return Stretch(oldest.before, newest.since)

    def finished(self, stretch: Stretch) -> None:
        """Note that a stretch was read to its end. Who read up to the board's newest card leaves nothing to others."""
        stretch.done = True
        for other in self.stretches:
            if stretch.before is None and not stretch.newest_first and other.since is None:
                other.since = stretch.reached

    def as_json(self) -> dict[str, Any]:
        """A JSON value from which `from_json` makes the same, as far as it was stored."""
        return {
            "cards": self.cards,
            "here_since": self.here_since.isoformat(),
            "began": self.began.isoformat() if self.began is not None else None,
            "stretches": [
                {"since": _text(each.since), "before": _text(each.before), "newest_first": each.newest_first}
                for each in self.stretches
            ],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None, now: datetime) -> Course:
        """How far an unfinished import came; the whole board where there is none, or one that another release left."""
        if value is None or "stretches" not in value:
            return cls(here_since=now)
        stretches = [
            Stretch(_moment(each["since"]), _moment(each["before"]), newest_first=each["newest_first"])
            for each in value["stretches"]
        ]
        here_since = datetime.fromisoformat(value["here_since"])
        left = [stretch for stretch in stretches if not stretch.empty]
        return cls(here_since, _moment(value["began"]), value["cards"], left)


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
