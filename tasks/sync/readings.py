"""Readings taken apart, where an error that nobody foresaw stops all of them together."""

from __future__ import annotations

from collections.abc import Collection

from models.sync.reconcile import ReconcileResult
from tasks.sync.fetch import Readings


def pages_in(readings: Readings) -> list[str]:
    """Every page that was read, or was to be, in one order."""
    return sorted(
        {read.card.page_id for read in readings.cards} | set(readings.gone) | readings.failed.keys()
    )


def part_of(readings: Readings, pages: Collection[str]) -> Readings:
    """What was read of these pages."""
    return Readings(
        cards=[read for read in readings.cards if read.card.page_id in pages],
        gone=[page for page in readings.gone if page in pages],
        failed={page: error for page, error in readings.failed.items() if page in pages},
        odd=readings.odd.intersection(pages),
    )


def not_understood(readings: Readings, error: str) -> Readings:
    """The same pages, as ones that cannot be read; those that lie on the board are tried again by themselves."""
    odd = readings.odd | {read.card.page_id for read in readings.cards if not read.card.away}
    return Readings(failed=dict.fromkeys(pages_in(readings), error), odd=odd)


def together(first: ReconcileResult, second: ReconcileResult) -> ReconcileResult:
    """What came of both parts."""
    return ReconcileResult(
        outcomes=first.outcomes + second.outcomes,
        reread=first.reread + second.reread,
        unconfirmed={**first.unconfirmed, **second.unconfirmed},
        lost_updates={**first.lost_updates, **second.lost_updates},
    )
