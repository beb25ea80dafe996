"""The formulas that the sandbox can compute.

The minutes between now and a date, as number or as text.

Source: Notion's formula reference (dateBetween, now, prop, format). Only these two forms are
understood: `dateBetween(now(), prop("X"), "minutes")` and `format(dateBetween(now(), prop("X"),
"minutes")) + " min"`, with any of the units and any text after it. Everything else is refused when
the property is made.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notion_sandbox.errors import unsupported

_SECONDS = {"weeks": 604_800, "days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
_BETWEEN = (
    r"dateBetween\(\s*now\(\s*\)\s*,\s*"
    r'prop\(\s*"(?P<name>(?:[^"\\]|\\.)+)"\s*\)\s*,\s*"(?P<unit>\w+)"\s*\)'
)
_NUMBER = re.compile(_BETWEEN)
_TEXT = re.compile(rf'format\(\s*{_BETWEEN}\s*\)\s*\+\s*"(?P<suffix>(?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula.

    Attributes:
        property_id: The date that is measured, by id, so that a rename does not break it.
        unit: weeks, days, hours, minutes or seconds.
        suffix: Text after the number; None makes the result a number.
    """

    property_id: str
    unit: str
    suffix: str | None

    def expression(self, property_name: str) -> str:
        """The formula in Notion's language, with the property's present name."""
        between = f'dateBetween(now(), prop("{_quoted(property_name)}"), "{self.unit}")'
        if self.suffix is None:
            return between
        return f'format({between}) + "{_quoted(self.suffix)}"'

    def evaluate(self, then: datetime | None, now: datetime) -> dict[str, Any]:
        """The result as responses carry it.

        Whole units, cut towards zero; an empty date gives an empty number.
        """
        if self.suffix is None:
            return {"type": "number", "number": self._elapsed(then, now)}
        elapsed = "" if then is None else self._elapsed(then, now)
        return {"type": "string", "string": f"{elapsed}{self.suffix}"}

    def _elapsed(self, then: datetime | None, now: datetime) -> int | None:
        if then is None:
            return None
        return int((now - then).total_seconds() / _SECONDS[self.unit])


def parse_formula(expression: str) -> tuple[str, str, str | None]:
    """Split a formula into (property name, unit, suffix).

    Raises:
        NotionError: sandbox_unsupported for anything but the two forms it can compute.
    """
    text = expression.strip()
    match = _NUMBER.fullmatch(text) or _TEXT.fullmatch(text)
    if match is None or match["unit"] not in _SECONDS:
        raise unsupported(
            "an evaluator for this formula (Notion may well accept it). It computes only "
            '`dateBetween(now(), prop("X"), "minutes")` and '
            '`format(dateBetween(now(), prop("X"), "minutes")) + " min"`'
        )
    name, unit = _unquoted(match["name"]), match["unit"]
    suffix = match.groupdict().get("suffix")
    if suffix is None:
        return name, unit, None
    return name, unit, _unquoted(suffix)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
