"""How commands print: tables as wide as the terminal, whole values and one JSON object a line for scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import typer
from rich.console import Console

console = Console(soft_wrap=True, highlight=False)
if not console.is_terminal:
    console.width = 240

SHORT_ID = 8
_LONGEST = 60


def say(line: str = "") -> None:
    """Print a line as it is."""
    console.print(line, markup=False)


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on one line; moments in ISO 8601."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=_plain))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def short(text: str | None, longest: int = _LONGEST) -> str:
    """The text on one line of at most that many characters."""
    line = " ".join((text or "").split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def short_id(id_: object) -> str:
    """A person reads eight characters and every command takes them; a script gets the whole id."""
    return ("" if id_ is None else str(id_))[: SHORT_ID if console.is_terminal else None]
