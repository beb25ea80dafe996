"""An import in its own process, to measure memory: `python -m benchmarks.kit.importing_process`.

Takes its settings from the environment, as the product does. Prints one line of JSON: `seconds`,
`memory_mb` (the most it took above what it held when it was connected and had read nothing),
`cards`.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time

import psutil
from sqlalchemy import text

from benchmarks.kit.places import quiet
from tasks.runtime.context import connected
from tasks.runtime.report import Report
from tasks.sync.import_board import import_cards

_MB = 1024 * 1024


async def run() -> None:
    """Connect, note the memory, import, say what it took."""
    quiet()
    report = Report()
    async with connected() as ctx:
        async with ctx.sessions() as session:
            await session.execute(text("SELECT 1"))
        idle = psutil.Process().memory_info().rss
        began = time.perf_counter()
        await import_cards(ctx, report)
        seconds = time.perf_counter() - began
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    facts = {"seconds": seconds, "memory_mb": (most - idle) / _MB, "cards": report.imported}
    sys.stdout.write(json.dumps(facts) + "\n")


if __name__ == "__main__":
    asyncio.run(run())
