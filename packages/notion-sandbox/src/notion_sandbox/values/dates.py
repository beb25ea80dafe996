"""Dates: what a date property holds, and the spellings of moments in answers.

Source: Notion's "Page property values".
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from notion_sandbox.errors import body_error, shape_error
from notion_sandbox.values.checks import OBJECT_OR_NULL, require_object, require_value

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class DateValue:
    """A day or a moment, or a range of them.

    Attributes:
        start: `2026-11-23`, or `2026-11-23T10:00:00.000+01:00`: to the minute, with the offset it
            was given in.
        end: The same, or None.
    """

    start: str
    end: str | None = None

    def render(self) -> dict[str, Any]:
        """As responses carry it.

        A zone given by name comes back as its offset and a null time_zone.
        """
        return {"start": self.start, "end": self.end, "time_zone": None}

    def plain_text(self) -> str:
        """As text shows it: `2026-11-23`, or `2026-11-23 → 2026-11-25` for a range."""
        if self.end is None:
            return self.start
        return f"{self.start} → {self.end}"

    def dump(self) -> list[str | None]:
        """For the state file."""
        return [self.start, self.end]

    @classmethod
    def load(cls, dumped: list[Any]) -> "DateValue":
        """From the state file."""
        return cls(dumped[0], dumped[1])


def parse_date(value: Any, path: str) -> DateValue | None:
    """Read `{"start", "end"?, "time_zone"?}` or null.

    Moments are cut to the minute: Notion keeps a date property's time as hours and minutes.

    Raises:
        NotionError: validation_error when it is not a date, the range runs backwards, or a zone
            comes with an offset.
    """
    if value is None:
        return None
    body = require_object(value, path, OBJECT_OR_NULL)
    given_start = require_value(body, "start", path)
    zone = _parse_zone(body.get("time_zone"), f"{path}.time_zone")
    start = _normal(given_start, zone, f"{path}.start")
    if body.get("end") is None:
        return DateValue(start)
    end = _normal(body["end"], zone, f"{path}.end")
    if is_day(start) != is_day(end) or instant(end) < instant(start):
        raise body_error(
            f"{path}.end should be a date of the same form on or after {path}.start, "
            f"instead was `{end}`."
        )
    return DateValue(start, end)


def _parse_zone(name: Any, path: str) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, TypeError, OSError):
        raise shape_error(path, "a valid IANA time zone", name) from None


def _normal(text: Any, zone: ZoneInfo | None, path: str) -> str:
    moment = parse_moment(text)
    if moment is None:
        raise shape_error(path, "a valid ISO 8601 date string", text)
    if isinstance(moment, datetime):
        return _normal_moment(moment, text, zone, path)
    if zone is not None:
        raise body_error(
            f"{path} should include a time when a time_zone is given, instead was `{text}`."
        )
    return moment.isoformat()


def _normal_moment(moment: datetime, text: str, zone: ZoneInfo | None, path: str) -> str:
    has_offset = moment.tzinfo is not None
    if zone is not None and has_offset and not _is_utc_twice(text, zone):
        raise body_error(
            f"{path} should have no UTC offset when a time_zone is given, instead was `{text}`."
        )
    zoned = with_zone(moment, zone or UTC)
    return floor_to_minute(zoned).isoformat(timespec="milliseconds")


def _is_utc_twice(text: str, zone: ZoneInfo) -> bool:
    """Whether a moment ends in Z and the zone is UTC: recorded as accepted."""
    return zone.key == "UTC" and text[-1] in "zZ"


def parse_moment(text: Any) -> date | datetime | None:
    """A day, or a moment (naive when it has no offset), or None when the text is neither."""
    if not isinstance(text, str):
        return None
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        if _MOMENT.fullmatch(text):
            moment = datetime.fromisoformat(text.replace(",", "."))
            moment.astimezone(UTC)
            return moment
    except (ValueError, OverflowError):
        return None
    return None


def is_day(text: str) -> bool:
    """Whether the text is a day without a time."""
    return len(text) == len("2026-11-23")


def instant(text: str) -> datetime:
    """The moment that a normal date text stands for; a day stands for its first moment in UTC."""
    return with_zone(datetime.fromisoformat(text))


def with_zone(moment: datetime, zone: tzinfo = UTC) -> datetime:
    """The moment in this zone if it has no offset of its own."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=zone)
    return moment


def floor_to_minute(moment: datetime) -> datetime:
    """Notion's created and edited times of pages have no seconds."""
    return moment.replace(second=0, microsecond=0)


def page_time(moment: datetime) -> str:
    """A moment as pages and data sources carry it: floored, `2026-11-23T10:05:00.000Z`."""
    return zulu(floor_to_minute(moment))


def zulu(moment: datetime) -> str:
    """A moment in milliseconds with a Z, as webhooks carry it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def database_time(moment: datetime) -> str:
    """A moment as databases carry it: `2026-07-04T09:10:20.602+00:00`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def day_range(day: date) -> tuple[datetime, datetime]:
    """The first moment of a day in UTC and of the next."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + timedelta(days=1)
