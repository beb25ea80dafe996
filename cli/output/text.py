"""Print for users (tables as wide as the terminal) and for scripts (one JSON object a line).

Every command prints through this module, and everything passes `printable`: a terminal obeys some
of the characters that people, Notion or a stranger's webhook may have written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.progress import Progress, ProgressColumn
from rich.table import Table
from rich.text import Text

_console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
if not _console.is_terminal:
    _console.width = 240

AsJson = Annotated[bool, typer.Option("--json", help="JSON, for scripts: one object a line.")]
SHORT_ID = 8
_LONGEST = 60
_GAP = "  "
"""Between two columns of a table."""
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
    _console.print(printable(line, lines=True))


def say_field(name: str, value: str, width: int = 18) -> None:
    """Print a named value. Its further lines are indented, so that none reads like another name."""
    say(f"{name:<{width}} " + printable(value, lines=True).replace("\n", "\n" + " " * (width + 1)))


def ask(question: str) -> bool:
    """Ask a question on the terminal; return whether the answer is yes."""
    return typer.confirm(printable(question, lines=True))


class Grid(Table):
    """A table without lines between its cells, which are texts, whatever markup they contain."""

    def __init__(self, *columns: str, **layout: Any) -> None:
        super().__init__(*columns, box=None, pad_edge=False, **layout)

    def add_row(self, *cells: Any, **options: Any) -> None:
        """Add a row of strings or `styled` texts; None is empty."""
        super().add_row(*map(_cell, cells), **options)


def styled(*parts: str | tuple[str, str]) -> Text:
    """Join texts, some of them as pairs of text and style."""
    return Text.assemble(*(_styled_part(part) for part in parts))


def show(what: Grid | Text) -> None:
    """Print a table or a `styled` text."""
    _console.print(what)


def on_terminal() -> bool:
    """Whether a person reads the output, not a pipe."""
    return _console.is_terminal


def progress_bar(*columns: ProgressColumn) -> Progress:
    """A progress bar on the same terminal."""
    return Progress(*columns, console=_console)


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
        flexible: the only column that is cut off when the terminal is too narrow. Where that is
            not enough, the terminal wraps the lines: rich's tables would drop whole columns.
    """
    lines = [[_text(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(columns, *lines, strict=True)]
    if flexible is not None:
        position = columns.index(flexible)
        others = sum(widths) - widths[position] + len(_GAP) * (len(widths) - 1)
        room = max(_console.width - others, cell_len(flexible))
        widths[position] = min(widths[position], room)
    show(styled((_line(columns, widths), "bold")))
    for line in lines:
        say(_line(line, widths))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [_fitted(cell, width) for cell, width in zip(cells, widths, strict=True)]
    return _GAP.join(padded).rstrip()


def _fitted(cell: str, width: int) -> str:
    """The cell in that many columns of the terminal, cut off if need be."""
    if cell_len(cell) > width:
        return f"{set_cell_size(cell, width - 1)}…"
    return set_cell_size(cell, width)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    return printable(str(value))


def _cell(value: object) -> str | Text:
    if isinstance(value, Text):
        return value
    if value is None:
        return ""
    return printable(str(value), lines=True)


def _styled_part(part: str | tuple[str, str]) -> str | tuple[str, str]:
    if isinstance(part, str):
        return printable(part, lines=True)
    text, style = part
    return printable(text, lines=True), style


def short(text: str | None, longest: int = _LONGEST) -> str:
    """Shorten the text to one printable line of at most that many characters."""
    line = printable(" ".join((text or "").split()))
    if len(line) > longest:
        return f"{line[: longest - 1]}…"
    return line


def short_id(id_: object) -> str:
    """The first eight characters, which every command accepts; the whole id for scripts."""
    whole = _text(id_)
    if on_terminal():
        return whole[:SHORT_ID]
    return whole
