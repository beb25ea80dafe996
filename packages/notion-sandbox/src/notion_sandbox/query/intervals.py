"""Spans of time that date conditions stand for, in UTC.

Source: Notion's "Filter database entries", date conditions.

A day as operand stands for the whole day. past_…, next_… and this_week are counted in whole days;
weeks begin on Sunday, as in Notion's default calendar. A moment is cut to the minute, as the dates
and times that it is compared with are (recorded).
"""

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import inf
from typing import Any

from notion_sandbox.errors import body_error, shape_error
from notion_sandbox.values.dates import day_range, floor_to_minute, parse_moment, with_zone


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high` in seconds since 1970; the ends belong to it or not."""

    low: float = -inf
    high: float = inf
    low_in: bool = True
    high_in: bool = True

    def contains(self, moment: float) -> bool:
        """Whether a moment lies inside."""
        if self.low < moment < self.high:
            return True
        return (self.low_in and moment == self.low) or (self.high_in and moment == self.high)

    def narrowed(self, other: "Interval") -> "Interval":
        """An interval that holds at least what lies in both."""
        return Interval(max(self.low, other.low), min(self.high, other.high))


def _months_later(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


_NAMED_DAYS: dict[str, Callable[[date], date]] = {
    "today": lambda day: day,
    "tomorrow": lambda day: day + timedelta(days=1),
    "yesterday": lambda day: day - timedelta(days=1),
    "one_week_ago": lambda day: day - timedelta(days=7),
    "one_week_from_now": lambda day: day + timedelta(days=7),
    "one_month_ago": lambda day: _months_later(day, -1),
    "one_month_from_now": lambda day: _months_later(day, 1),
}

_SPANS: dict[str, Callable[[date], tuple[date, date]]] = {
    "past_week": lambda day: (day - timedelta(days=7), day),
    "past_month": lambda day: (_months_later(day, -1), day),
    "past_year": lambda day: (_months_later(day, -12), day),
    "next_week": lambda day: (day, day + timedelta(days=7)),
    "next_month": lambda day: (day, _months_later(day, 1)),
    "next_year": lambda day: (day, _months_later(day, 12)),
    "this_week": lambda day: (
        start := day - timedelta(days=day.isoweekday() % 7),
        start + timedelta(days=6),
    ),
}

_COMPARISONS: dict[str, Callable[[float, float], Interval]] = {
    "equals": lambda start, end: Interval(start, end, high_in=start == end),
    "before": lambda start, _end: Interval(high=start, high_in=False),
    "after": lambda start, end: Interval(low=end, low_in=start != end),
    "on_or_before": lambda start, end: Interval(high=end, high_in=start == end),
    "on_or_after": lambda start, _end: Interval(low=start),
}
"""By operator: the interval for an operand from its first moment to the first one after it.

Both are the same for a moment; a day ends before the next one begins.
"""


def date_interval(operator: str, operand: Any, *, now: datetime, path: str) -> Interval:
    """The span of one date condition.

    Args:
        operator: `on_or_after`, `past_week` and so on.
        operand: An ISO day or moment, a name such as `today`, or `{}` for the spans.
        now: The present, for the names and spans.
        path: For the message.

    Raises:
        NotionError: validation_error for an unknown operator or operand.
    """
    today = now.astimezone(UTC).date()
    if operator in _SPANS:
        if operand != {}:
            raise shape_error(path, "an empty object", operand)
        first, last = _SPANS[operator](today)
        return Interval(
            day_range(first)[0].timestamp(), day_range(last)[1].timestamp(), high_in=False
        )
    if operator not in _COMPARISONS:
        raise body_error(f"{path} should be not present: there is no such operator.")
    start, end = _operand_range(operand, today, path)
    return _COMPARISONS[operator](start, end)


def _operand_range(operand: Any, today: date, path: str) -> tuple[float, float]:
    """The first moment of the operand and the first one after it; the same for a moment."""
    moment = _operand_moment(operand, today)
    if moment is None:
        raise shape_error(path, "a valid ISO 8601 date string", operand)
    if isinstance(moment, datetime):
        at = floor_to_minute(with_zone(moment)).timestamp()
        return at, at
    start, end = day_range(moment)
    return start.timestamp(), end.timestamp()


def _operand_moment(operand: Any, today: date) -> date | datetime | None:
    if isinstance(operand, str) and operand in _NAMED_DAYS:
        return _NAMED_DAYS[operand](today)
    return parse_moment(operand)
