"""Rare and dangerous moments of production, staged because chance alone seldom produces them."""

from __future__ import annotations

from typing import Final

from simulation.happenings.calm import run_until
from simulation.happenings.processes import idle_processes
from simulation.happenings.production.reviewers import somebody_stops
from simulation.happenings.production.videos import TURNS, let
from simulation.world.turns import Process
from simulation.world.world import World

LOOKED_UP_AFTER: Final = 15
"""Seconds after which a lost submission is looked up for the first time."""


async def answers_of_services_are_lost(world: World) -> None:
    """Orders are taken, and nobody hears of it; then there is time to look for them."""
    process = await _a_producer(world)
    if process is None:
        return
    services = world.production.services.values()
    for service in services:
        service.next_fates = ["lost answer"] * world.rng.randint(1, 3)
    await let(world, process, TURNS)
    for service in services:
        service.next_fates = []
    world.later(seconds=LOOKED_UP_AFTER)
    if not process.busy:
        await world.run(process, "collect")
        await let(world, process, TURNS)


async def a_video_is_stopped_between_two_pieces(world: World) -> None:
    """A person stops a video while the answer about one of its pieces is on its way."""
    process = await _a_producer(world)
    if process is None:
        return
    if await run_until(world, process, lambda what: what.startswith("hears of")) is None:
        return
    world.happened["stopped between two pieces"] += 1
    await somebody_stops(world, world.production.made_by(process))
    await let(world, process, TURNS)


async def _a_producer(world: World) -> Process | None:
    """An idle process that begins to produce a step; None when there is none, or nothing to do."""
    idle = idle_processes(world)
    if not idle:
        return None
    process = world.rng.choice(idle)
    if not world.production.runs:
        await world.run(process, "dispatch")
        await let(world, process, TURNS)
    if not world.production.runs or process.busy:
        return None
    await world.run(process, "produce")
    return process
