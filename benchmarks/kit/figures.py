"""What a benchmark says: a figure, the limit it is held against, and how near it came."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table.

    Attributes:
        what: what was measured, under which circumstances.
        limit: what it may be at most (or must be at least), in words with its unit.
        measured: what it was, in words with its unit.
        ratio: measured divided by the physical limit or by the peer measured in the same run; None
            where neither is.
        good: whether it is within the limit.
        note: what a reader must know to trust it, in one sentence.
    """

    what: str
    limit: str
    measured: str
    ratio: float | None = None
    good: bool
    note: str = ""


def as_table(figures: Sequence[Figure]) -> str:
    """Markdown, a line per figure."""
    head = ["| what | to reach | measured | of the limit | |", "|---|---|---|---|---|"]
    lines = [
        f"| {each.what} | {each.limit} | {each.measured}{f'. {each.note}' if each.note else ''} | "
        f"{'' if each.ratio is None else f'{each.ratio:.2f}'} | "
        f"{'✓' if each.good else '**falls short**'} |"
        for each in figures
    ]
    return "\n".join([*head, *lines])


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which that part (0 to 1) of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def most_in_any_window(moments: Sequence[float], seconds: float) -> int:
    """Most moments (in seconds) in any window of that length, its end excluded."""
    ordered, first, most = sorted(moments), 0, 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def main(measure: Callable[[], Awaitable[Sequence[Figure]]]) -> None:
    """Run one benchmark and print its table; `--json FILE` also writes its figures there."""
    figures = asyncio.run(_as_coroutine(measure))
    sys.stdout.write(f"{as_table(figures)}\n")
    if "--json" in sys.argv:
        target = Path(sys.argv[sys.argv.index("--json") + 1])
        target.write_text(json.dumps([asdict(each) for each in figures]), encoding="utf-8")


async def _as_coroutine(measure: Callable[[], Awaitable[Sequence[Figure]]]) -> Sequence[Figure]:
    return await measure()
