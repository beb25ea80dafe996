"""`showrunner.claim_task` among 10,000 waiting tasks: time, pages read, and whose task is taken.

Some tasks are leased, some are due later, some cards lie in the trash, and money counts against
budgets. `--explain` prints how PostgreSQL runs a claim. `--smoke` runs small sizes.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from statistics import median

import psutil
import psycopg

from benchmarks.kit.figures import Figure, main, percentile
from benchmarks.kit.places import database
from benchmarks.production.claim_plan import (
    choosing_plan,
    claim_buffers,
    sequential_reads,
    task_scans,
)
from benchmarks.production.waiting_tasks import CHANNELS, NOW, add_channels, channel_names, fill
from models.postgres.engine import libpq

SMOKE = "--smoke" in sys.argv
WAITING, FEW = (500, 100) if SMOKE else (10_000, 1_000)
CLAIMS = 50 if SMOKE else 500
WARM_UP = 20
EXPLAINED = 20
MOST_MS = 5.0
FLAT = 1.5
"""How many times as many pages a claim may read among `WAITING` as among `FEW`: indexes of ten
times as many rows are a level deeper."""

CLAIM = "SELECT * FROM showrunner.claim_task('benchmark')"
_RELEASE = "UPDATE leases SET worker = NULL, until = NULL WHERE worker = 'benchmark'"
_BARE = "UPDATE channels SET changed_at = clock_timestamp() WHERE id = 'bare'"
_ADD = """
INSERT INTO tasks (title, channel_id, topic, priority, board_status, status_changed_at)
VALUES ('ordered', %s, 'eyes', %s, 'Queued', %s)
"""
_RANKS = ("high", "normal", "low")


@contextmanager
def filled(waiting: int) -> Iterator[psycopg.Connection]:
    """A connection to a database in which so many tasks wait."""
    with (
        database() as url,
        psycopg.connect(libpq(url), autocommit=True) as connection,
    ):
        fill(connection, waiting)
        connection.execute("INSERT INTO channels (id, configured) VALUES ('bare', false)")
        for _ in range(WARM_UP):
            connection.execute(CLAIM)
        connection.execute(_RELEASE)
        yield connection


def milliseconds(act: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - began)


def cpu_milliseconds(connection: psycopg.Connection) -> float:
    """What PostgreSQL has worked for that connection until now."""
    times = psutil.Process(connection.info.backend_pid).cpu_times()
    return 1000 * (times.user + times.system)


def speed(connection: psycopg.Connection) -> Figure:
    """The time of a claim with its commit; in turn with it, of an UPDATE of one row."""
    claims, bare, cpu = [], [], 0.0
    for _ in range(CLAIMS):
        before = cpu_milliseconds(connection)
        claims.append(milliseconds(lambda: connection.execute(CLAIM).fetchone()))
        cpu += cpu_milliseconds(connection) - before
        bare.append(milliseconds(lambda: connection.execute(_BARE)))
        # As many tasks are in work at the next claim as at this one.
        connection.execute(_RELEASE)
    p50, p95 = percentile(claims, 0.5), percentile(claims, 0.95)
    return Figure(
        what=f"claim_task, {WAITING:,} tasks waiting in {CHANNELS} channels",
        limit=f"p95 {MOST_MS:.0f} ms on a quiet machine",
        measured=f"p50 {p50:.1f} ms, p95 {p95:.1f} ms",
        ratio=p95 / MOST_MS,
        good=p95 <= MOST_MS,
        note=f"{CLAIMS} claims, each with its commit; {cpu / CLAIMS:.1f} ms of CPU in PostgreSQL. "
        f"An UPDATE of one row and its commit, in turn with them, took p50 "
        f"{percentile(bare, 0.5):.1f} ms, p95 {percentile(bare, 0.95):.1f} ms",
    )


def buffers(connection: psycopg.Connection) -> float:
    """The median number of pages that a claim touches."""
    touched = []
    for _ in range(EXPLAINED):
        touched.append(claim_buffers(connection, CLAIM))
        connection.execute(_RELEASE)
    return median(touched)


def reads(connection: psycopg.Connection, among_few: float) -> list[Figure]:
    """What a claim reads, whatever the machine."""
    among_many = buffers(connection)
    scans, rows = sequential_reads(connection, CLAIM)
    ways = sorted(set(task_scans(connection)))
    return [
        Figure(
            what=f"claim_task: pages of 8 kB touched among {WAITING:,} waiting tasks, beside "
            f"{FEW:,}",
            limit=f"{FLAT} times as many",
            measured=f"{among_many:.0f} beside {among_few:.0f}",
            ratio=among_many / among_few,
            good=among_many <= FLAT * among_few,
            note=f"Median of {EXPLAINED}, triggers included",
        ),
        Figure(
            what="claim_task: sequential scans of tasks",
            limit="0",
            measured=f"{scans}, {rows} rows",
            good=not scans and "Seq Scan" not in ways,
            note=f"The next task is chosen by {' and '.join(ways)}",
        ),
    ]


def claim_among(connection: psycopg.Connection, channels: Sequence[str]) -> tuple[str, str] | None:
    """The channel and priority of the next task of those channels; None when none waits."""
    claim = (
        "SELECT channel_id, priority "
        "FROM showrunner.claim_task('benchmark', channels => %s::text[])"
    )
    found = connection.execute(claim, [list(channels)]).fetchone()
    return None if found is None else (str(found[0]), str(found[1]))


def fairness(connection: psycopg.Connection) -> Figure:
    """Of A's 10 tasks and B's 2 younger ones, how many of the first 6 claims are B's."""
    pair = ("fair_a", "fair_b")
    add_channels(connection, pair)
    for number in range(12):
        channel = pair[number >= 10]
        at = NOW + timedelta(seconds=number)
        connection.execute(_ADD, [channel, "normal", at])
    found = [claim_among(connection, pair) for _ in range(6)]
    names = [one[0] for one in found if one is not None]
    share = names.count("fair_b")
    return Figure(
        what="fairness: A has 10 tasks waiting, B has 2 younger ones: B's of the first 6 claims",
        limit="2",
        measured=f"{share}",
        good=share == 2 and len(names) == 6,
        note=f"In the order {' '.join(name[-1].upper() for name in names)}",
    )


def order(connection: psycopg.Connection) -> Figure:
    """Whether claims go by priority in every channel, whichever task is the oldest."""
    channels = channel_names("order")
    add_channels(connection, channels)
    tasks = [(channel, rank) for channel in channels for rank in _RANKS for _ in range(3)]
    Random(13).shuffle(tasks)
    for number, (channel, rank) in enumerate(tasks):
        connection.execute(_ADD, [channel, rank, NOW + timedelta(seconds=number)])
    taken = [found for _ in tasks if (found := claim_among(connection, channels)) is not None]
    wrong = 0
    for channel in channels:
        ranks = [_RANKS.index(rank) for name, rank in taken if name == channel]
        wrong += ranks != sorted(ranks) or len(ranks) != 3 * len(_RANKS)
    return Figure(
        what=f"priority: {len(tasks)} tasks of {CHANNELS} channels: high before normal before low",
        limit=f"in {CHANNELS} of {CHANNELS} channels",
        measured=f"in {CHANNELS - wrong}",
        good=not wrong,
    )


def figures() -> list[Figure]:
    """Fill two databases, one after the other, and claim."""
    with filled(FEW) as connection:
        among_few = buffers(connection)
    with filled(WAITING) as connection:
        return [
            speed(connection),
            *reads(connection, among_few),
            fairness(connection),
            order(connection),
        ]


async def measure() -> Sequence[Figure]:
    """Run where waiting for PostgreSQL holds up nobody."""
    return await asyncio.to_thread(figures)


def show_plan() -> None:
    """Print how the next task is chosen among all that wait."""
    with filled(WAITING) as connection:
        sys.stdout.write(f"{choosing_plan(connection)}\n\n")
        sys.stdout.write(f"A whole claim touches {buffers(connection):.0f} pages of 8 kB.\n")


if __name__ == "__main__":
    if "--explain" in sys.argv:
        show_plan()
    else:
        main(measure)
