"""Which pages of the board to read, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from models.rules.codec import to_minute
from models.sync.lost_updates import ReportedEdit
from models.sync.observations import Observation
from models.sync.reconcile import ReconcileResult

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
        parts = [edited_since(self.edited)] if self.edited is not None else []
        for bound, moment in (("on_or_after", self.created), ("before", self.before)):
            if moment is not None:
                parts.append(
                    {"timestamp": "created_time", "created_time": {bound: moment.isoformat()}}
                )
        parts += [self.also] if self.also is not None else []
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else {"and": parts}

    def sorts(self) -> list[dict[str, Any]]:
        """The query's sort order."""
        return [
            {
                "timestamp": "created_time",
                "direction": "descending" if self.newest_first else "ascending",
            }
        ]

    def after(self, last: datetime) -> Window:
        """The rest of the window after a page created at `last`, whose minute may have more."""
        if self.newest_first:
            return replace(self, before=to_minute(last) + timedelta(minutes=1))
        return replace(self, created=to_minute(last))


@dataclass
class Readings:
    """What came of reading a set of pages.

    Attributes:
        cards: the pages that were read.
        gone: ids of pages that Notion does not find.
        failed: why each of the other pages could not be read, by page id.
        odd: those of `failed` that lie on the board but lack something that it has. Their cards
            are marked as unreadable and read again later.
        more: of a query's answer, whether there are further pages.
    """

    cards: list[Observation] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    odd: set[str] = field(default_factory=set)
    more: bool = False

    def __str__(self) -> str:
        """How many cards, for a task's name in the Prefect UI."""
        return f"{len(self.cards)} cards"

    @property
    def pages(self) -> list[str]:
        """Ids of all pages that were read or could not be, sorted."""
        read = {observation.card.page_id for observation in self.cards}
        return sorted(read | set(self.gone) | self.failed.keys())

    def add(self, other: Readings) -> None:
        """Add what another request found."""
        self.cards += other.cards
        self.gone += other.gone
        self.failed |= other.failed
        self.odd |= other.odd

    def part(self, pages: Collection[str]) -> Readings:
        """The part about these pages."""
        return Readings(
            cards=[read for read in self.cards if read.card.page_id in pages],
            gone=[page for page in self.gone if page in pages],
            failed={page: error for page, error in self.failed.items() if page in pages},
            odd=self.odd.intersection(pages),
        )

    def as_failed(self, error: str) -> Readings:
        """The same pages as ones that cannot be read; those on the board are read again later."""
        odd = self.odd | {read.card.page_id for read in self.cards if not read.card.away}
        return Readings(failed=dict.fromkeys(self.pages, error), odd=odd)


@dataclass(frozen=True, kw_only=True)
class Events:
    """The rows of the inbox that a set of readings completes.

    Attributes:
        pages: row ids by page.
        settled: row ids of events that needed no reading, by the outcome to store.
        reported: users' edits that the events report, by page.
    """

    pages: Mapping[str, Sequence[int]] = field(default_factory=dict)
    settled: Mapping[str, Sequence[int]] = field(default_factory=dict)
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
