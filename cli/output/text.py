"""Print for users (tables as wide as the terminal) and for scripts (one JSON object a line)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

console = Console(soft_wrap=True, highlight=False)
if not console.is_terminal:
    console.width = 240

AsJson = Annotated[bool, typer.Option("--json", help="JSON, for scripts: one object a line.")]
SHORT_ID = 8
_LONGEST = 60


def say(line: str = "") -> None:
    """Print a line as it is."""
    console.print(line, markup=False)


def warn(line: str) -> None:
    """Print a line to standard error, where scripts that read the output do not see it."""
    typer.echo(line, err=True)


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on one line; moments in ISO 8601."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=_plain))


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
        table.add_row(*map(escape, line))
    console.print(table)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value)


def short(text: str | None, longest: int = _LONGEST) -> str:
    """Shorten the text to one line of at most that many characters."""
    line = " ".join((text or "").split())
    if len(line) > longest:
        return f"{line[: longest - 1]}…"
    return line


def short_id(id_: object) -> str:
    """The first eight characters, which every command accepts; the whole id for scripts."""
    whole = _text(id_)
    if console.is_terminal:
        return whole[:SHORT_ID]
    return whole
