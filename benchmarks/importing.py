"""Import a board of 10,000 cards: requests, time beside requests/3 s, and memory.

Other numbers can be named: `python -m benchmarks.importing 10000 800`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.kit.figures import Figure, main
from benchmarks.kit.places import Board, board, database, process

MOST_REQUESTS, MOST_MEMORY_MB, SHARE = 105, 150, 1.1


async def imported(url: URL) -> int:
    """How many tasks there are."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        count = int((await connection.execute(text("SELECT count(*) FROM tasks"))).scalar_one())
    await engine.dispose()
    return count


async def import_alone(notion: Board, url: URL) -> dict[str, float]:
    """What a process that only imports says of itself."""
    environment = {
        "NOTION_API_TOKEN": notion.bot_token,
        "NOTION_BASE_URL": notion.base_url,
        "NOTION_DATABASE_ID": notion.database_id,
        "DATABASE_URL": url.render_as_string(hide_password=False),
    }
    async with process(
        "-m", "benchmarks.kit.importing_process", environment=environment
    ) as importing:
        assert importing.stdout is not None
        said: dict[str, float] = json.loads(await importing.stdout.readline())
    return said


async def importing(cards: int, latency_ms: int) -> list[Figure]:
    """One import at that latency."""
    with database() as url:
        async with board(cards, latency_ms=latency_ms) as notion:
            said = await import_alone(notion, url)
            requests = await notion.requests()
        tasks = await imported(url)
    writes = [each for each in requests if each["method"] == "PATCH"]
    assert (tasks, len(writes)) == (cards, 0), (tasks, writes[:3])
    most = MOST_REQUESTS - 10_000 // 100 + -(-cards // 100)
    least = len(requests) / 3
    when = f"importing {cards:,} cards, Notion answering after {latency_ms} ms"
    return [
        Figure(
            what=f"{when}: requests",
            limit=f"{most}",
            measured=f"{len(requests)}, none a write",
            ratio=len(requests) / (cards / 100),
            good=len(requests) <= most,
            note=f"{tasks:,} tasks afterwards",
        ),
        Figure(
            what=f"{when}: time",
            limit=f"{SHARE * least:.1f} s ({SHARE} of {len(requests)}/3 s)",
            measured=f"{said['seconds']:.1f} s",
            ratio=said["seconds"] / least,
            good=said["seconds"] <= SHARE * least,
        ),
        Figure(
            what=f"{when}: memory above idle",
            limit=f"{MOST_MEMORY_MB} MB",
            measured=f"{said['memory_mb']:.0f} MB",
            ratio=said["memory_mb"] / MOST_MEMORY_MB,
            good=said["memory_mb"] <= MOST_MEMORY_MB,
            note="resident, of a process that only imports",
        ),
    ]


async def measure() -> Sequence[Figure]:
    """As many cards as are named first, at the latency that is named second."""
    named = [int(each) for each in sys.argv[1:] if each.isdigit()]
    cards, latency_ms = (*named, *(10_000, 300)[len(named) :])[:2]
    return await importing(cards, latency_ms)


if __name__ == "__main__":
    main(measure)
