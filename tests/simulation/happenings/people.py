"""What users do on the board, one card at a time."""

from __future__ import annotations

from kit.stage import CHANNEL

from models.production.gates import DEFAULT_GATES, gate_columns
from models.rules.statuses import BoardStatus, moves_of_people
from simulation.happenings.processes import a_process_goes_on
from simulation.happenings.queueing import (
    standing_in,
)
from simulation.happenings.workers import WORKING
from simulation.world.world import World

PRIORITIES = ["Low", "Normal", "High"]
TITLES = ["Giant squid", "Kraken", "", "x" * 300, "Two halves", " "]
TOPICS = ["Architeuthis", "", "y" * 1100, "Deep sea"]
DONE = {
    "Upload Complete",
    "Archived",
    "Review Rejected",
    *(s for s in BoardStatus if s.startswith("Error")),
}


async def a_card_is_made(world: World) -> None:
    rng = world.rng
    world.later(seconds=world.minutes_between_cards)
    status = rng.choice(
        [
            "Draft",
            "Draft",
            "Queued",
            "Ready for Planning",
            *[s.value for s in BoardStatus],
            "Nonsense",
        ]
    )
    made = {
        "title": "Giant squid",
        "channel": CHANNEL,
        "topic": "Architeuthis",
        "status": status,
        "priority": "Normal",
    }
    invalid = {"title": "", "channel": "cooking", "topic": "", "priority": "Urgent"}
    made |= {name: value for name, value in invalid.items() if rng.random() < 0.07}
    left_out = [name for name in made if rng.random() < 0.05]
    await world.make(**{name: value for name, value in made.items() if name not in left_out})
    if len(world.cards) % 3 == 0:
        await _ours_is_filled_in(world, world.cards[-1])


async def _ours_is_filled_in(world: World, page_id: str) -> None:
    """Dates and a note, as a template or an import of a file brings them along."""
    typed = {"Created": "2019-01-19T19:19:00Z", "Updated": "2028-08-28"}
    given: dict[str, object] = {
        world.ids[name]: {"date": {"start": start}} for name, start in typed.items()
    }
    given[world.ids["Attention"]] = {"rich_text": [{"text": {"content": "ask Ada"}}]}
    body = {
        "properties": {key: value for key, value in given.items() if key in world.ledger.schema}
    }
    await world.person("PATCH", f"/v1/pages/{page_id}", body)


async def a_card_is_doubled(world: World) -> None:
    """Notion's Duplicate takes over every value, ours too."""
    if not world.cards:
        return
    late = standing_in(world, WORKING) if world.rng.random() < 0.5 else []
    source = world.sandbox.state.pages[world.rng.choice(late or world.cards)]
    answer = await world.people.get(f"/v1/pages/{source.id}")
    values = {
        prop["id"]: {prop["type"]: _bare(prop["type"], prop[prop["type"]])}
        for prop in answer.json()["properties"].values()
        if prop["type"] in {"select", "status", "date", "rich_text", "title"} and prop[prop["type"]]
    }
    parent = {"type": "data_source_id", "data_source_id": world.data_source_id}
    world.later(seconds=world.minutes_between_cards)
    if await world.person("POST", "/v1/pages", {"parent": parent, "properties": values}):
        world.cards.append(world.answer["id"])


def _bare(kind: str, value: object) -> object:
    if kind in {"select", "status"}:
        return {"name": value["name"]}  # type: ignore[index]
    if kind == "date":
        return {"start": value["start"]}  # type: ignore[index]
    return [{"text": {"content": part["plain_text"]}} for part in value]  # type: ignore[attr-defined]


async def a_card_is_dragged(world: World) -> None:
    if world.cards:
        await world.write(
            world.rng.choice(world.cards), status=world.rng.choice(list(BoardStatus)).value
        )


async def a_card_is_dragged_and_announced_at_once(world: World) -> None:
    """Drag a card while nothing else runs; the ingest run must answer an illegal move itself."""
    if not world.cards or any(process.busy for process in world.processes):
        return
    for doing in ("cycle", "ingest"):
        await world.run(world.processes[0], doing)
        await world.to_the_end()
        if doing == "cycle":
            await a_card_is_dragged(world)
            await world.send_webhooks()
            for letter in world.post.waiting(world.clock.now):
                await world.hand_in(letter)


async def a_card_is_dragged_rightly(world: World) -> None:
    """A move that people may make from the column the card stands in."""
    if not world.cards:
        return
    page_id = world.rng.choice(world.cards)
    stands = world.ledger.written[page_id, "Status"][-1].value
    allowed = (
        moves_of_people(BoardStatus(stands), gates=gate_columns(DEFAULT_GATES))
        if stands in list(BoardStatus)
        else {BoardStatus.DRAFT}
    )
    if allowed:
        await world.write(page_id, status=world.rng.choice(sorted(allowed)))


async def a_status_is_unknown(world: World) -> None:
    if world.cards:
        await world.write(
            world.rng.choice(world.cards), status=world.rng.choice(["Nonsense", "done"])
        )


async def a_status_is_emptied(world: World) -> None:
    """Empty a Status, preferably where a move to Draft is legal: it must not count as one."""
    stands = {page_id: world.ledger.written[page_id, "Status"][-1].value for page_id in world.cards}
    done = [page_id for page_id, value in stands.items() if value in DONE]
    if world.cards:
        await world.write(world.rng.choice(done or world.cards), status="")


async def a_priority_is_set(world: World) -> None:
    if world.cards:
        await world.write(
            world.rng.choice(world.cards), priority=world.rng.choice([*PRIORITIES, "", "Urgent"])
        )


async def a_text_is_typed(world: World) -> None:
    """Half a title, perhaps, and the rest later."""
    if not world.cards:
        return
    page_id, rng = world.rng.choice(world.cards), world.rng
    await world.write(
        page_id,
        title=rng.choice(TITLES),
        **({"topic": rng.choice(TOPICS)} if rng.random() < 0.5 else {}),
    )
    if rng.random() < 0.3:
        await a_process_goes_on(world)
        await world.write(page_id, title="The whole title", topic="Architeuthis", channel=CHANNEL)


async def a_channel_is_chosen(world: World) -> None:
    if world.cards:
        channel = world.rng.choice([CHANNEL, "history_in_ten", "cooking", ""])
        await world.write(world.rng.choice(world.cards), channel=channel)


async def our_own_property_is_edited(world: World) -> None:
    """Attention, Created or Updated is written over, or emptied."""
    name = world.rng.choice(["Attention", "Attention", "Created", "Updated"])
    if not world.cards or world.ids[name] not in world.ledger.schema:
        return
    text = {"rich_text": world.rng.choice([[], [{"text": {"content": "I was here"}}]])}
    date = {
        "date": world.rng.choice([None, {"start": "2020-02-20T20:20:00Z"}, {"start": "2027-01-01"}])
    }
    body = {"properties": {world.ids[name]: text if name == "Attention" else date}}
    await world.person("PATCH", f"/v1/pages/{world.rng.choice(world.cards)}", body)


async def a_card_is_trashed(world: World) -> None:
    if world.cards:
        page_id = world.rng.choice(world.cards)
        deleted = world.sandbox.state.pages[page_id].in_trash
        await world.person("PATCH", f"/v1/pages/{page_id}", {"in_trash": not deleted})
