"""`showrunner doctor`: one page of checks, green or red, with a cure for each red one."""

from __future__ import annotations

import time
from collections import Counter
from typing import Annotated, Any, Final

import psutil
import typer

from cli.commands.doctor_checks import ORDER, Checkup, checkup
from cli.output.text import on_terminal, print_json, printable, say, show, styled
from cli.running import run
from models.operations.health.check import Check, State
from tasks.runtime.clock import utc_now

_MARKS: Final = {State.OK: "✓", State.WARN: "!", State.FAIL: "✗", State.SKIP: "-"}
_STYLES: Final = {
    State.OK: "green",
    State.WARN: "yellow",
    State.FAIL: "bold red",
    State.SKIP: "dim",
}
_COLOURS: Final = {
    State.FAIL: "red",
    State.WARN: "yellow",
    State.SKIP: "not checked",
    State.OK: "green",
}
_NAME_WIDTH: Final = max(map(len, ORDER))


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,
) -> None:
    """Check everything; print what is wrong and what to do.

    Exit code 1 when something is red. Changes nothing.
    """
    found = run(checkup(utc_now))
    # Loading the program takes part of the time.
    seconds = time.time() - psutil.Process().create_time()
    if as_json:
        print_json(_as_json(found, seconds))
    else:
        for check in found.checks:
            _print(check)
        say(summary(found, seconds))
    if not found.ok:
        raise typer.Exit(1)


def _print(check: Check) -> None:
    style = _STYLES[check.state]
    # Pipes and mails show no colours, and not everywhere the marks.
    mark = f"{check.state.value:<4}  "
    if on_terminal():
        mark = f"{_MARKS[check.state]} "
    show(styled((f"{mark}{check.name:<{_NAME_WIDTH}}", style), f"  {printable(check.facts)}"))
    for cure in check.cures:
        say(f"{' ' * (len(mark) + 2)}→ {cure}")


def summary(found: Checkup, seconds: float) -> str:
    """The last line: how many checks of each colour, requests and seconds."""
    counts = Counter(check.state for check in found.checks)
    by_colour = ", ".join(
        f"{counts[state]} {colour}" for state, colour in _COLOURS.items() if counts[state]
    )
    return f"\n{by_colour}. {found.notion_requests} Notion requests, {seconds:.1f} s."


def _as_json(found: Checkup, seconds: float) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "checks": [_line(check) for check in found.checks],
        "notion_requests": found.notion_requests,
        "seconds": round(seconds, 2),
    }


def _line(check: Check) -> dict[str, Any]:
    facts = {
        "name": check.name,
        "state": check.state.value,
        "facts": check.facts,
        "cure": " ".join(check.cures),
    }
    return {**facts, **check.details}
