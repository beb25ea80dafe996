"""Videos of the channel that Showrunner produces itself: ordered, made, and left in the middle."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from kit.stage import CHANNEL

from simulation.happenings.processes import idle_processes
from simulation.happenings.production.reviewers import somebody_decides
from simulation.happenings.production.stories import a_story
from simulation.world.production import JOBS, OWN
from simulation.world.turns import Process
from simulation.world.world import World
from tasks.runtime.channels import store_channels

TURNS: Final = 45
"""Of a process that is let alone with its work, at most."""


async def videos_wait_already(world: World) -> None:
    """Channels were read once, and videos wait before the board is looked at for the first time."""
    await store_channels(world.sessions, world.channels, None)
    for channel in [OWN] * world.rng.randint(2, 3) + [CHANNEL] * world.rng.randint(1, 3):
        if world.minutes_between_cards > 1:
            await _make_card(world, channel)
        else:
            await _insert_task(world, channel)


async def a_video_is_ordered(world: World) -> None:
    """A person makes its card, or a worker inserts its task."""
    channel = world.rng.choice([OWN, OWN, CHANNEL])
    known = await world.rows("SELECT 1 FROM channels WHERE configured AND id = :id", id=channel)
    if not known or world.minutes_between_cards > 1 or world.rng.random() < 0.5:
        await _make_card(world, channel)
    else:
        await _insert_task(world, channel)


async def _make_card(world: World, channel: str) -> None:
    world.later(seconds=world.minutes_between_cards)
    await world.make(
        title=f"Ordered {len(world.cards)}",
        channel=channel,
        topic="Rome",
        story=a_story(world),
        status="Queued",
        priority=world.rng.choice(["Low", "Normal", "High"]),
    )


async def _insert_task(world: World, channel: str) -> None:
    world.later(seconds=1)
    task, moments = UUID(int=world.rng.getrandbits(128)), ("created_at", "updated_at")
    given = {
        "id": task,
        "title": f"Inserted {len(world.inserted)}",
        "channel_id": channel,
        "topic": "Rome",
        "story_direction": a_story(world) or None,
        "board_status": "Queued",
        "priority": world.rng.choice(["low", "normal", "high"]),
        **dict.fromkeys((*moments, "status_changed_at"), world.clock.now),
    }
    names, values = ", ".join(given), ", ".join(f":{name}" for name in given)
    await world.sql(f"INSERT INTO tasks ({names}) VALUES ({values})", **given)
    world.inserted.append(task)


async def production_begins(world: World) -> None:
    """An idle process dispatches, produces or collects."""
    idle = idle_processes(world)
    if idle:
        await world.run(world.rng.choice(idle), _job(world))


async def production_goes_on(world: World) -> None:
    """A process does one thing after the other, undisturbed, and may die in the middle."""
    rng = world.rng
    process = rng.choice(world.processes)
    for _ in range(rng.randint(2, 10)):
        doing = process.doing if process.busy else _job(world)
        if not process.busy:
            await world.run(process, doing)
        if not await let(world, process, rng.choice([TURNS, TURNS, TURNS, rng.randint(1, 25)])):
            break
        if doing == "dispatch" and not world.production.runs:
            if not world.production.is_waiting():
                break
            world.later(seconds=rng.choice([5, 15, 60]))
    if process.busy and process.doing in JOBS and rng.random() < 0.35:
        world.happened[f"died in {process.doing}"] += 1
        await world.turns.kill(process)
    if rng.random() < 0.5:
        await somebody_decides(world)


def _job(world: World) -> str:
    chance = world.rng.random()
    if world.production.runs and chance < 0.85:
        return "produce"
    return "collect" if world.production.is_waiting() and chance < 0.7 else "dispatch"


async def let(world: World, process: Process, turns: int) -> bool:
    """Give it that many turns; whether its job came to its end."""
    for _ in range(turns):
        own = [waiter for waiter in world.turns.waiting if waiter.process is process]
        if not own:
            return True
        # A heartbeat comes due less often than there is something else to do.
        awake = [waiter for waiter in own if not waiter.what.startswith("sleeps")]
        some = awake if awake and world.rng.random() < 0.8 else own
        await world.turns.next(world.rng.choice(some))
    return not process.busy


async def a_lease_runs_out(world: World) -> None:
    """Nothing happens for as long as a lease lasts, and the next dispatch returns it."""
    world.later(seconds=world.rng.choice([61, 601, 601, 3700]))
    idle = idle_processes(world)
    if idle:
        await world.run(world.rng.choice(idle), "dispatch")
        await let(world, world.rng.choice(idle), TURNS)


async def all_goes_on_calmly(world: World) -> None:
    """Until nothing of production's own can go on: gates, errors and budgets wait for people."""
    process = world.processes[0]
    for _ in range(MOST_ROUNDS):
        world.later(minutes=4)
        before = len(world.turns.trail)
        for doing in ("dispatch", "collect"):
            await world.run(process, doing)
            await world.to_the_end()
        begun = bool(world.production.runs)
        while world.production.runs:
            await world.run(process, "produce")
            await let(world, process, MOST_TURNS)
            await world.to_the_end()
        if not begun and not await _under_way(world):
            break
        assert len(world.turns.trail) > before


MOST_ROUNDS: Final = 12
MOST_TURNS: Final = 500


async def _under_way(world: World) -> bool:
    states = "('submitting', 'submitted', 'unknown')"
    return bool(await world.rows(f"SELECT 1 FROM pieces WHERE state IN {states} LIMIT 1"))
