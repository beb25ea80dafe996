"""The shared rate limit at full speed, with 1, 2 and 4 processes, counted on arrival.

Each process asks for pages one after the other and side by side, through the product's own client;
the sandbox notes when each request came. Beside it: how long a person's edit waits for its turn
among them.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import make_url

from benchmarks.kit.figures import Figure, main, most_in_any_window
from benchmarks.kit.places import Board, board, connected, database, process, quiet
from models.settings import Settings

PER_SECOND = 3
AT_ONCE = 6
"""Requests a process wants to send at any moment."""


async def ask(settings: Settings, page_id: str, seconds: float) -> None:
    """Send as many requests as the budget allows for so long."""
    async with connected(settings) as ctx:
        end = time.monotonic() + seconds

        async def one() -> None:
            while time.monotonic() < end:
                await ctx.notion.get_page(page_id)

        await asyncio.gather(*(one() for _ in range(AT_ONCE)))


async def full_speed(notion: Board, url: str, processes: int, seconds: float) -> Figure:
    """So many processes on one database at once."""
    pages = await notion.people.post(
        f"/v1/data_sources/{notion.data_source_id}/query", json={"page_size": 1}
    )
    page = pages.json()["results"][0]["id"]
    before = await notion.last()
    async with asyncio.TaskGroup() as group:
        for _ in range(processes):
            group.create_task(_process(notion, url, page, seconds))
    moments = [
        datetime.fromisoformat(entry["time"]).timestamp() for entry in await notion.requests(before)
    ]
    # From when all of them are connected and ask, to when the first stops.
    first, last = min(moments) + 2, max(moments) - 2
    inside = [moment for moment in moments if first <= moment < last]
    used = len(inside) / (last - first) / PER_SECOND
    most, most_of_all = most_in_any_window(inside, 1), most_in_any_window(moments, 1)
    return Figure(
        what=f"shared budget: {processes} process{'es' if processes > 1 else ''} at full "
        f"speed for {seconds:.0f} s",
        limit="at least 95 % of 3 a second, never more than 3 in any second",
        measured=f"{used:.1%}, at most {most} in any second, "
        f"{most_in_any_window(moments, 60)} in any minute",
        ratio=used,
        good=used >= 0.95 and most <= PER_SECOND,
        note=f"Counted where they arrive; with the first two seconds, in which connections "
        f"are opened, {most_of_all}",
    )


async def _process(notion: Board, url: str, page: str, seconds: float) -> None:
    arguments = (
        "--database",
        url,
        "--base-url",
        notion.base_url,
        "--page",
        page,
        "--seconds",
        str(seconds),
    )
    async with process(
        "-m", "benchmarks.budget", *arguments, "--board", notion.database_id
    ) as asking:
        await asking.wait()


async def measure() -> Sequence[Figure]:
    """1, 2 and 4 processes at the same time, each number on its own board and database."""
    quiet()
    seconds = 60.0
    return list(await asyncio.gather(*(_measure(number, seconds) for number in (1, 2, 4))))


async def _measure(processes: int, seconds: float) -> Figure:
    with database() as url:
        # Notion's own limit is not what is measured here: it would hide a request too many behind a
        # 429.
        async with board(1, latency_ms=300, options=("--requests-per-minute", "100000")) as notion:
            return await full_speed(
                notion, url.render_as_string(hide_password=False), processes, seconds
            )


def _ask_after_pause() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.budget")
    for name in ("--database", "--base-url", "--page", "--board"):
        parser.add_argument(name, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    quiet()
    place = Board(
        base_url=options.base_url,
        bot_token="ntn_bot",
        person_token="",
        database_id=options.board,
        data_source_id="",
        people=None,  # type: ignore[arg-type]
    )
    asyncio.run(ask(place.settings(make_url(options.database)), options.page, options.seconds))


if __name__ == "__main__":
    if "--page" in sys.argv:
        _ask_after_pause()
    else:
        main(measure)
