"""Many cards at once: pages of queries, batches, and inboxes that are worth a query."""

from __future__ import annotations

from kit.stage import CHANNEL

from simulation.world.world import World

WHOLE_BOARD = range(105, 151)
"""Cards: more than one page of a query, more than two batches of a push."""


async def a_whole_board(world: World) -> None:
    """Made before anybody looks."""
    statuses = ["Draft", "Draft", "Queued", "Ready for Planning", "Archived", "Under Review"]
    for _ in range(world.rng.choice(WHOLE_BOARD)):
        world.later(seconds=world.minutes_between_cards)
        await world.make(
            title="Giant squid",
            channel=CHANNEL,
            topic="Architeuthis",
            status=world.rng.choice(statuses),
        )


async def many_cards_are_edited(world: World) -> None:
    """By one person within a minute; Notion tells of all of them together."""
    some = world.rng.sample(world.cards, min(len(world.cards), world.rng.randint(4, 40)))
    for page_id in some:
        choices = [
            {"title": "Colossal squid"},
            {"priority": "High"},
            {"status": "Queued"},
            {"topic": ""},
        ]
        await world.write(page_id, **world.rng.choice(choices))
    world.later(seconds=world.rng.choice([30, 61]))
    await world.send_webhooks()
    for letter in world.post.waiting(world.clock.now):
        await world.hand_in(letter, world.rng.randint(0, 1))


async def a_worker_moves_many_tasks(world: World) -> None:
    to = world.rng.choice(["Processing", "Ready for Review", "Error: Retriable", "Upload Complete"])
    await world.sql(
        "UPDATE tasks SET board_status = :to WHERE board_status <> :to AND priority <> 'low'", to=to
    )
