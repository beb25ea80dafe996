"""What may happen while videos are produced, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from models.production.leases import LEASE
from simulation.studio.processes import Process
from simulation.studio.world import CHANNEL, StudioWorld

Happening = Callable[[StudioWorld], Awaitable[None]]
SCENES: Final = ("A squid glows.", "A whale sings low.", "A crab waits.")
FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "lost_after", "service": "gemini", "route": "generate"},
    {"kind": "lost_before", "service": "gemini", "route": "generate"},
    {"kind": "truncated", "service": "gemini", "route": "generate"},
    {"kind": "error", "service": "gemini", "route": "generate", "code": "429"},
    {"kind": "error", "service": "gemini", "route": "generate", "code": "500"},
    {"kind": "refusal", "service": "gemini", "route": "generate", "code": "IMAGE_SAFETY"},
    {"kind": "lost_after", "service": "kling", "route": "submit"},
    {"kind": "lost_after", "service": "kling", "route": "submit"},
    {"kind": "lost_before", "service": "kling", "route": "submit"},
    {"kind": "truncated", "service": "kling", "route": "submit"},
    {"kind": "error", "service": "kling", "route": "submit", "code": "1303", "times": 2},
    {"kind": "error", "service": "kling", "route": "submit", "code": "1302"},
    {"kind": "error", "service": "kling", "route": "submit", "code": "1102"},
    {"kind": "error", "service": "kling", "route": "submit", "code": "1301"},
    {"kind": "error", "service": "kling", "route": "submit", "code": "5000"},
    {"kind": "failed", "service": "kling", "route": "submit"},
    {"kind": "lost_after", "service": "kling", "route": "query"},
    {"kind": "error", "service": "kling", "route": "query", "code": "5001"},
    {"kind": "error", "service": "kling", "route": "list", "code": "5002"},
    {"kind": "url_expired", "service": "kling", "route": "query"},
    {"kind": "url_expired", "service": "kling", "route": "query", "times": 6},
    {"kind": "truncated", "service": "kling", "route": "download"},
    {"kind": "lost_after", "service": "elevenlabs", "route": "speech"},
    {"kind": "truncated", "service": "elevenlabs", "route": "speech"},
    {"kind": "lost_before", "service": "elevenlabs", "route": "sound"},
    {"kind": "error", "service": "elevenlabs", "route": "speech", "code": "system_busy"},
    {
        "kind": "error",
        "service": "elevenlabs",
        "route": "sound",
        "code": "too_many_concurrent_requests",
    },
    {"kind": "error", "service": "elevenlabs", "route": "sound", "code": "quota_exceeded"},
    {"kind": "error", "service": "elevenlabs", "route": "sound", "code": "internal_server_error"},
    {"kind": "lost_after", "service": "youtube", "route": "insert"},
    {"kind": "lost_before", "service": "youtube", "route": "insert"},
    {"kind": "error", "service": "youtube", "route": "insert", "code": "backendError"},
    {"kind": "cut", "service": "youtube", "route": "upload", "at": 100_000},
    {"kind": "cut", "service": "youtube", "route": "upload", "at": 400_000},
    {"kind": "lost_after", "service": "youtube", "route": "upload"},
    {"kind": "lost_after", "service": "youtube", "route": "upload", "skip": 2},
    {"kind": "session_expired", "service": "youtube", "route": "upload", "code": "410"},
    {"kind": "session_expired", "service": "youtube", "route": "upload", "skip": 3, "code": "404"},
    {"kind": "error", "service": "youtube", "route": "playlist", "code": "backendError"},
)
KILLED, HELD = 0.3, 0.12
"""How many runs are killed, and how many are held up before a request."""
LONG: Final = LEASE.total_seconds() + 130
"""Seconds after which a lease is over and an unanswered order was looked for."""


def _process(world: StudioWorld, moments: int) -> Process:
    rng, process = world.rng, Process()
    chance = rng.random()
    if chance < KILLED:
        process.killed_at = rng.randint(1, moments)
    elif chance < KILLED + HELD and not world.held:
        process.held_at = rng.randint(1, 3)
    return process


async def steps_run(world: StudioWorld) -> None:
    """Whatever may begin begins, and runs."""
    begun = await world.run("dispatch", _process(world, 80), world.own.dispatch())
    for work in begun or ():
        name = f"{work.step} of {world.name(work.task_id)}"
        await world.run(name, _process(world, 70), world.own.produce(work))


async def jobs_are_collected(world: StudioWorld) -> None:
    await world.run("collect", _process(world, 40), world.own.collect())


async def time_passes(world: StudioWorld) -> None:
    world.pass_(world.rng.choice([1, 15, 15, 60, 60, 150, LONG, LONG, 3600]))


async def days_pass(world: StudioWorld) -> None:
    """Addresses and sessions expire; after a month a service keeps nothing."""
    world.pass_(world.rng.choice([2, 2, 40]) * 86_400)


async def something_breaks(world: StudioWorld) -> None:
    fault = dict(world.rng.choice(FAULTS))
    fault["skip"] = fault.get("skip", 0) + world.rng.choice([0, 0, 0, 1])
    world.trail.append(f"  {fault}")
    world.happened[f"{fault['service']} {fault['route']}: {fault['kind']}"] += 1
    await asyncio.to_thread(lambda: world.services.fault(**fault))


async def money_runs_out_or_comes(world: StudioWorld) -> None:
    world.services.set_balance(
        world.rng.choice(["gemini", "kling", "elevenlabs"]), world.rng.choice([0, 1000, 1000])
    )


async def held_ones_go_on(world: StudioWorld) -> None:
    """A worker that was slow wakes, perhaps long after its lease is over."""
    await world.release_held()


async def a_person_acts(world: StudioWorld) -> None:
    for task in world.tasks:
        if world.rng.random() < 0.6:
            await decide(world, task)


async def decide(world: StudioWorld, task: Any, *, calm: bool = False) -> None:
    """A person makes the move that a card waits for, if it waits for one."""
    own, column = world.own, await world.own.column(task)
    if column.startswith("Error") or column == "Review Rejected":
        world.said_so[task] += column.startswith("Error")
        await _move(world, task, "Queued")
    elif column == "Draft":
        await _move(world, task, "Queued")
    elif column not in {"Composites Ready", "Ready for Review"}:
        return
    elif not calm and world.rng.random() < 0.35:
        gate = "composites" if column == "Composites Ready" else "assembly"
        if gate == "composites" and "composites" not in await _gates(world):
            return
        scenes = world.rng.sample([1, 2], world.rng.randint(0, 1))
        world.trail.append(f"  {world.name(task)} is rejected at {gate}: {scenes}")
        world.happened["rejections"] += 1
        await own.reject(task, gate, *scenes)
    elif column == "Ready for Review":
        world.approvals[task] += 1
        await _move(world, task, "Review Approved")
    elif "composites" in await _gates(world):
        await _move(world, task, "Videos Generating")


async def a_story_changes(world: StudioWorld) -> None:
    """A person writes a paragraph anew; only its scene is made from something else then."""
    task = world.rng.choice(world.tasks)
    if await world.own.column(task) not in {"Draft", "Queued", "Error: Invalid Input"}:
        return
    await world.own.sql(
        "UPDATE tasks SET story_direction = story_direction || ' Slowly.' WHERE id = :task",
        task=task,
    )


async def another_video(world: StudioWorld) -> None:
    if len(world.tasks) < 3:
        scenes = world.rng.sample(SCENES, world.rng.randint(1, 2))
        title, story = f"Video {len(world.tasks) + 1}", "\n\n".join(scenes)
        # What is equal otherwise is ordered by its id.
        id_ = UUID(int=world.rng.getrandbits(128))
        world.tasks.append(await world.own.add(title, story=story, channel=CHANNEL, task=id_))


async def _gates(world: StudioWorld) -> list[str]:
    (row,) = await world.own.sql("SELECT gates FROM channels WHERE id = :id", id=CHANNEL)
    return list(row["gates"] or ())


async def _move(world: StudioWorld, task: Any, column: str) -> None:
    world.trail.append(f"  {world.name(task)} is moved to {column}")
    await world.own.move(task, column)


OFTEN: Final[dict[Happening, float]] = {
    steps_run: 36,
    jobs_are_collected: 22,
    time_passes: 18,
    something_breaks: 16,
    a_person_acts: 18,
    held_ones_go_on: 4,
    money_runs_out_or_comes: 2,
    another_video: 2,
    a_story_changes: 1,
    days_pass: 1,
}
