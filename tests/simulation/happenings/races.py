"""Rare and dangerous moments, staged: something changes between two steps of a run.

Each uses cards of its own and is checked at once, because chance alone rarely produces it.
"""

from __future__ import annotations

from dataclasses import replace

from simulation.happenings.calm import (
    cycle_alone,
    ingest_alone,
    is_quiet,
    new_cards,
    run_until,
)
from simulation.world.world import World

LONG_SWEEP = 600
"""Seconds that a sweep is made to take: more than it looks behind the start of the last one."""
LAG = 170
"""Seconds by which a query's answer is behind: as much as a sweep's overlap covers."""
CLAIM_ENDS = 181
"""Seconds after which an event is claimed again whose process died."""
BETWEEN_EDITS = 5
"""Seconds between two edits of one card: far fewer than a write of ours may still be in flight."""


async def an_edit_falls_into_a_long_sweep(world: World) -> None:
    """An edit during a long sweep, without a webhook, is found by the next sweep."""
    pages = await new_cards(world, 1)
    if not await is_quiet(world, pages):
        return
    [one, _] = world.processes
    world.later(seconds=61)
    await world.run(one, "cycle")
    if await run_until(world, one, _is_answered_query) is None:
        return
    world.happened["edit during a long sweep"] += 1
    await world.write(pages[0], priority="High")
    world.later(seconds=LONG_SWEEP)
    await world.to_the_end()
    world.later(seconds=61)
    if one.error is None and await cycle_alone(world):  # type: ignore[attr-defined]
        world.failures += await _has_priority(world, pages[0], "high", "after a long sweep")


def _is_answered_query(what: str) -> bool:
    return what.startswith("hears 200 to POST") and what.endswith("/query")


async def a_query_lags_behind_an_edit(world: World) -> None:
    """An edit that a query does not show yet, without a webhook, is found by the next sweep."""
    pages = await new_cards(world, 1)
    if not await is_quiet(world, pages):
        return
    world.happened["edit that a query shows late"] += 1
    await world.write(pages[0], priority="High")
    world.later(seconds=LAG - 50)
    world.sandbox.faults.add(stale_seconds=LAG, times=20)
    was_good = await cycle_alone(world)
    world.sandbox.faults.clear()
    world.later(seconds=61)
    if was_good and await cycle_alone(world):
        world.failures += await _has_priority(world, pages[0], "high", "a query showed it late")


async def a_process_dies_while_it_reads_a_page(world: World) -> None:
    """An event whose process dies before it has read the page is worked off by another one."""
    pages = await new_cards(world, 1)
    if not await is_quiet(world, pages):
        return
    one, two = world.processes
    await world.write(pages[0], priority="High")
    world.later(seconds=BETWEEN_EDITS)
    await world.webhook(pages[0])
    await world.run(one, "ingest")
    if await run_until(world, one, lambda what: what.startswith(("GET", "POST"))) is None:
        return
    world.happened["died while it read a page"] += 1
    await world.turns.kill(one)
    world.later(seconds=CLAIM_ENDS)
    await world.run(two, "ingest")
    await world.to_the_end()
    if two.error is None:  # type: ignore[attr-defined]
        world.failures += await _has_priority(world, pages[0], "high", "its process died")


async def a_person_chooses_again_what_we_wrote(world: World) -> None:
    """Within seconds of our write: both choices are the person's, and the last one counts."""
    pages = await new_cards(world, 1)
    if not await is_quiet(world, pages):
        return
    page_id = pages[0]
    await world.sql("UPDATE tasks SET priority = 'high' WHERE notion_page_id = :page", page=page_id)
    if not await cycle_alone(world):
        return
    world.happened["our own value chosen again by a person"] += 1
    for chosen in ("Low", "High"):
        await world.write(page_id, priority=chosen)
        world.later(seconds=BETWEEN_EDITS)
        await ingest_alone(world, pages)
        if world.processes[0].error is not None:  # type: ignore[attr-defined]
            return
    world.failures += await _has_priority(world, page_id, "high", "chosen again by a person")


async def two_processes_come_to_one_card(world: World) -> None:
    """An ingest run and a push come to the same card at once: only one may write it."""
    pages = await new_cards(world, 1, status="Processing")
    if not await is_quiet(world, pages):
        return
    one, two = world.processes
    path = f"PATCH /v1/pages/{pages[0]}"
    await world.write(pages[0], status="Uploading")
    world.later(seconds=BETWEEN_EDITS)
    await world.webhook(pages[0])
    await world.run(two, "ingest")
    if await run_until(world, two, path.__eq__) is None:
        return
    world.happened["a card that two processes come to"] += 1
    await world.run(one, "cycle")
    await run_until(world, one, path.__eq__)
    # Both requests are sent before either answer is heard, if both processes got this far.
    for waiter in [waiter for waiter in world.turns.waiting if waiter.what == path]:
        await world.turns.next(waiter)
    await world.to_the_end()


async def a_type_changes_under_our_hands(world: World) -> None:
    """A property changes its type mid-run: an unreadable value does not count as emptied."""
    schema = world.ledger.schema
    prop = schema.get(world.ids["Priority"])
    if prop is None or prop.kind != "select":
        return
    pages = await new_cards(world, 1)
    if not pages:
        return
    await world.write(pages[0], priority="High")
    if not await is_quiet(world, pages):
        return
    [one, _] = world.processes
    await world.write(pages[0], title="Colossal squid")
    world.later(seconds=61)
    await world.run(one, "cycle")
    asked = await run_until(world, one, lambda what: what.startswith("POST") and "query" in what)
    if asked is None or world.ledger.schema.get(prop.id) != prop:
        return
    world.happened["type changed under our hands"] += 1
    _put(world, replace(prop, kind="status"))
    await world.to_the_end()
    world.failures += await _has_priority(world, pages[0], "high", "of a property of another type")
    if prop.id in world.ledger.schema:
        _put(world, prop)


def _put(world: World, prop: object) -> None:
    source = world.sandbox.state.sources[world.data_source_id]
    source.schema = {**source.schema, prop.id: prop}  # type: ignore[attr-defined]
    world.ledger.record_read("schema")


async def _has_priority(world: World, page_id: str, expected: str, when: str) -> list[str]:
    rows = await world.rows("SELECT priority FROM tasks WHERE notion_page_id = :page", page=page_id)
    found = [row["priority"] for row in rows]
    if found == [expected]:
        return []
    return [f"card {page_id[:8]}: Priority should be {expected!r} ({when}) and is {found}"]
