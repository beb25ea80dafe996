"""Live through any number of histories: `python tests/simulation/simulate.py --seeds 5000`.

The same seed is the same history: `--seed 17 --trail` lives it again and prints every step.
"""

# ruff: noqa: E402, T201 - a command prints, and finds its neighbours only once it said where they are
from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

import psycopg
from sqlalchemy import URL

from models.postgres.embedded import embedded_postgres
from models.postgres.engine import libpq, migrate
from simulation.histories.crew import AT_ONCE, STEPS, Account, Crew, Kind, crew
from simulation.world.databases import HASTE


def main() -> int:
    """Read the command line, live, tell; 1 when a law was broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=200, help="how many histories")
    parser.add_argument("--steps", type=int, help="things that happen in each")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument(
        "--trail", action="store_true", help="print every step of a history that fails"
    )
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="processes side by side")
    parser.add_argument(
        "--studio", action="store_true", help="paid production against the studio sandbox"
    )
    given = parser.parse_args()
    kind: Kind = "studio" if given.studio else "board"
    seeds = (
        [given.seed] if given.seed is not None else range(given.first, given.first + given.seeds)
    )
    with template() as url, crew(url, at_once=min(given.at_once, len(seeds))) as lives:
        began = time.monotonic()
        lived = list(_live(lives, seeds, given.steps or STEPS[kind], kind, trail=given.trail))
    return _tell(lived, time.monotonic() - began)


@contextmanager
def template() -> Iterator[URL]:
    """A server of our own with one migrated database, to be cloned."""
    with (
        tempfile.TemporaryDirectory(prefix="showrunner-simulation-") as folder,
        embedded_postgres(Path(folder) / "pg", "simulation") as url,
    ):
        with psycopg.connect(libpq(url), autocommit=True) as connection:
            for name, value in HASTE.items():
                connection.execute(f"ALTER SYSTEM SET {name} = {value}")
            connection.execute("SELECT pg_reload_conf()")
        migrate(url)
        yield url


def _live(
    lives: Crew, seeds: Iterable[int], steps: int, kind: Kind, *, trail: bool
) -> Iterator[Account]:
    for going in [lives.live(seed, steps, kind=kind, trail=trail) for seed in seeds]:
        one = going.result()
        if one.failures:
            if trail:
                print("\n".join(one.trail))
            print(f"seed {one.seed}: " + "\n  ".join(one.failures), flush=True)
        one.trail = []
        yield one


def _tell(lived: list[Account], seconds: float) -> int:
    total: Counter[str] = Counter()
    for one in lived:
        total.update(one.happened)
    failed = [one.seed for one in lived if one.failures]
    for kind, number in sorted(total.items(), key=lambda item: -item[1]):
        print(f"{number:8,}  {kind}")
    spent, steps = sum(one.seconds for one in lived), sum(one.steps for one in lived)
    print(f"{len(lived):,} histories, {steps:,} steps, {seconds:.1f} s ({spent:.1f} s one by one)")
    print(f"failed: {failed}" if failed else "every law held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
