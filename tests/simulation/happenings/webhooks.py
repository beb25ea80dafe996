"""Webhooks arrive, late, twice or never; and time passes."""

from __future__ import annotations

from datetime import timedelta

from simulation.world.world import World


async def webhooks_arrive(world: World) -> None:
    """Deliver pending webhooks in any order; some get lost, late, doubled, or to both receivers."""
    world.later(seconds=world.rng.choice([1, 2, 30]))
    await world.send_webhooks()
    rng = world.rng
    for _ in range(rng.randint(1, 4)):
        fresh = world.post.waiting(world.clock.now)
        if not fresh:
            return
        letter, fate = rng.choice(fresh), rng.random()
        if fate < 0.12:
            letter.delivered = 1
            world.happened["webhook lost"] += 1
        elif fate > 0.92:
            letter.due = world.clock.now + timedelta(minutes=rng.choice([1, 10, 60, 24 * 60]))
            world.happened["webhook late"] += 1
        elif fate < 0.24:
            world.happened["webhook doubled"] += 1
            await world.hand_in_twice(letter)
        else:
            await world.hand_in(letter, rng.randint(0, 1))


async def an_old_webhook_comes_again(world: World) -> None:
    old = [letter for letter in world.post.letters if letter.delivered]
    if old:
        await world.hand_in(world.rng.choice(old), world.rng.randint(0, 1))


async def an_event_has_had_bad_luck(world: World) -> None:
    """Use up most or all attempts of a pending event."""
    waiting = "NOT processed AND dead_at IS NULL AND page_id IS NOT NULL"
    events = await world.rows(
        f"SELECT event_id, page_id FROM webhook_events WHERE {waiting} ORDER BY id"
    )
    if events:
        unlucky, tried = world.rng.choice(events), world.rng.choice([7, 7, 8])
        change = "UPDATE webhook_events SET attempts = :tried WHERE event_id = :event"
        await world.sql(change, tried=tried, event=unlucky["event_id"])
        world.sandbox.faults.add(500, method="GET", path=f"/v1/pages/{unlucky['page_id']}", times=4)


async def the_receiver_is_shut(world: World) -> None:
    world.post.shut += world.rng.randint(1, 3)


async def time_passes(world: World) -> None:
    seconds = world.rng.choice([1, 5, 20, 60, 60, 60, 90, 180, 600, 3600])
    world.later(seconds=seconds)


async def a_sweep_takes_long(world: World) -> None:
    """Edit a card after a sweep's query was answered, and let the sweep go on minutes later."""
    asked = [
        waiter
        for waiter in world.turns.waiting
        if "hears 200" in waiter.what and "query" in waiter.what
    ]
    if asked and world.cards:
        await world.write(world.rng.choice(world.cards), title="Colossal squid", priority="High")
        world.later(seconds=world.rng.choice([180, 600]))
        world.happened["edits during a long sweep"] += 1


async def a_day_passes(world: World) -> None:
    world.later(hours=world.rng.choice([6, 24]))
