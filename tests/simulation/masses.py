"""What people do to many cards at once, and what must be so right after the next run: seen to the end of that run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stage import CHANNEL
from world import World

from models.sync.safety_stop import PUT_BACK_MAX, waiting
from models.tables.sync_state import CONFIRMED, get_moment

PLANNED = ["Draft", "Ready for Planning", "Queued"]


async def many_cards_are_dragged_twice(world: World) -> None:
    """Within a minute, and a query lags behind: the database never goes back to what the board showed before.

    They may stand for seconds where nobody looked, but not come back there within the minute: that is what
    `models.sync.observations` assumes of its samples.
    """
    pages = await _some_cards(world, world.rng.randint(5, 8))
    if not await _quiet(world, pages):
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
        await _told(world, pages)
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


async def _told(world: World, pages: Sequence[str]) -> None:
    for page_id in pages:
        await world.told(page_id)
    await world.run(world.processes[0], "ingest")
    await world.to_the_end()


async def _went_back(world: World, known: dict[str, int], *, late: bool) -> list[str]:
    """Which tasks hold no Status that their card showed since `known`, which is brought forward."""
    found, held = [], await _held(world, list(known))
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
    pages = await _some_cards(world, PUT_BACK_MAX + world.rng.randint(1, 4), status="Processing")
    if not await _quiet(world, pages):
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
    if not await _cycle(world):
        return
    written = [
        page_id for page_id in pages if any(page_id in write for write in world.writes[before:])
    ]
    if pause and written:
        world.failures.append(f"{len(written)} moves that nobody watched were put back unasked")
    if not pause and len(written) < len(pages):
        world.failures.append(
            f"{len(pages) - len(written)} moves that we watched were not put back"
        )


async def many_cards_are_trashed(world: World) -> None:
    """While we watch: believed, however many."""
    pages = await _some_cards(world, world.rng.randint(11, 14))
    if not await _quiet(world, pages):
        return
    world.happened["many cards trashed while we watch"] += 1
    for page_id in pages:
        await world.person("PATCH", f"/v1/pages/{page_id}", {"in_trash": True})
        world.trashed[page_id] = world.clock.now
        await world.told(page_id, "page.deleted")
    if not await _cycle(world):
        return
    there = await world.rows(
        "SELECT notion_page_id FROM cards WHERE notion_page_id = ANY (:pages) AND trashed_at IS NULL",
        pages=pages,
    )
    if there:
        world.failures.append(
            f"{len(there)} cards that people trashed while we watched count as there"
        )


async def _some_cards(world: World, number: int, **values: Any) -> list[str]:
    """New valid cards, taken in."""
    known = len(world.cards)
    for _ in range(number):
        world.later(seconds=world.minutes_between_cards)
        whole = {
            "title": f"One of many {len(world.cards)}",
            "channel": CHANNEL,
            "topic": "Architeuthis",
        }
        await world.make(**{**whole, "status": "Draft", "priority": "Normal"})
    pages = world.cards[known:]
    await world.to_the_end()
    world.sandbox.faults.clear()
    world.network.clear()
    world.database.clear()
    await _cycle(world)
    if "status" in values:
        to = "UPDATE tasks SET board_status = :to WHERE notion_page_id = ANY (:pages)"
        await world.sql(to, to=values["status"], pages=pages)
    return pages


async def _quiet(world: World, pages: Sequence[str]) -> bool:
    """Everything is still, the last cycle was good, and board and database agree on these cards."""
    for _ in range(2):
        world.later(seconds=61)
        if not await _cycle(world):
            return False
    return bool(pages) and await _agree(world, pages)


async def _cycle(world: World) -> bool:
    """Whether a whole cycle was good, with nobody else at work."""
    await world.to_the_end()
    await world.run(world.processes[0], "cycle")
    await world.to_the_end()
    return world.processes[0].error is None  # type: ignore[attr-defined]


async def _held(world: World, pages: Sequence[str]) -> dict[str, str]:
    """The Status of each page's task."""
    rows = await world.rows(
        "SELECT * FROM tasks WHERE notion_page_id = ANY (:pages)", pages=list(pages)
    )
    return {row["notion_page_id"]: row["board_status"] for row in rows}


async def _agree(world: World, pages: Sequence[str]) -> bool:
    held = await _held(world, pages)
    return all(
        held.get(page_id) == world.ledger.written[page_id, "Status"][-1].value for page_id in pages
    )
