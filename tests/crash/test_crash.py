"""kill -9, one process at a time, in the middle of three hundred edits and three hundred moves.

`make prove` kills each of them, `make crash` too: CRASH_BURST says how many edits and moves there
are.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from random import Random

import pytest
from crash_board import CrashBoard
from crash_burst import Burst
from crash_laws import broken, differences, lost_by_nobody, nothing_waits, undone
from crash_stack import Crashing
from kit.waiting import until

pytestmark = [pytest.mark.timeout(300), pytest.mark.prove]

BURST = int(os.environ.get("CRASH_BURST", "300"))
CYCLES = 2
"""Cycles after the restart within which everything converges."""
SECONDS_TO_STRIKE = 60.0
SECONDS_OF_THE_POST = 90.0
"""Notion repeats what the receiver did not take after a while, and later again."""


@pytest.mark.parametrize("victim", ["worker", "receiver", "postgres", "prefect"])
async def test_what_is_killed_in_a_burst_comes_back_and_everything_converges(
    victim: str, crashing: Crashing, board: CrashBoard, tell: Callable[[str], None]
) -> None:
    up, logged, schema = crashing.up, crashing.said(), await board.schema()
    [(history,)] = up.rows("SELECT coalesce(max(id), 0) FROM task_history")
    first, _ = await board.requests()
    burst = Burst(board=board, crashing=crashing, rng=Random(victim), edits=BURST, moves=BURST)

    raging = asyncio.create_task(burst.rage())
    crashing.ask_for_a_cycle()
    await _in_its_midst(burst, first)
    under_way = crashing.running_cycles()
    edited, moved, killed = burst.edited, burst.moved, time.monotonic()
    ended = crashing.kill(victim)
    burst.struck.set()
    await raging
    await crashing.comes_back(victim, ended)
    back = time.monotonic()

    cycles = 0
    while cycles < CYCLES and (await differences(board, up) or undone(up)):
        await crashing.cycle()
        cycles += 1
    still, converged = await differences(board, up), time.monotonic()
    _, requests = await board.requests(first)
    tell(
        f"{victim}: killed after {edited} edits and {moved} moves of {burst.edited} and "
        f"{burst.moved}"
        f" ({burst.seconds:.1f} s); there again {back - killed:.1f} s after the kill; converged"
        f" {converged - back:.1f} s and {cycles} cycles later with {len(undone(up))} events still "
        "under way,"
        f" {len(requests)} requests"
    )
    assert still == []
    await until(lambda: nothing_waits(board, up), SECONDS_OF_THE_POST)
    assert await broken(burst, schema, history) == []
    await _two_more_cycles_write_nothing(crashing, board)
    assert crashing.floods(logged) == []
    assert "Traceback" not in up.said()
    assert lost_by_nobody(burst, up, history) == []
    if victim == "worker":
        assert under_way
        assert {(await crashing.ended(run))["state_name"] for run in under_way} == {"Crashed"}


async def _in_its_midst(burst: Burst, first: int) -> None:
    """Half of it is done, and a cycle is writing to the board."""
    deadline = time.monotonic() + SECONDS_TO_STRIKE
    while min(
        burst.edited / burst.edits, burst.moved / burst.moves
    ) < 0.5 or not await burst.board.writes(first):
        assert time.monotonic() < deadline, "the burst never came to its midst"
        await asyncio.sleep(0.02)


async def _two_more_cycles_write_nothing(crashing: Crashing, board: CrashBoard) -> None:
    last, _ = await board.requests()
    for _ in range(2):
        await crashing.cycle()
    assert await board.writes(last) == 0
