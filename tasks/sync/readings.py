"""Which pages of the board to read, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from models.rules.codec.read import to_minute
from models.sync.observations import Observation
from models.sync.reconcile import ReconcileResult
from models.sync.writes.lost_updates import ReportedEdit

Filter = Mapping[str, Any]
"""A filter of Notion's query endpoint."""


def edited_since(moment: datetime) -> Filter:
    """A query filter: pages edited at that moment or later."""
    return {
        "timestamp": "last_edited_time",
        "last_edited_time": {"on_or_after": moment.isoformat()},
    }


@dataclass(frozen=True, kw_only=True)
class Window:
    """Which pages of the board a scan reads: all created in a stretch of time, or some of them.

    Attributes:
        created, before: created at that minute or later, and earlier than that.
        edited: edited at that minute or later.
        also: another condition, a query filter.
        newest_first: the order; always by creation, which never changes, so that no page is
            skipped between two requests.
    """

    created: datetime | None = None
    before: datetime | None = None
    edited: datetime | None = None
    also: Filter | None = None
    newest_first: bool = False

    def filter(self) -> Filter | None:
        """The query filter; None for the whole board."""
        parts: list[Filter] = []
        if self.edited is not None:
            parts.append(edited_since(self.edited))
        for bound, moment in (("on_or_after", self.created), ("before", self.before)):
            if moment is not None:
                parts.append(
                    {"timestamp": "created_time", "created_time": {bound: moment.isoformat()}}
                )
        if self.also is not None:
            parts.append(self.also)
        match parts:
            case []:
                return None
            case [only]:
                return only
            case _:
                return {"and": parts}

    def sorts(self) -> list[dict[str, Any]]:
        """The query's sort order."""
        direction = "ascending"
        if self.newest_first:
            direction = "descending"
        return [{"timestamp": "created_time", "direction": direction}]

    def after(self, last: datetime | None) -> Window:
        """The rest of the window after a page created at `last`, whose minute may have more.

        Without such a page it is the whole window.
        """
        if last is None:
            return self
        if self.newest_first:
            return replace(self, before=to_minute(last) + timedelta(minutes=1))
        return replace(self, created=to_minute(last))


@dataclass
class Readings:
    """What came of reading a set of pages.

    Attributes:
        cards: the pages that were read.
        not_found: ids of pages that Notion does not find.
        failed: why each of the other pages could not be read, by page id.
        unreadable: those of `failed` that lie on the board but lack something that it has. Their
            cards are marked as unreadable and read again later.
        more: of a query's answer, whether there are further pages.
        answered: of a query's answer, when Notion gave it, by its own clock.
    """

    cards: list[Observation] = field(default_factory=list)
    not_found: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    more: bool = False
    answered: datetime | None = None

    def __str__(self) -> str:
        """How many cards, for a task's name in the Prefect UI."""
        return f"{len(self.cards)} cards"

    @property
    def pages(self) -> list[str]:
        """Ids of all pages that were read or could not be, sorted."""
        read = {observation.card.page_id for observation in self.cards}
        return sorted(read | set(self.not_found) | self.failed.keys())

    def add(self, other: Readings) -> None:
        """Add what another request found."""
        self.cards += other.cards
        self.not_found += other.not_found
        self.failed |= other.failed
        self.unreadable |= other.unreadable

    def part(self, pages: Collection[str]) -> Readings:
        """The part about these pages."""
        return Readings(
            cards=[read for read in self.cards if read.card.page_id in pages],
            not_found=[page for page in self.not_found if page in pages],
            failed={page: error for page, error in self.failed.items() if page in pages},
            unreadable=self.unreadable.intersection(pages),
        )

    def as_failed(self, error: str) -> Readings:
        """The same pages as ones that cannot be read; those on the board are read again later."""
        unreadable = self.unreadable | {
            read.card.page_id for read in self.cards if not read.card.away
        }
        return Readings(failed=dict.fromkeys(self.pages, error), unreadable=unreadable)


@dataclass(frozen=True, kw_only=True)
class Events:
    """The rows of the inbox that a set of readings completes.

    Attributes:
        pages: row ids by page.
        finished: row ids of events that needed no reading, by the outcome to store.
        reported: users' edits that the events report, by page.
    """

    pages: Mapping[str, Sequence[int]] = field(default_factory=dict)
    finished: Mapping[str, Sequence[int]] = field(default_factory=dict)
    reported: Mapping[str, Sequence[ReportedEdit]] = field(default_factory=dict)

    def of(self, page_ids: Collection[str]) -> Events:
        """The part about these pages."""
        return Events(
            pages={page: rows for page, rows in self.pages.items() if page in page_ids},
            reported={page: edits for page, edits in self.reported.items() if page in page_ids},
        )


def combined(first: ReconcileResult, second: ReconcileResult) -> ReconcileResult:
    """The results of two parts as one."""
    return ReconcileResult(
        outcomes=first.outcomes + second.outcomes,
        reread=first.reread + second.reread,
        unconfirmed={**first.unconfirmed, **second.unconfirmed},
        lost_updates={**first.lost_updates, **second.lost_updates},
    )
