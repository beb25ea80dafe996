"""What users do to many cards at once, with the result checked after the next run."""

from __future__ import annotations

from collections.abc import Sequence

from models.sync.safety_stop import PUT_BACK_MAX, waiting
from models.tables.sync_state import CONFIRMED, get_moment
from simulation.happenings.calm import (
    cycle_alone,
    ingest_alone,
    is_quiet,
    new_cards,
    statuses_of_tasks,
)
from simulation.world.world import World

TAKEN = 0.5
"""How often the operator then takes the board's statuses instead of confirming."""
PLANNED = ["Draft", "Ready for Planning", "Queued"]


async def many_cards_are_dragged_twice(world: World) -> None:
    """Drag cards repeatedly in one minute while queries lag: no task goes back in time.

    A card may pass through a column that no read showed, but not come back to it within the
    minute: that is what `models.sync.observations` assumes of its samples.
    """
    pages = await new_cards(world, world.rng.randint(5, 8))
    if not await is_quiet(world, pages):
        return
    rng = world.rng
    world.happened["many cards dragged again and again within a minute"] += 1
    world.later(seconds=60 - world.clock.now.second)
    known, unseen = dict.fromkeys(pages, 0), rng.choice(PLANNED)
    seen = [status for status in PLANNED if status != unseen]
    await _drag(world, pages, [unseen])
    late = [*[False] * rng.randint(1, 3), True, False]
    for is_late in late:
        await _drag(world, pages, seen)
        if is_late:
            world.sandbox.faults.add(stale_seconds=rng.choice([2, 4, 7, 12]), times=1)
        await ingest_alone(world, pages)
        world.sandbox.faults.clear()
        if world.processes[0].error is not None:  # type: ignore[attr-defined]
            return
        world.failures += await _went_back(world, known, late=is_late)


async def _drag(world: World, pages: Sequence[str], to: Sequence[str]) -> None:
    """Most of them to the same column."""
    most = world.rng.choice(to)
    for page_id in pages:
        await world.write(
            page_id, status=most if world.rng.random() < 0.8 else world.rng.choice(to)
        )
    world.later(seconds=world.rng.randint(1, 4))


async def _went_back(world: World, known: dict[str, int], *, late: bool) -> list[str]:
    """Which tasks hold no Status that their card showed since `known`, which is brought forward."""
    found, held = [], await statuses_of_tasks(world, list(known))
    for page_id, since in known.items():
        values = [entry.value for entry in world.ledger.written[page_id, "Status"]]
        first = since if late else len(values) - 1
        if held[page_id] in values[first:]:
            known[page_id] = values.index(held[page_id], first)
        else:
            found.append(
                f"card {page_id[:8]}: {held[page_id]!r} was believed after {values[first:]}"
            )
    return found


async def many_wrong_moves(world: World) -> None:
    """While we watch they are put back, after a pause they wait if they are many."""
    pages = await new_cards(world, PUT_BACK_MAX + world.rng.randint(1, 4), status="Processing")
    if not await is_quiet(world, pages):
        return
    async with world.databases.single() as session:
        if await waiting(session) or await get_moment(session, CONFIRMED) is not None:
            return
    pause = world.rng.random() < 0.5
    world.happened[
        "many wrong moves after a pause" if pause else "many wrong moves while we watch"
    ] += 1
    world.later(hours=world.rng.choice([1, 6]) if pause else 0)
    for page_id in pages:
        await world.write(page_id, status=world.rng.choice(["Draft", "Uploading"]))
    before = len(world.writes)
    if not await cycle_alone(world):
        return
    written = [
        page_id for page_id in pages if any(page_id in write for write in world.writes[before:])
    ]
    if pause and written:
        world.failures.append(f"{len(written)} moves that nobody watched were put back unasked")
    if pause and world.rng.random() < TAKEN:
        await _the_operator_takes_the_board(world, pages)
    if not pause and len(written) < len(pages):
        world.failures.append(
            f"{len(pages) - len(written)} moves that we watched were not put back"
        )


async def _the_operator_takes_the_board(world: World, pages: Sequence[str]) -> None:
    """The operator takes the board's statuses: tasks follow, and no card's Status is written."""
    world.happened["the operator took the board's statuses"] += 1
    before = len(world.writes)
    shown = {page_id: world.ledger.written[page_id, "Status"][-1].value for page_id in pages}
    await world.run(world.processes[0], "take the board")
    await world.to_the_end()
    if world.processes[0].error is not None:  # type: ignore[attr-defined]
        return
    held = await statuses_of_tasks(world, pages)
    world.failures += [
        f"card {page_id[:8]} shows {shown[page_id]!r}, its task {held.get(page_id)!r}"
        for page_id in pages
        if held.get(page_id) != shown[page_id]
    ]
    if not await cycle_alone(world):
        return
    status = world.ids["Status"]
    world.failures += [
        f"the board's status was taken, and written back: {write}"
        for write in world.writes[before:]
        if status in write and any(page_id in write for page_id in pages)
    ]


async def many_cards_are_trashed(world: World) -> None:
    """While we watch: believed, however many."""
    pages = await new_cards(world, world.rng.randint(11, 14))
    if not await is_quiet(world, pages):
        return
    world.happened["many cards trashed while we watch"] += 1
    for page_id in pages:
        await world.person("PATCH", f"/v1/pages/{page_id}", {"in_trash": True})
        world.trashed[page_id] = world.clock.now
        await world.webhook(page_id, "page.deleted")
    if not await cycle_alone(world):
        return
    there = await world.rows(
        "SELECT notion_page_id FROM cards "
        "WHERE notion_page_id = ANY (:pages) AND trashed_at IS NULL",
        pages=pages,
    )
    if there:
        world.failures.append(
            f"{len(there)} cards that people trashed while we watched count as there"
        )
