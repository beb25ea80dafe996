"""Durations, moments and Markdown for operators."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

_UNITS = (
    (timedelta(days=2), timedelta(days=1), "days"),
    (timedelta(hours=2), timedelta(hours=1), "h"),
)
_MINUTES_FROM = timedelta(seconds=100)


def spoken(length: timedelta) -> str:
    """The duration in the largest unit that is not too coarse: `45 s`, `12 min`, `3 h`, `4 days`.

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
    """The moment in UTC, to the second; empty for None."""
    if moment is None:
        return ""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def utc_time(moment: datetime) -> str:
    """The moment as messages show it: `2026-11-27 10:00:30 UTC`."""
    return f"{clock_time(moment)} UTC"


def times(count: int) -> str:
    """How often something happened: `once`, `2 times`."""
    return "once" if count == 1 else f"{count} times"


def counted(count: int, name: str) -> str:
    """A count and its noun: `1 card`, `2 cards`."""
    return f"{count} {name}{'' if count == 1 else 's'}"


def either(names: Sequence[str]) -> str:
    """The names in a sentence: `“A”, “B” or “C”`."""
    *others, last = (f"“{name}”" for name in names)
    return f"{', '.join(others)} or {last}" if others else last


_MARKS: Final = re.compile(r"([!-/:-@\[-`{-~])")
"""ASCII's punctuation; it includes everything that has a meaning in Markdown or HTML, and links."""


def as_text(text: str) -> str:
    """Markdown that shows this text unchanged, on one line."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def as_link(text: str, address: str) -> str:
    """Markdown of a link that shows this text."""
    return f"[{as_text(text)}](<{address}>)"
