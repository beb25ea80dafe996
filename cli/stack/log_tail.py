"""Follow the logs of the children: our events, and warnings of libraries, one line each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from cli.output.text import printable

_EVERY = 0.3
_SHOWN_OTHERWISE = frozenset({"event", "timestamp", "level", "logger"})
_LEFT_IN_THE_LOG = frozenset({"exception", "stack"})
"""Tracebacks are left in the file: they would fill the screen."""
_LOUD = frozenset({"warning", "error", "critical"})


async def follow(name: str, log: Path, say: Callable[[str], None]) -> None:
    """Print each new line of a log, from its current end on, until cancelled."""
    position = _size(log)
    rest = b""
    while True:
        await asyncio.sleep(_EVERY)
        size = _size(log)
        if size < position:
            position, rest = 0, b""
        if size == position:
            continue
        with log.open("rb") as file:
            file.seek(position)
            chunk = rest + file.read(size - position)
        position = size
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            for shown in readable(name, line.decode(errors="replace")):
                say(shown)


def _size(log: Path) -> int:
    if not log.exists():
        return 0
    return log.stat().st_size


def readable(name: str, line: str) -> Iterator[str]:
    """Format a log line, e.g. `10:02:03 worker card_pushed notion_page_id=…`; skip others' info.

    Values that people wrote cannot begin another line.
    """
    try:
        facts = json.loads(line)
        event, level, logger = (
            str(facts["event"]),
            str(facts.get("level", "info")),
            str(facts.get("logger", "")),
        )
        time = str(facts.get("timestamp", ""))[11:19]
    except (ValueError, KeyError, TypeError):
        return
    if not logger.startswith("showrunner") and level not in _LOUD:
        return
    hidden = _SHOWN_OTHERWISE | _LEFT_IN_THE_LOG
    details = " ".join(
        f"{key}={_one_line(value)}" for key, value in facts.items() if key not in hidden and value
    )
    words = _one_line(event)
    if level in _LOUD:
        words = f"{level.upper()} {words}"
    shown = printable(f"{time} {name:<8} {words} {details}")
    yield shown.rstrip()[:400]


def _one_line(value: object) -> str:
    return " ".join(str(value).split())
