"""Processes of ours begin, go on and die."""

from __future__ import annotations

from simulation.world.turns import Process
from simulation.world.world import World


def idle_processes(world: World) -> list[Process]:
    """Our processes without a job."""
    return [process for process in world.processes if not process.busy]


async def a_process_goes_on(world: World) -> None:
    for _ in range(world.rng.randint(1, 12)):
        if not world.turns.waiting:
            return
        await world.turns.next(world.rng.choice(world.turns.waiting))


async def a_process_begins(world: World) -> None:
    idle = idle_processes(world)
    if not idle:
        await a_process_goes_on(world)
        return
    doing = world.rng.choices(["cycle", "ingest", "import"], [60, 38, 2])[0]
    await world.run(world.rng.choice(idle), doing)


async def a_process_dies(world: World) -> None:
    alive = [process for process in world.processes if process.busy]
    if alive:
        await world.turns.kill(world.rng.choice(alive))
