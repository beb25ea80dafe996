"""Rare and dangerous moments of production, staged because chance alone seldom produces them."""

from __future__ import annotations

from typing import Final

from models.production.gates import Decision, Outdated
from models.production.reviews import UnknownPiece
from simulation.happenings.calm import cycle_alone, run_until
from simulation.happenings.processes import idle_processes
from simulation.happenings.production.reviewers import MOST_SCENES, decides
from simulation.happenings.production.stories import a_story
from simulation.happenings.production.videos import TURNS, all_goes_on_calmly, let
from simulation.world.turns import Process
from simulation.world.world import World

_AT_GATES: Final = (
    "SELECT t.id, t.board_status, t.notion_page_id FROM tasks AS t "
    "JOIN channels AS c ON c.id = t.channel_id WHERE c.producer = 'showrunner' "
    "AND t.board_status IN ('Composites Ready', 'Ready for Review') "
    "ORDER BY t.notion_page_id, t.id"
)
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
    await decides(world, world.production.made_by(process), Decision.STOP)
    await let(world, process, TURNS)


async def a_film_is_rejected_and_made_again(world: World) -> None:
    """A video walks to its film, which is rejected, sometimes after its story was changed."""
    rng = world.rng
    await all_goes_on_calmly(world)
    standing = await world.rows(_AT_GATES)
    if not standing:
        return
    task = rng.choice(standing)
    pieces = rng.sample(range(1, MOST_SCENES + 1), rng.choice([0, 0, 1]))
    try:
        if task["board_status"] == "Composites Ready":
            await decides(world, task["id"], Decision.APPROVE)
            await all_goes_on_calmly(world)
        if task["notion_page_id"] and rng.random() < 0.4:
            await world.write(task["notion_page_id"], story=a_story(world))
            await cycle_alone(world)
        await decides(world, task["id"], Decision.REJECT, pieces)
        await decides(world, task["id"], Decision.RETRY)
    except (Outdated, UnknownPiece) as error:
        world.happened[f"films made again: {type(error).__name__}"] += 1
        return
    world.happened["films made again"] += 1
    await all_goes_on_calmly(world)


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
