"""What can go wrong in a history: at Notion, on the way there, in the database, and with the board's schema."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from world import World

STALE = [5, 30, 60]
"""Seconds a query's answer may be behind: with two minutes' overlap and minutes floored, a sweep bears one minute."""


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
    world.ledger.look("schema")


async def a_property_is_renamed(world: World) -> None:
    if not await world.rows("SELECT 1 FROM sync_state WHERE key = 'board'"):
        return  # a board that was never seen is known by its names
    name = world.rng.choice(["Status", "Topic", "Title", "Priority", "Channel"])
    world.happened["property renamed"] += 1
    prop = world.ledger.schema[world.ids[name]]
    _put(world, replace(prop, name=name if prop.name != name else f"{name} (new)"))


async def an_option_changes(world: World) -> None:
    """Renamed or deleted, as people do in Notion's app; put back when the world calms down."""
    name = world.rng.choice(["Status", "Status", "Priority", "Channel"])
    prop = world.ledger.schema[world.ids[name]]
    if not prop.options:
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
    """Status may become of Notion's own type for it, and stays so; of the others none may, and people take it back."""
    name = world.rng.choice(["Status", "Priority", "Channel"])
    prop = world.ledger.schema[world.ids[name]]
    if name != "Status" or prop.kind == "select":
        world.happened["type changed"] += 1
        _put(world, replace(prop, kind="status" if prop.kind == "select" else "select"))


TROUBLE: dict[Callable[[World], Awaitable[object]], float] = {
    notion_fails: 4,
    queries_are_stale: 1,
    the_token_is_revoked: 0.6,
    the_network_fails: 1.2,
    the_database_fails: 1.5,
}
SCHEMA: dict[Callable[[World], Awaitable[object]], float] = {
    a_property_is_renamed: 0.5,
    an_option_changes: 0.5,
    a_type_changes: 0.3,
}
