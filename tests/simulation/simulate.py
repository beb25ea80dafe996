"""Live through any number of histories: `python tests/simulation/simulate.py --seeds 5000`.

The same seed is the same history: `--seed 17 --trail` lives it again and prints every step.
"""

# ruff: noqa: E402, T201 - a command prints, and finds its neighbours only once it said where they are
from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent), str(Path(__file__).parent.parent.parent)]

import psycopg
import structlog
from database_of_histories import emptied, prepared
from histories import Lived, live
from sqlalchemy import URL

from models.database import embedded_postgres, libpq, migrate


def main() -> int:
    """Read the command line, live, tell; 1 when a law was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200, help="how many histories")
    parser.add_argument("--steps", type=int, default=100, help="things that happen in each")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--trail", action="store_true", help="print every step of a history that fails")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    seeds = [given.seed] if given.seed is not None else range(given.first, given.first + given.seeds)
    with (
        tempfile.TemporaryDirectory(prefix="showrunner-simulation-") as folder,
        embedded_postgres(Path(folder) / "pg", "simulation") as url,
    ):
        _hasten(url)
        migrate(url)
        began = time.monotonic()
        lived = asyncio.run(_live(url, seeds, given.steps, trail=given.trail))
    return _tell(lived, time.monotonic() - began)


def _hasten(url: URL) -> None:
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("ALTER SYSTEM SET synchronous_commit = off")
        connection.execute("SELECT pg_reload_conf()")


async def _live(url: URL, seeds: list[int] | range, steps: int, *, trail: bool) -> list[Lived]:
    found: list[Lived] = []
    async with prepared(url) as sessions:
        for seed in seeds:
            await emptied(sessions)
            one = await live(sessions, seed, steps)
            if one.failures:
                if trail:
                    print("\n".join(one.trail))
                print(f"seed {seed}: " + "\n  ".join(one.failures), flush=True)
            one.trail = []
            found.append(one)
    return found


def _tell(lived: list[Lived], seconds: float) -> int:
    total = sum((one.happened for one in lived), Counter())
    failed = [one.seed for one in lived if one.failures]
    for kind, count in sorted(total.items(), key=lambda item: -item[1]):
        print(f"{count:8,}  {kind}")
    print(f"{len(lived):,} histories, {sum(one.steps for one in lived):,} steps, {seconds:.1f} s")
    print(f"failed: {failed}" if failed else "every law held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
