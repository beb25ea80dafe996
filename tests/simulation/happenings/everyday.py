"""What can happen in a history, and how often.

Each happening acts once, by the history's own chance.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from kit.stage import CHANNEL
from sqlalchemy.exc import IntegrityError, ProgrammingError

from models.rules.statuses import PEOPLE_MAY_MOVE, BoardStatus, Priority, Status
from simulation.happenings.beside import a_card_is_moved, something_happens_beside_the_board
from simulation.happenings.bursts import a_worker_moves_many_tasks, many_cards_are_edited
from simulation.happenings.masses import (
    many_cards_are_dragged_twice,
    many_cards_are_trashed,
    many_wrong_moves,
)
from simulation.happenings.queueing import (
    a_card_is_queued_first,
    a_queued_card_loses_a_text,
    standing_in,
)
from simulation.happenings.races import (
    a_person_chooses_again_what_we_wrote,
    an_edit_falls_into_a_long_sweep,
    two_processes_come_to_one_card,
)
from simulation.world.world import World

Happening = Callable[[World], Awaitable[object]]

PRIORITIES = ["Low", "Normal", "High"]
TITLES = ["Giant squid", "Kraken", "", "x" * 300, "Two halves", " "]
TOPICS = ["Architeuthis", "", "y" * 1100, "Deep sea"]
DONE = {
    "Upload Complete",
    "Archived",
    "Review Rejected",
    *(s for s in BoardStatus if s.startswith("Error")),
}
WORKING = [s for s in BoardStatus if s not in {"Draft", "Ready for Planning"}]


# The processes.


async def a_process_goes_on(world: World) -> None:
    for _ in range(world.rng.randint(1, 12)):
        if not world.turns.waiting:
            return
        await world.turns.next(world.rng.choice(world.turns.waiting))


async def a_process_begins(world: World) -> None:
    idle = [process for process in world.processes if not process.busy]
    if not idle:
        await a_process_goes_on(world)
        return
    doing = world.rng.choices(["cycle", "ingest", "import"], [60, 38, 2])[0]
    await world.run(world.rng.choice(idle), doing)


async def a_process_dies(world: World) -> None:
    alive = [process for process in world.processes if process.busy]
    if alive:
        await world.turns.kill(world.rng.choice(alive))


# The people.


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
    odd = {"title": "", "channel": "cooking", "topic": "", "priority": "Urgent"}
    made |= {name: value for name, value in odd.items() if rng.random() < 0.07}
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


async def a_card_is_dragged_and_told_of_at_once(world: World) -> None:
    """Between two cycles, with nobody else at work, as on a quiet day: whoever may not is answered by that run."""
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
        PEOPLE_MAY_MOVE.get(stands, frozenset())
        if stands in list(BoardStatus)
        else {BoardStatus.DRAFT}
    )
    if allowed:
        await world.write(page_id, status=world.rng.choice(sorted(allowed)))


async def a_status_is_odd(world: World) -> None:
    if world.cards:
        await world.write(
            world.rng.choice(world.cards), status=world.rng.choice(["Nonsense", "done"])
        )


async def a_status_is_emptied(world: World) -> None:
    """Where a person may ask for Draft, if there is such a card: an empty Status must not count as that."""
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
        gone = world.sandbox.state.pages[page_id].in_trash
        await world.person("PATCH", f"/v1/pages/{page_id}", {"in_trash": not gone})


# The workers.


async def a_worker_moves_a_task(world: World) -> None:
    await _update(world, "board_status", world.rng.choice(WORKING).value)


async def a_worker_writes_plain_sql(world: World) -> None:
    column, value = world.rng.choice(
        [("status", s.value) for s in Status] + [("priority", p.value) for p in Priority] * 4
    )
    await _update(world, column, value)


async def a_worker_inserts_a_task(world: World) -> None:
    """Of a channel that may not be known, with a title that may not be the only one, in any column."""
    if world.minutes_between_cards > 1:
        return  # our cards would all be made in one minute, which no window of a query that is cut off divides
    rng = world.rng
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        given = {
            "id": UUID(int=rng.getrandbits(128)),
            "title": rng.choice(["Kraken", "Kraken", "Nautilus", f"Task {len(world.inserted)}"]),
            "channel_id": rng.choice([CHANNEL, CHANNEL, "history_in_ten", "cooking"]),
            "topic": rng.choice(["Architeuthis", "Deep sea"]),
            "story_direction": rng.choice([None, "Slowly."]),
            "board_status": rng.choice(["Draft", "Queued", rng.choice(list(BoardStatus)).value]),
            "priority": rng.choice(list(Priority)).value,
        }
        moments = dict.fromkeys(["created_at", "updated_at", "status_changed_at"], world.clock.now)
        names = ", ".join([*given, *moments])
        values = ", ".join(f":{name}" for name in [*given, *moments])
        try:
            await world.sql(f"INSERT INTO tasks ({names}) VALUES ({values})", **given, **moments)
        except IntegrityError:
            known = await world.rows("SELECT id FROM channels WHERE configured")
            if given["channel_id"] in {row["id"] for row in known}:
                raise
            world.happened["task of a channel that is not configured refused"] += 1
        else:
            world.inserted.append(given["id"])
            world.happened["tasks inserted by SQL"] += 1


async def a_worker_writes_what_people_own(world: World) -> None:
    """It is refused once the task has a card, or one is being made."""
    column = world.rng.choice(["title", "topic", "story_direction"])
    tasks = await world.rows("SELECT id, notion_page_id FROM tasks ORDER BY notion_page_id, id")
    if not tasks:
        return
    task = world.rng.choice(tasks)
    try:
        # By its page where it has one: its id may be random, and a trail is the same in any
        # process.
        key = "id" if task["notion_page_id"] is None else "notion_page_id"
        await world.sql(f"UPDATE tasks SET {column} = 'by SQL' WHERE {key} = :key", key=task[key])
    except ProgrammingError:
        world.happened["SQL refused to write what people own"] += 1
    else:
        if task["notion_page_id"] is not None:
            world.failures.append(f"SQL changed {column} of card {task['notion_page_id'][:8]}")


async def a_worker_deletes_a_task(world: World) -> None:
    """It comes back with the next look at its card."""
    nth = world.rng.randint(0, max(0, len(world.cards) - 1))
    one = "(SELECT id FROM tasks ORDER BY notion_page_id, id OFFSET :nth LIMIT 1)"
    await world.sql(f"DELETE FROM tasks WHERE id = {one}", nth=nth)


async def _update(world: World, column: str, value: str) -> None:
    nth = world.rng.randint(0, max(0, len(world.cards) - 1))
    one = "(SELECT id FROM tasks ORDER BY notion_page_id, id OFFSET :nth LIMIT 1)"
    await world.sql(f"UPDATE tasks SET {column} = :to WHERE id = {one}", to=value, nth=nth)


# The post.


async def webhooks_arrive(world: World) -> None:
    """Any of those under way, in any order; some get lost, some come twice, some by both doors at once."""
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
    """Its tries were used up, by nights of which this history does not tell; it may have one left."""
    waiting = "NOT processed AND dead_at IS NULL AND page_id IS NOT NULL"
    events = await world.rows(
        f"SELECT event_id, page_id FROM webhook_events WHERE {waiting} ORDER BY id"
    )
    if events:
        unlucky, tried = world.rng.choice(events), world.rng.choice([7, 7, 8])
        change = "UPDATE webhook_events SET attempts = :tried WHERE event_id = :event"
        await world.sql(change, tried=tried, event=unlucky["event_id"])
        world.sandbox.faults.add(500, method="GET", path=f"/v1/pages/{unlucky['page_id']}", times=4)


async def the_door_is_shut(world: World) -> None:
    world.post.shut += world.rng.randint(1, 3)


# Time.


async def time_passes(world: World) -> None:
    seconds = world.rng.choice([1, 5, 20, 60, 60, 60, 90, 180, 600, 3600])
    world.later(seconds=seconds)


async def a_sweep_takes_long(world: World) -> None:
    """Its machine sleeps after the board was asked; what people do meanwhile is not in the answer."""
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


EVERYDAY: dict[Happening, float] = {
    a_process_goes_on: 22,
    a_process_begins: 20,
    a_process_dies: 1.5,
    a_card_is_made: 3,
    a_card_is_doubled: 1,
    a_card_is_queued_first: 1.5,
    a_queued_card_loses_a_text: 1.5,
    a_card_is_dragged: 4,
    a_card_is_dragged_and_told_of_at_once: 1.5,
    a_card_is_dragged_rightly: 8,
    a_status_is_odd: 0.7,
    a_status_is_emptied: 1,
    a_priority_is_set: 4,
    a_text_is_typed: 5,
    a_channel_is_chosen: 1,
    our_own_property_is_edited: 1.5,
    many_cards_are_edited: 0.4,
    many_cards_are_dragged_twice: 0.5,
    many_wrong_moves: 0.3,
    many_cards_are_trashed: 0.04,
    a_card_is_trashed: 1.5,
    a_card_is_moved: 0.7,
    something_happens_beside_the_board: 1,
    a_worker_moves_a_task: 9,
    a_worker_writes_plain_sql: 5,
    a_worker_moves_many_tasks: 0.3,
    a_worker_deletes_a_task: 0.3,
    a_worker_inserts_a_task: 2,
    a_worker_writes_what_people_own: 1,
    webhooks_arrive: 10,
    an_old_webhook_comes_again: 1,
    an_event_has_had_bad_luck: 1.5,
    the_door_is_shut: 0.5,
    time_passes: 10,
    a_sweep_takes_long: 3,
    an_edit_falls_into_a_long_sweep: 0.2,
    a_person_chooses_again_what_we_wrote: 0.2,
    two_processes_come_to_one_card: 0.25,
    a_day_passes: 0.3,
}
