"""Lengths of time and moments as an operator reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_UNITS = (
    (timedelta(days=2), timedelta(days=1), "days"),
    (timedelta(hours=2), timedelta(hours=1), "h"),
)
_MINUTES_FROM = timedelta(seconds=100)


def spoken(length: timedelta) -> str:
    """The length in the largest unit that is no crude rounding: `45 s`, `12 min`, `3 h`, `4 days`.

    Never negative.
    """
    length = max(length, timedelta(0))
    for least, unit, name in _UNITS:
        if length >= least:
            return f"{round(length / unit)} {name}"
    if length >= _MINUTES_FROM:
        return f"{round(length / timedelta(minutes=1))} min"
    return f"{round(length.total_seconds())} s"


def clock_time(moment: datetime | None) -> str:
    """The moment in UTC, to the second; empty for none."""
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
