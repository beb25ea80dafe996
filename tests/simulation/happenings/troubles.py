"""Failures of Notion, the network, the database, and changes of the board's schema."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from simulation.happenings.calm import run_until
from simulation.happenings.races import a_type_changes_under_our_hands
from simulation.happenings.workers import WORKING, a_worker_inserts_a_task
from simulation.world.world import World

STALE = [5, 30, 60]
"""Seconds a query's answer may be behind: with two minutes' overlap and minutes floored, a sweep
bears one minute."""


async def notion_fails(world: World) -> None:
    rng = world.rng
    kinds = [
        {"status": 429, "times": 1, "retry_after": rng.choice([1, 7, 30, 90])},
        {"status": 429, "times": rng.randint(1, 4)},
        {"status": 409, "times": rng.randint(1, 3)},
        {"status": 500, "times": rng.randint(1, 4)},
        {"status": 502, "times": rng.randint(1, 4), "html": True},
        {"status": 503, "times": rng.randint(1, 2), "saved": True},
        {"status": 503, "times": rng.randint(1, 4)},
        {"status": 529, "times": rng.randint(1, 4)},
        {"status": 400, "times": 1, "method": "PATCH"},
        {"drop": "before", "times": rng.randint(1, 3)},
        {"drop": "after", "times": rng.randint(1, 3)},
    ]
    kind = rng.choice(kinds)
    if rng.random() < 0.5 and "method" not in kind:
        kind["method"] = rng.choice(["PATCH", "PATCH", "GET", "POST"])
    world.happened[f"Notion {kind.get('status') or 'drop ' + str(kind['drop'])}"] += 1
    world.sandbox.faults.add(**kind)


async def the_answer_to_a_new_card_is_lost(world: World) -> None:
    """Saved or not."""
    fate = world.rng.choice(
        [{"drop": "after"}, {"drop": "before"}, {"status": 503, "saved": True}, {"status": 400}]
    )
    world.sandbox.faults.add(method="POST", path="/v1/pages", times=1, **fate)
    world.happened[f"a new card's answer: {fate}"] += 1


async def a_process_dies_while_it_makes_a_card(world: World) -> None:
    """Kill a process before it sends a new card, before the answer, or before it stores that."""
    if not await world.rows("SELECT 1 FROM tasks WHERE notion_page_id IS NULL"):
        await a_worker_inserts_a_task(world)
    if not world.turns.waiting:
        await world.run(world.processes[0], "cycle")
    for _ in range(40):
        making = [
            waiter for waiter in world.turns.waiting if waiter.what.endswith("POST /v1/pages")
        ]
        if making:
            one = world.rng.choice(making)
            for _ in range(world.rng.randint(0, 2)):
                if one in world.turns.waiting:
                    await world.turns.next(one)
            if one.process.busy:
                world.happened["died while it made a card"] += 1
                await world.turns.kill(one.process)
            return
        if not world.turns.waiting:
            return
        await world.turns.next(world.rng.choice(world.turns.waiting))


async def a_new_card_is_edited_at_once(world: World) -> None:
    """Perhaps before we know that we made it."""
    new = [
        page_id
        for page_id in world.ledger.pages_made[-3:]
        if not world.sandbox.state.pages[page_id].in_trash
    ]
    if new:
        page_id = world.rng.choice(new)
        if world.rng.random() < 0.2:
            await world.person("PATCH", f"/v1/pages/{page_id}", {"in_trash": True})
            world.trashed[page_id] = world.clock.now
            return
        values = world.rng.choice(
            [{"title": "Renamed"}, {"topic": "Anew"}, {"status": "Queued"}, {"priority": "Low"}]
        )
        await world.write(page_id, **values)


async def queries_are_stale(world: World) -> None:
    world.happened["stale queries"] += 1
    world.sandbox.faults.add(stale_seconds=world.rng.choice(STALE), times=world.rng.randint(1, 5))


async def the_token_is_revoked(world: World) -> None:
    world.happened["token revoked"] += 1
    world.sandbox.faults.add(status=world.rng.choice([401, 403]), times=world.rng.randint(1, 6))


async def the_network_fails(world: World) -> None:
    kind = world.rng.choice(["unreachable", "timeout before", "timeout after"])
    world.happened[f"network {kind}"] += 1
    world.network += [""] * world.rng.randint(0, 5) + [kind] * world.rng.randint(1, 3)


async def the_database_fails(world: World) -> None:
    kind = world.rng.choice(["refused", "lost before the commit", "lost after the commit"])
    world.happened[f"database {kind}"] += 1
    world.database += [""] * world.rng.randint(0, 8) + [kind]


# The schema.


def _put(world: World, prop: object) -> None:
    source = world.sandbox.state.sources[world.data_source_id]
    source.schema = {**source.schema, prop.id: prop}  # type: ignore[attr-defined]
    world.ledger.record_read("schema")


async def a_property_is_renamed(world: World) -> None:
    if not await world.rows("SELECT 1 FROM sync_state WHERE key = 'board'"):
        return  # a board that was never seen is known by its names
    name = world.rng.choice(["Status", "Topic", "Title", "Priority", "Channel"])
    prop = world.ledger.schema.get(world.ids[name])
    if prop is None:
        return
    world.happened["property renamed"] += 1
    _put(world, replace(prop, name=name if prop.name != name else f"{name} (new)"))


async def an_option_changes(world: World) -> None:
    """Renamed or deleted, as people do in Notion's app; put back when the world calms down."""
    name = world.rng.choice(["Status", "Status", "Priority", "Channel"])
    prop = world.ledger.schema.get(world.ids[name])
    if prop is None or not prop.options:
        return
    option = world.rng.choice(prop.options)
    if world.rng.random() < 0.5:
        world.happened["option renamed"] += 1
        changed = replace(option, name=f"{option.name}!")
        options = tuple(changed if o is option else o for o in prop.options)
    else:
        world.happened["option deleted"] += 1
        options = tuple(o for o in prop.options if o is not option)
    _put(world, replace(prop, options=options))


async def a_type_changes(world: World) -> None:
    """Change Status between select and status for good, or another property's type for a while."""
    name = world.rng.choice(["Status", "Priority", "Channel"])
    prop = world.ledger.schema.get(world.ids[name])
    if prop is None:
        return
    if name != "Status" or prop.kind == "select":
        world.happened["type changed"] += 1
        _put(world, replace(prop, kind="status" if prop.kind == "select" else "select"))


async def a_column_is_deleted(world: World) -> None:
    """Through the API, which tells of it; a needed one is put back when the world calms down."""
    names = [
        "Priority",
        "Story Direction",
        "Attention",
        "Created",
        "Time in Status",
        "Updated",
        "Topic",
        "Status",
    ]
    name = world.rng.choice(names)
    if world.ids[name] in world.ledger.schema:
        world.happened[f"column {name} deleted"] += 1
        await _change(world, {world.ids[name]: None})


async def options_come_and_go(world: World) -> None:
    """Through the API: one more, or one less, which empties the cards that stood in it."""
    name = world.rng.choice(["Status", "Status", "Priority", "Channel"])
    prop = world.ledger.schema.get(world.ids[name])
    if prop is None or not prop.options:
        return
    options = [{"id": option.id, "name": option.name} for option in prop.options]
    if world.rng.random() < 0.5:
        options.remove(world.rng.choice(options))
    else:
        options.append({"name": world.rng.choice(["On hold", "Urgent", "cooking"])})
    world.happened["options changed through the API"] += 1
    await _change(world, {prop.id: {prop.kind: {"options": options}}})


async def an_option_goes_under_our_hands(world: World) -> None:
    """After we saw that the board has it, and before our write arrives."""
    if not _pages_being_written(world):
        await _a_push_begins(world)
    rows = await world.rows(
        "SELECT board_status FROM tasks WHERE notion_page_id = ANY (:pages)",
        pages=_pages_being_written(world),
    )
    prop = world.ledger.schema.get(world.ids["Status"])
    going = {row["board_status"] for row in rows}
    if prop is not None and going & {option.name for option in prop.options}:
        world.happened["option deleted under our hands"] += 1
        options = [
            {"id": option.id, "name": option.name}
            for option in prop.options
            if option.name not in going
        ]
        await _change(world, {prop.id: {prop.kind: {"options": options}}})


def _pages_being_written(world: World) -> list[str]:
    writes = [w.what for w in world.turns.waiting if w.what.startswith("PATCH /v1/pages/")]
    return [what.split("/")[-1] for what in writes]


async def _a_push_begins(world: World) -> None:
    """A worker moves a task, and a process comes to write it to its card."""
    if world.processes[0].busy:
        return
    rows = await world.rows(
        "SELECT notion_page_id FROM tasks WHERE notion_page_id IS NOT NULL ORDER BY notion_page_id"
    )
    if not rows:
        return
    page, to = world.rng.choice(rows)["notion_page_id"], world.rng.choice(WORKING).value
    await world.sql(
        "UPDATE tasks SET board_status = :to WHERE notion_page_id = :page", to=to, page=page
    )
    await world.run(world.processes[0], "cycle")
    await run_until(world, world.processes[0], lambda what: what.startswith("PATCH /v1/pages/"))


async def _change(world: World, properties: dict[str, object]) -> None:
    path = f"/v1/data_sources/{world.data_source_id}"
    await world.person("PATCH", path, {"properties": properties}, who="schema")


async def a_channel_file_changes(world: World) -> None:
    name = world.rng.choice(["cooking", "cooking", "history_in_ten", "deep_sea_stories"])
    world.happened["channel file changed"] += 1
    world.a_channel_file(name)


async def a_page_cannot_be_read(world: World) -> None:
    """Notion has trouble with one page, for a while."""
    if world.cards:
        page_id = world.rng.choice(world.cards)
        world.happened["page unreadable"] += 1
        world.sandbox.faults.add(
            500, method="GET", path=f"/v1/pages/{page_id}", times=world.rng.randint(3, 12)
        )


async def a_page_arrives_incomplete(world: World) -> None:
    """Without its Topic, each time that it is asked for, until it does not."""
    if world.incomplete and world.rng.random() < 0.6:
        world.incomplete.pop()
    elif world.cards:
        world.happened["page incomplete"] += 1
        world.incomplete.add(world.rng.choice(world.cards))


TROUBLE: dict[Callable[[World], Awaitable[object]], float] = {
    notion_fails: 4,
    the_answer_to_a_new_card_is_lost: 1.5,
    a_process_dies_while_it_makes_a_card: 0.7,
    a_new_card_is_edited_at_once: 1.5,
    queries_are_stale: 1,
    the_token_is_revoked: 0.6,
    the_network_fails: 1.2,
    the_database_fails: 1.5,
    a_page_cannot_be_read: 0.5,
    a_page_arrives_incomplete: 0.8,
    a_channel_file_changes: 0.8,
}
SCHEMA: dict[Callable[[World], Awaitable[object]], float] = {
    a_property_is_renamed: 0.5,
    an_option_changes: 0.5,
    a_type_changes: 1,
    a_column_is_deleted: 0.4,
    options_come_and_go: 1,
    an_option_goes_under_our_hands: 3,
    a_type_changes_under_our_hands: 1.5,
}
NEW_CARDS: dict[Callable[[World], Awaitable[object]], float] = {
    a_worker_inserts_a_task: 10,
    the_answer_to_a_new_card_is_lost: 5,
    a_process_dies_while_it_makes_a_card: 3,
    a_new_card_is_edited_at_once: 5,
}
