"""Twenty videos at once on two workers, one of which is killed (SIGKILL) in the midst.

Real PostgreSQL, Prefect's server, two workers with the sample channel's makers, and a board that
answers after 300 ms. Each video has one scene, and only the film is a gate.
"""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from benchmarks.kit.figures import Figure, main
from benchmarks.kit.places import Board, board, database, folder, free_port, quiet
from benchmarks.kit.prefect_stack import Prefect, prefect_server, warm_worker
from benchmarks.kit.waiting import until
from benchmarks.production.timed_makers import CHANNEL, installed, write_channel
from flows.server.deployment_spec import POOL
from models.postgres.engine import libpq
from models.production.steps import STEPS, Step

VIDEOS = next((int(each) for each in sys.argv[1:] if each.isdigit()), 20)
KILLED_AFTER = 0.25
"""The part of all steps that is done when the worker is killed."""
PATIENCE = 900.0
PRODUCTION = "production"
_MADE = [rule for step, rule in STEPS.items() if step is not Step.UPLOAD]

_PRODUCED = "SELECT 1 FROM channels WHERE id = %s AND producer = 'showrunner'"
_ADD = """
INSERT INTO tasks (title, channel_id, topic, story_direction, board_status)
SELECT 'Giant squid ' || n, %s, 'eyes', 'The squid numbered ' || n || ' is seen.', 'Queued'
FROM generate_series(1, %s) AS n
"""
_STEPS_DONE = "SELECT count(*) FROM steps WHERE state = 'done'"
_COLUMNS = "SELECT board_status, count(*) FROM tasks GROUP BY board_status"
# A lease that expires moves the card back to the done column before: that finishes no step.
_NOT_ONCE = """
SELECT count(*) FROM (
  SELECT t.id, s.name, (
    SELECT count(*) FROM task_history AS h
    WHERE h.task_id = t.id AND h.property = 'Status'
      AND (h.old_value, h.new_value) = (s.working_column, s.done_column)
  ) AS times
  FROM tasks AS t, production_steps AS s WHERE s.name <> 'upload'
) AS moves WHERE times <> 1
"""
_OPEN = """
SELECT (SELECT count(*) FROM leases WHERE worker IS NOT NULL)
     + (SELECT count(*) FROM steps WHERE state <> 'done' OR round <> 1)
"""
_HELD = "SELECT worker FROM leases WHERE worker IS NOT NULL"
_FILES = "SELECT path FROM pieces WHERE state = 'done'"
_AGAIN = "SELECT coalesce(sum(attempts - 1), 0) FROM steps"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the videos.

    Attributes:
        seconds: from the moment when all were queued; `killed` is when the worker was.
        columns: how many videos stand in each column.
        not_once: steps of videos that were finished never, or more than once.
        left: leases that are held, and steps that are open.
        pieces: files that are there, of the rows that name one.
        again: steps that were begun once more.
    """

    seconds: float
    killed: float
    columns: dict[str, int]
    not_once: int
    left: int
    pieces: int
    again: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing is lost and nothing doubled."""
        everything = self.columns == {"Ready for Review": VIDEOS}
        pieces = self.pieces == VIDEOS * len(_MADE)
        return everything and pieces and not self.not_once and not self.left


async def number(connection: AsyncConnection[Any], statement: str, *values: Any) -> int:
    """The only value of a query."""
    row = await (await connection.execute(statement, values)).fetchone()
    return 0 if row is None else int(row[0])


async def both_work(prefect: Prefect) -> bool:
    """Whether Prefect has heard of two workers."""
    found = await prefect.api.post(f"/work_pools/{POOL}/workers/filter", json={})
    return found.is_success and len(found.json()) == 2


async def busiest(
    connection: AsyncConnection[Any], prefect: Prefect, workers: Sequence[Process]
) -> Process | None:
    """The worker that has the most steps in hand at the moment; None while none has any.

    A run whose step is finished may still be reporting that to Prefect: its lease is released.
    """
    asked = {
        "flows": {"name": {"any_": ["produce"]}},
        "flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}},
    }
    answer = await prefect.api.post("/flow_runs/filter", json=asked)
    # `host:pid:run`, as flows.runtime.orphaned_runs has it.
    held = {row[0] for row in await (await connection.execute(_HELD)).fetchall()}
    names = [
        f"{run['infrastructure_pid']}::"
        for run in answer.raise_for_status().json()
        if run["parameters"]["worker"] in held
    ]
    runs = Counter(name.split(":")[1] for name in names)
    found = max(workers, key=lambda worker: runs[str(worker.pid)])
    return found if runs[str(found.pid)] else None


async def live_through(
    connection: AsyncConnection[Any], prefect: Prefect, workers: Sequence[Process], root: Path
) -> Outcome:
    """Queue all videos, kill a worker, and wait until no video is in work."""
    await connection.execute(_ADD, [CHANNEL, VIDEOS])
    began = time.monotonic()

    async def some_done() -> bool:
        done = await number(connection, _STEPS_DONE)
        return done >= KILLED_AFTER * VIDEOS * len(_MADE)

    async def at_work() -> Process | None:
        return await busiest(connection, prefect, workers)

    await until(some_done, "the first steps", seconds=PATIENCE)
    (await until(at_work, "a worker runs a step", seconds=PATIENCE)).kill()
    killed = time.monotonic() - began

    async def columns() -> dict[str, int]:
        rows = await (await connection.execute(_COLUMNS)).fetchall()
        return {str(column): int(count) for column, count in rows}

    async def ended() -> bool:
        return all(
            column == "Ready for Review" or column.startswith("Error") for column in await columns()
        )

    with suppress(TimeoutError):  # what is not over by then shows in the outcome
        await until(ended, "all videos end", seconds=PATIENCE - killed)
    seconds = time.monotonic() - began
    files = await (await connection.execute(_FILES)).fetchall()
    return Outcome(
        seconds=seconds,
        killed=killed,
        columns=await columns(),
        not_once=await number(connection, _NOT_ONCE),
        left=await number(connection, _OPEN),
        pieces=sum(await asyncio.gather(*(_is_there(root, row[0]) for row in files))),
        again=await number(connection, _AGAIN),
    )


async def _is_there(root: Path, path: str | None) -> bool:
    return path is not None and await asyncio.to_thread((root / path).is_file)


def figures(outcome: Outcome) -> list[Figure]:
    """Whether all is whole, and the time."""
    columns = ", ".join(f"{count} in {name}" for name, count in sorted(outcome.columns.items()))
    what = f"{VIDEOS} videos at once on two workers, one killed"
    return [
        Figure(
            what=f"{what}: each ends in Ready for Review, every step finished once",
            limit=f"{VIDEOS} videos, {VIDEOS * len(_MADE)} pieces, nothing lost or doubled",
            measured=f"{columns}; {outcome.pieces} pieces; {outcome.not_once} steps not finished "
            f"once, {outcome.left} leases or steps open",
            good=outcome.is_whole and outcome.again > 0,
            note=f"Killed after {outcome.killed:.0f} s; {outcome.again} steps that it had in hand "
            "were begun again",
        ),
        Figure(
            what=f"{what}: time",
            limit="measured",
            measured=f"{outcome.seconds:.0f} s",
            good=True,
            note=f"{outcome.seconds / VIDEOS:.1f} s a video of one scene",
        ),
    ]


def environment(place: Path, database_url: str, notion: Board) -> dict[str, str]:
    """The settings of both workers, and the folders that they name."""
    channels = place / "channels"
    write_channel(channels, gates=["assembly"], at_once=VIDEOS)
    return {
        "DATABASE_URL": database_url,
        "NOTION_API_TOKEN": notion.bot_token,
        "NOTION_BASE_URL": notion.base_url,
        "NOTION_DATABASE_ID": notion.database_id,
        "CHANNEL_CONFIGS": str(channels),
        "PRODUCTION_DIR": str(place / PRODUCTION),
        "STATE_DIR": str(place / "state"),
        "RECEIVER_PORT": str(free_port()),
        "LOG_FORMAT": "json",
        **installed(place / "makers"),
    }


async def measure() -> Sequence[Figure]:
    """Start everything, and produce."""
    quiet()
    with folder() as place, database() as url:
        async with (
            board(0) as notion,
            prefect_server() as prefect,
            await AsyncConnection.connect(libpq(url), autocommit=True) as connection,
        ):
            settings = environment(place, libpq(url), notion)
            async with (
                warm_worker(prefect, settings) as one,
                warm_worker(prefect, settings) as other,
            ):

                async def ready() -> bool:
                    known = await number(connection, _PRODUCED, CHANNEL)
                    return bool(known) and await both_work(prefect)

                await until(ready, "both workers")
                root = place / PRODUCTION
                return figures(await live_through(connection, prefect, (one, other), root))


if __name__ == "__main__":
    main(measure)
