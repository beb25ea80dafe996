"""Divide an import into ranges of creation time, each read from both of its ends.

A query's answer leads to the next by a cursor, so one chain of queries gets one answer at a time,
and Notion takes up to a second for each. One chain begins at the oldest card and one at the newest.
As soon as both ends are known, two more begin in the middle. Two chains that read towards each
other meet in one page, wherever the cards lie, so hardly a request is wasted. Creation times never
change, so no card moves from one range to another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from models.rules.codec.read import to_minute

READERS: Final = 4
"""Chains of queries at a time: at a second a query they use a limit of three a second."""
WORTH_SHARING: Final = 6
"""Pages: with less than that left, two more readers would save less time than the request that they
may cost."""
_MINUTE: Final = timedelta(minutes=1)


@dataclass(eq=False)
class RangeReader:
    """A chain of queries that reads a range from one of its ends.

    Attributes:
        of: the range; another one once that was divided.
        begun, reached: when the first and the last card were created that were read.
        pages: how many pages were read.
        exhausted: whether Notion reported that there is no more.
        done: whether nothing more is read from here.
        stored_all: whether everything that was read from here is stored, too.
    """

    of: ImportRange
    newest_first: bool
    begun: datetime | None = None
    reached: datetime | None = None
    pages: int = 0
    exhausted: bool = False
    done: bool = False
    stored_all: bool = False

    def read(self, first: datetime, last: datetime) -> None:
        """Record a page by its first and last card."""
        self.begun = self.begun or first
        self.reached, self.pages = last, self.pages + 1

    def stored(self, last: datetime) -> None:
        """Cut what was stored off the range. There may be more cards of the last card's minute."""
        if self.newest_first:
            self.of.before = last + _MINUTE
        else:
            self.of.since = last

    @property
    def other(self) -> RangeReader:
        """The reader from the other end."""
        return self.of.oldest if self.newest_first else self.of.newest

    @property
    def over(self) -> bool:
        """Whether nothing is left to read: the two met, or the other reads the page between."""
        if self.other.exhausted:
            return True
        if self.reached is None:
            return False
        if self.newest_first:
            past = self.of.since is not None and self.reached < self.of.since
        else:
            past = self.of.before is not None and self.reached >= self.of.before
        if past or self.other.reached is None:
            return past
        # There may be more cards of a minute that both have reached.
        between = self.other.reached - self.reached
        if self.newest_first:
            between = -between
        return between < timedelta(0) or (not self.other.done and between < self.pace)

    @property
    def pace(self) -> timedelta:
        """The time span of a page of cards, as far as read; at least a minute."""
        if self.begun is None or self.reached is None:
            return _MINUTE
        return max(abs(self.reached - self.begun) / self.pages, _MINUTE)


@dataclass(eq=False)
class ImportRange:
    """The cards created at `since` or later and earlier than `before`; None if unbounded.

    Attributes:
        oldest, newest: the readers from its oldest and from its newest card.
    """

    since: datetime | None = None
    before: datetime | None = None
    oldest: RangeReader = field(init=False)
    newest: RangeReader = field(init=False)

    def __post_init__(self) -> None:
        """Place a reader at each end."""
        self.oldest, self.newest = (
            RangeReader(self, newest_first=False),
            RangeReader(self, newest_first=True),
        )

    @property
    def left(self) -> float:
        """Pages that are probably left; 0 while that is unknown."""
        low, high = self.oldest.reached, self.newest.reached
        if low is None or high is None or self.oldest.done or self.newest.done:
            return 0
        return (high - low) / min(self.oldest.pace, self.newest.pace)

    def divided(self) -> ImportRange | None:
        """Split off the half near the newest card, with its reader; None if it has no middle."""
        low, high = self.oldest.reached, self.newest.reached
        if low is None or high is None or high - low < 2 * _MINUTE:
            return None
        middle = to_minute(low + (high - low) / 2)
        given = ImportRange(middle, self.before)
        given.newest, given.newest.of = self.newest, given
        self.before, self.newest = middle, RangeReader(self, newest_first=True)
        return given


@dataclass
class ImportProgress:
    """How far an import came.

    Attributes:
        here_since: when it began, by our clock.
        began: when it began, by Notion's clock; None before its first answer.
        cards: how many were stored.
        stretches: the ranges that are left.
    """

    here_since: datetime
    began: datetime | None = None
    cards: int = 0
    stretches: list[ImportRange] = field(default_factory=lambda: [ImportRange()])

    def readers(self) -> list[RangeReader]:
        """All readers that are not done."""
        ends = [end for stretch in self.stretches for end in (stretch.oldest, stretch.newest)]
        return [end for end in ends if not end.done]

    def more_readers(self) -> list[RangeReader]:
        """Divide the widest range and return the two readers of its middle, if that helps.

        It does if two more readers are allowed and enough pages are left.
        """
        widest = max(self.stretches, key=lambda stretch: stretch.left, default=None)
        if widest is None or widest.left < WORTH_SHARING or len(self.readers()) > READERS - 2:
            return []
        given = widest.divided()
        if given is None:
            return []
        self.stretches.append(given)
        return [widest.newest, given.oldest]

    def ended(self, end: RangeReader) -> None:
        """Record that everything this reader read is stored."""
        end.stored_all = True
        if end.other.stored_all:
            self.stretches = [stretch for stretch in self.stretches if stretch is not end.of]

    def as_json(self) -> dict[str, Any]:
        """A JSON value from which `from_json` makes the same, as far as it was stored."""
        return {
            "cards": self.cards,
            "here_since": self.here_since.isoformat(),
            "began": _text(self.began),
            "stretches": [
                {"since": _text(each.since), "before": _text(each.before)}
                for each in self.stretches
            ],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None, now: datetime) -> ImportProgress:
        """The progress of an unfinished import; the whole board if none is stored in this form."""
        if value is None or "stretches" not in value:
            return cls(here_since=now)
        stretches = [
            ImportRange(_moment(each["since"]), _moment(each["before"]))
            for each in value["stretches"]
        ]
        here_since = datetime.fromisoformat(value["here_since"])
        return cls(here_since, _moment(value["began"]), value["cards"], stretches)


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
