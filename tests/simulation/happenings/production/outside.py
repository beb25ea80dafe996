"""What outside workers do, rightly and wrongly."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from models.production.steps import STEPS, Step
from models.rules.statuses import BoardStatus
from simulation.world.outside import NOT_APPROVED, OutsideWorker
from simulation.world.world import World

AT_ONCE: Final = 3
"""Outside workers."""
LEASES: Final = [timedelta(seconds=5), timedelta(minutes=1), *[timedelta(minutes=10)] * 3]
ROUTE: Final = [column for rule in STEPS.values() for column in (rule.working, rule.done)]
ERRORS: Final = ["invalid_input", "api_failure", "retriable", "retriable", "manual_review"]
SCENES: Final = 2


async def an_outside_worker_acts(world: World) -> None:
    """A worker takes a task, goes on with it, or does something with one that it lost."""
    outside, rng = world.outside, world.rng
    while len(outside.workers) < AT_ONCE:
        outside.hire()
    busy = [worker for worker in outside.workers if worker.task is not None]
    worker = rng.choice(busy if busy and rng.random() < 0.6 else outside.workers)
    if worker.task is None:
        await outside.claim(worker, rng.choice(LEASES))
    for _ in range(rng.randint(1, 5)):
        if worker.task is None:
            return
        await _go_on(world, worker, worker.task)


async def _go_on(world: World, worker: OutsideWorker, task: UUID) -> None:
    outside, rng = world.outside, world.rng
    doing = rng.choices(
        ["report", "attach", "heartbeat", "wrong column", "fail", "finish"], [50, 22, 14, 5, 5, 4]
    )[0]
    if doing == "report":
        await _next_column(world, worker, task)
    elif doing == "attach":
        await _attach(world, worker, task)
    elif doing == "heartbeat":
        await outside.heartbeat(worker, task)
    elif doing == "wrong column":
        await outside.report(worker, task, rng.choice(list(BoardStatus)).value)
    elif doing == "fail":
        await outside.fail(worker, task, rng.choice(ERRORS))
    else:
        await outside.finish(worker, task)


async def _next_column(world: World, worker: OutsideWorker, task: UUID) -> None:
    """The next one, or one a few further: a worker may leave out what it does at once."""
    stands = BoardStatus(worker.column)
    number = ROUTE.index(stands) + 1 if stands in ROUTE else 0
    if stands is BoardStatus.REVIEW_APPROVED:
        number = ROUTE.index(STEPS[Step.UPLOAD].working)
    number = min(number + world.rng.choice([0, 0, 1, 1, 3]), len(ROUTE) - 1)
    said = await world.outside.report(worker, task, ROUTE[number].value)
    if said == NOT_APPROVED:
        world.happened["gates that workers were refused"] += 1
        await world.outside.report(worker, task, BoardStatus.COMPOSITES_READY.value)


async def _attach(world: World, worker: OutsideWorker, task: UUID) -> None:
    rng = world.rng
    rule = STEPS[rng.choice(list(Step))]
    position = rng.randint(1, SCENES) if rule.per_scene else 0
    number = len(world.outside.costs)
    piece = {
        "kind": rule.piece.value,
        "position": position,
        "title": f"{rule.piece} {position}",
        "path": f"/films/{number}",
        "cost_usd": rng.choice([0.04, 0.25]),
        "job_id": f"job-{number}",
    }
    for _ in range(rng.choice([1, 1, 2])):
        await world.outside.attach(worker, task, **piece)


async def an_outside_worker_dies(world: World) -> None:
    """It never comes back, or only was away so long that another one took its place."""
    outside, rng = world.outside, world.rng
    alive = [worker for worker in outside.workers if worker.task is not None]
    if not alive:
        return
    worker = rng.choice(alive)
    outside.workers.remove(worker)
    world.happened["outside workers that died or hung"] += 1
    if rng.random() < 0.7:
        outside.past.append(worker)


async def a_lost_worker_comes_back(world: World) -> None:
    """A worker that was away goes on with its task as if nothing had happened."""
    outside, rng = world.outside, world.rng
    away = [worker for worker in outside.past if worker.task is not None]
    if not away:
        return
    worker = rng.choice(away)
    if rng.random() < 0.6:
        world.later(seconds=worker.lease.total_seconds() + 1)
    world.happened["workers that came back"] += 1
    assert worker.task is not None
    await _go_on(world, worker, worker.task)
    if rng.random() < 0.3:
        outside.past.remove(worker)


def stopped_working(world: World) -> None:
    """Nobody outside goes on from now on: the world calms down."""
    world.outside.past.clear()
    world.outside.workers = [replace(worker, task=None) for worker in world.outside.workers]
