"""Mutation tests of the simulation: break the product on purpose until a law fails.

`make mutate` tries every mutation, each on a copy of the source; `--only TEXT` those whose name
holds that text. Exits 1 when one is not caught.
"""

# ruff: noqa: E402, T201 - a command prints, and finds its neighbours only once it said where they are
from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[3])]

import psycopg
from sqlalchemy import URL

from models.postgres.engine import libpq
from simulation.histories.crew import AT_ONCE, ROOT, STEPS, Account, Kind, crew
from simulation.mutants import boundaries, production, rules, studio, sync
from simulation.mutants.mutation import Mutation
from simulation.simulate import template

MUTATIONS = (
    *sync.MUTATIONS,
    *rules.MUTATIONS,
    *boundaries.MUTATIONS,
    *production.MUTATIONS,
    *studio.MUTATIONS,
)
MAKERS = "packages/showrunner-makers/src"
Often = tuple[tuple[str, float], ...]
CAUGHT_BY = Path(__file__).with_name("caught_by.json")
"""The seed that caught each mutation last time, by name; it is tried first."""
ROOMS = ("models", "tasks", "webhook", "channel_configs", "migrations", MAKERS)
"""What a history runs on."""


@dataclass(frozen=True)
class Trial:
    """`seed` is None when no history noticed anything."""

    mutation: Mutation
    seed: int | None
    law: str
    seconds: float


def main() -> int:
    """Read the command line, mutate, tell; 1 when something went unnoticed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=60, help="histories that each is given")
    parser.add_argument("--only", default="", help="parts of mutations' names, with | between them")
    parser.add_argument("--keep", action="store_true", help="remember which seed caught each")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="mutations side by side")
    given = parser.parse_args()
    chosen = [
        mutation
        for mutation in MUTATIONS
        if any(part in mutation.name for part in given.only.split("|"))
    ]
    for mutation in chosen:
        mutated(mutation)  # before anything is started: an anchor that is gone ends it here
    with (
        template() as url,
        crew(url, at_once=1) as sound,
        ThreadPoolExecutor(given.at_once) as threads,
    ):
        trials = []

        @cache
        def unchanged(seed: int, kind: Kind, often: Often) -> Future[Account]:
            return sound.live(seed, STEPS[kind], kind=kind, often=dict(often))

        attempt = partial(_try, url, unchanged, seeds=given.seeds)
        for trial in threads.map(attempt, chosen):
            trials.append(trial)
            if given.keep:
                _keep(trials)
    missed = [trial.mutation.name for trial in trials if trial.seed is None]
    print(f"{len(trials) - len(missed)} of {len(trials)} caught")
    return 1 if missed or not trials else 0


def _caught_by() -> dict[str, int]:
    return dict(json.loads(CAUGHT_BY.read_text()))


def _keep(trials: Iterable[Trial]) -> None:
    """Remember the seeds of these mutations beside those of the others that still exist."""
    names = {mutation.name for mutation in MUTATIONS}
    found = {trial.mutation.name: trial.seed for trial in trials if trial.seed}
    known = {name: seed for name, seed in _caught_by().items() if name in names}
    CAUGHT_BY.write_text(json.dumps(dict(sorted((known | found).items())), indent=2) + "\n")


def mutated(mutation: Mutation) -> str:
    """The file's text with the mutation in it.

    Raises:
        SystemExit: when the text to change is not there, or there more than once.
    """
    text = (ROOT / mutation.file).read_text()
    found = list(_anchor(mutation.old).finditer(text))
    if len(found) != 1:
        raise SystemExit(
            f"“{mutation.name}”: {mutation.file} holds {len(found)} x {mutation.old!r}, not 1"
        )
    return text[: found[0].start()] + mutation.new + text[found[0].end() :]


def _anchor(old: str) -> re.Pattern[str]:
    """Matches that code however it is laid out over lines."""
    pieces = [re.escape(piece) for piece in re.findall(r"\w+|[^\w\s]", old)]
    return re.compile(
        r"\s*".join(rf",?\s*{piece}" if piece in _CLOSING else piece for piece in pieces)
    )


_CLOSING = {re.escape(bracket) for bracket in ")]}"}


def _try(
    template_url: URL,
    unchanged: Callable[[int, Kind, Often], Future[Account]],
    mutation: Mutation,
    *,
    seeds: int,
) -> Trial:
    """Live histories with a mutation until one breaks a law that holds in `unchanged`."""
    began = time.monotonic()
    with (
        _copy(mutation) as source,
        _template(template_url, mutation, source) as url,
        crew(url, at_once=1, source=source) as lives,
    ):
        seed, law = None, "not caught"
        hint = _caught_by().get(mutation.name)
        order = sorted(range(1, seeds + 1), key=lambda seed: seed != hint)
        kind, often = mutation.kind, mutation.often
        for seed_ in order:
            one = lives.live(seed_, STEPS[kind], kind=kind, often=often).result()
            if not one.failures:
                continue
            if unchanged(one.seed, kind, tuple(often.items())).result().failures:
                print(f"seed {one.seed} breaks a law without any mutation", flush=True)
                continue
            seed, law = one.seed, one.failures[0]
            break
    trial = Trial(mutation, seed, law, time.monotonic() - began)
    print(
        f"{mutation.name:55}  {_caught(trial):9}  {trial.seconds:5.1f} s  {law[:160]}",
        flush=True,
    )
    return trial


def _caught(trial: Trial) -> str:
    return f"seed {trial.seed}" if trial.seed is not None else "NOT"


@contextmanager
def _copy(mutation: Mutation) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="showrunner-mutation-") as folder:
        source = Path(folder).resolve()
        for room in ROOMS:
            shutil.copytree(
                ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__")
            )
        (source / mutation.file).write_text(mutated(mutation))
        yield source


@contextmanager
def _template(url: URL, mutation: Mutation, source: Path) -> Iterator[URL]:
    """The database that histories run on: of a faulty migration, one that it migrated."""
    if not mutation.file.startswith("migrations/"):
        yield url
        return
    name = f"mutant_{zlib.crc32(mutation.name.encode())}"
    with psycopg.connect(libpq(url.set(database="postgres")), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {name}")
    made = url.set(database=name)
    command = [sys.executable, "-c", _MIGRATE, made.render_as_string(hide_password=False)]
    subprocess.run(command, cwd=source, check=True)
    try:
        yield made
    finally:
        with psycopg.connect(libpq(url.set(database="postgres")), autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


_MIGRATE = """
import sys
sys.path.insert(0, ".")
from sqlalchemy import make_url
from models.postgres.engine import migrate
migrate(make_url(sys.argv[1]))
"""


if __name__ == "__main__":
    sys.exit(main())
