"""One history of paid production from its seed, and what must hold at its end."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping

from simulation.histories.history import Lived
from simulation.studio import happenings, laws
from simulation.studio.processes import Process
from simulation.studio.world import StudioWorld, studio_world
from simulation.world.databases import Databases

CALM_ROUNDS = 60
"""Rounds of one minute within which every video comes to its end when nothing breaks any more."""


async def live(
    databases: Databases, seed: int, steps: int, often: Mapping[str, float] | None = None
) -> Lived:
    """Live through the history of that seed, on an empty database."""
    rng = random.Random(seed)
    os.urandom = random.Random(f"ids of {seed}").randbytes
    async with studio_world(databases, rng) as world:
        await happenings.another_video(world)
        likely = dict(happenings.OFTEN)
        likely |= {
            kind: often[kind.__name__] for kind in likely if often and kind.__name__ in often
        }
        for _ in range(steps):
            kind = rng.choices(list(likely), list(likely.values()))[0]
            world.trail.append(kind.__name__)
            world.happened[kind.__name__] += 1
            await kind(world)
        await _calm_down(world)
        await laws.check(world)
    failures = [*world.failures, *world.records.failures]
    return Lived(seed, steps, failures, world.happened, world.trail)


async def _calm_down(world: StudioWorld) -> None:
    """Nothing breaks any more, and a person does what cards ask for, until all is published."""
    world.trail.append("CALM")
    world.services.clear_faults()
    for service in ("gemini", "kling", "elevenlabs"):
        world.services.set_balance(service, None)
    await world.release_held()
    for _ in range(CALM_ROUNDS):
        for work in await world.run("dispatch", Process(), world.own.dispatch()) or ():
            await world.run(str(work.step), Process(), world.own.produce(work))
        await world.run("collect", Process(), world.own.collect())
        columns = [await world.own.column(task) for task in world.tasks]
        if set(columns) == {"Upload Complete"}:
            return
        for task in world.tasks:
            await happenings.decide(world, task, calm=True)
        world.pass_(60)
    world.failures.append(f"nothing breaks any more, and the videos stay at {columns}")
