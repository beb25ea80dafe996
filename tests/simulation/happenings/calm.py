"""Staged happenings: new cards on which everybody agrees, and runs that nobody else disturbs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kit.stage import CHANNEL

from simulation.world.turns import Process, Waiter
from simulation.world.world import World

MOST_TURNS = 120
"""Turns of a process within which it comes to the request that a happening waits for."""


async def new_cards(world: World, number: int, **values: Any) -> list[str]:
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
    await cycle_alone(world)
    if "status" in values:
        to = "UPDATE tasks SET board_status = :to WHERE notion_page_id = ANY (:pages)"
        await world.sql(to, to=values["status"], pages=pages)
    return pages


async def is_quiet(world: World, pages: Sequence[str]) -> bool:
    """Everything is still, the last cycle was good, and board and database agree on these cards."""
    for _ in range(2):
        world.later(seconds=61)
        if not await cycle_alone(world):
            return False
    return bool(pages) and await _all_agree(world, pages) and await _follows_priority(world)


async def _follows_priority(world: World) -> bool:
    """Whether the sync knows the board's Priority: it is ignored while it has another type."""
    known = await world.rows("SELECT value -> 'board' AS board FROM sync_state WHERE key = 'board'")
    return any("Priority" in row["board"]["properties"] for row in known)


async def cycle_alone(world: World) -> bool:
    """Whether a whole cycle was good, with nobody else at work."""
    await world.to_the_end()
    await world.run(world.processes[0], "cycle")
    await world.to_the_end()
    return world.processes[0].error is None  # type: ignore[attr-defined]


async def statuses_of_tasks(world: World, pages: Sequence[str]) -> dict[str, str]:
    """The Status of each page's task."""
    rows = await world.rows(
        "SELECT * FROM tasks WHERE notion_page_id = ANY (:pages)", pages=list(pages)
    )
    return {row["notion_page_id"]: row["board_status"] for row in rows}


async def _all_agree(world: World, pages: Sequence[str]) -> bool:
    held = await statuses_of_tasks(world, pages)
    return all(
        held.get(page_id) == world.ledger.written[page_id, "Status"][-1].value for page_id in pages
    )


async def ingest_alone(world: World, pages: Sequence[str]) -> None:
    for page_id in pages:
        await world.webhook(page_id)
    await world.run(world.processes[0], "ingest")
    await world.to_the_end()


async def run_until(
    world: World, process: Process, is_reached: Callable[[str], bool]
) -> Waiter | None:
    """Give turns to this process alone until it waits for such a turn; None when its job ended."""
    for _ in range(MOST_TURNS):
        own = [waiter for waiter in world.turns.waiting if waiter.process is process]
        for waiter in own:
            if is_reached(waiter.what):
                return waiter
        if not own:
            return None
        await world.turns.next(world.rng.choice(own))
    return None
