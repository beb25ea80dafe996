"""What pipeline workers do in SQL."""

from __future__ import annotations

from uuid import UUID

from kit.stage import CHANNEL
from sqlalchemy.exc import IntegrityError, ProgrammingError

from models.rules.statuses import BoardStatus, Priority, Status
from simulation.world.world import World

WORKING = [s for s in BoardStatus if s not in {"Draft", "Ready for Planning"}]


async def a_worker_moves_a_task(world: World) -> None:
    await _update(world, "board_status", world.rng.choice(WORKING).value)


async def a_worker_writes_plain_sql(world: World) -> None:
    column, value = world.rng.choice(
        [("status", s.value) for s in Status] + [("priority", p.value) for p in Priority] * 4
    )
    await _update(world, column, value)


async def a_worker_inserts_a_task(world: World) -> None:
    """Insert tasks with any column, duplicate titles, and channels that may not be configured."""
    if world.minutes_between_cards > 1:
        # Our cards would all be made in one minute, which a query that is cut off cannot divide.
        return
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
    tasks = await world.rows(
        f"SELECT id, notion_page_id, {column} FROM tasks ORDER BY notion_page_id, id"
    )
    if not tasks:
        return
    task = world.rng.choice(tasks)
    if task[column] == "by SQL":
        return  # written while the task had no card; the same again changes nothing
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
