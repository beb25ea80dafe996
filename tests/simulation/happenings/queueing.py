"""Users queue a card before it is complete, or empty a text of a queued card."""

from __future__ import annotations

from collections.abc import Collection

from kit.stage import CHANNEL

from simulation.world.world import World


async def _others_go_on(world: World) -> None:
    for _ in range(world.rng.randint(1, 12)):
        if world.turns.waiting:
            await world.turns.next(world.rng.choice(world.turns.waiting))


async def a_card_is_queued_first(world: World) -> None:
    """Make an empty card in Queued; its texts follow one by one, late, or never."""
    rng = world.rng
    world.later(seconds=world.minutes_between_cards)
    known = len(world.cards)
    await world.make(status="Queued")
    for values in ({"title": "Kraken"}, {"channel": CHANNEL, "topic": "Architeuthis"}):
        world.later(seconds=rng.choice([2, 5, 90, 200]))
        await _others_go_on(world)
        if len(world.cards) > known and rng.random() < 0.8:
            await world.write(world.cards[known], **values)


async def a_queued_card_loses_a_text(world: World) -> None:
    queued = standing_in(world, {"Queued"})
    if queued:
        page_id = world.rng.choice(queued)
        await world.write(
            page_id, **world.rng.choice([{"channel": ""}, {"topic": ""}, {"title": " "}])
        )
        if world.rng.random() < 0.5:
            await _others_go_on(world)
            await world.write(page_id, title="Kraken", topic="Architeuthis", channel=CHANNEL)


def standing_in(world: World, columns: Collection[str]) -> list[str]:
    """Cards that show one of those columns."""
    return [
        page_id
        for page_id in world.cards
        if world.ledger.written[page_id, "Status"][-1].value in columns
    ]
