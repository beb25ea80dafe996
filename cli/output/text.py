"""Print for users (tables as wide as the terminal) and for scripts (one JSON object a line).

Texts that people wrote are printed by `printable`: a terminal obeys the characters in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
if not console.is_terminal:
    console.width = 240

AsJson = Annotated[bool, typer.Option("--json", help="JSON, for scripts: one object a line.")]
SHORT_ID = 8
_LONGEST = 60
_OBEYED: Final = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
"""Characters that a terminal obeys or cannot take: control characters (colours, the window's title,
the cursor), line and paragraph separators, overrides of the direction of writing, surrogates."""
_UNSAFE: Final = re.compile(f"[{_OBEYED}]")
_UNSAFE_IN_LINES: Final = re.compile(f"(?!\n)[{_OBEYED}]")


def printable(text: str, *, lines: bool = False) -> str:
    """The text with what a terminal obeys shown as JSON escapes it.

    Args:
        text: what somebody may have written.
        lines: whether line breaks are kept.
    """
    unsafe = _UNSAFE_IN_LINES if lines else _UNSAFE
    return unsafe.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(line: str = "") -> None:
    """Print lines. Their line breaks are kept: `short` removes those of a text in them."""
    console.print(printable(line, lines=True))


def warn(line: str) -> None:
    """Print lines to standard error, where scripts that read the output do not see them."""
    typer.echo(printable(line, lines=True), err=True)


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on one line; moments in ISO 8601."""
    typer.echo(printable(json.dumps(value, ensure_ascii=False, default=_plain)))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, flexible: str | None = None
) -> None:
    """Print rows under their names. Cells are printed as text, whatever markup they contain.

    Args:
        columns: the names, in order.
        rows: their cells; None is empty.
        flexible: the only column that is cut off when the terminal is too narrow.
    """
    lines = [[_text(cell) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False)
    for position, name in enumerate(columns):
        width = len(name)
        if name != flexible:
            width = max([width, *(len(line[position]) for line in lines)])
        table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=width)
    for line in lines:
        table.add_row(*line)
    console.print(table)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    return printable(str(value))


def short(text: str | None, longest: int = _LONGEST) -> str:
    """Shorten the text to one printable line of at most that many characters."""
    line = printable(" ".join((text or "").split()))
    if len(line) > longest:
        return f"{line[: longest - 1]}…"
    return line


def short_id(id_: object) -> str:
    """The first eight characters, which every command accepts; the whole id for scripts."""
    whole = _text(id_)
    if console.is_terminal:
        return whole[:SHORT_ID]
    return whole
