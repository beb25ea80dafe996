"""One history from its seed: random events, a calm phase, and the laws at the end."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from notion_sandbox.content.two_way import schema_changed

from models.rules.board_schema import NEEDED
from models.sync.safety_stop import waiting
from models.sync.trashed_cards import RoundKind, Rounds
from models.tables.sync_state import CONFIRMED, PRESENCE, WATERMARK, get_moment, remember
from simulation.happenings import bursts, everyday, people, troubles
from simulation.happenings.production.chances import OFTEN, PRODUCTION, WITH_PRODUCTION
from simulation.happenings.production.outside import stopped_working
from simulation.happenings.production.videos import all_goes_on_calmly, videos_wait_already
from simulation.laws import equality, moves, production, reviews
from simulation.world.databases import Databases
from simulation.world.world import World

BIG = 0.03
"""How many boards have more cards than a page of a query holds."""
ROUNDS_TAKE = 150
"""Cycles within which it is asked of every card whether it is still there: a query may show six of
them at a time."""
REJECTIONS_CHECKED_AFTER = 4
"""Calm hours after which cards must show rejections: after a day they are removed."""
SILENT = 0.2
"""How many boards have no webhook, so that sweeps alone find what people do."""

_ANY = (*everyday.EVERYDAY, *troubles.TROUBLE, *troubles.SCHEMA, *troubles.NEW_CARDS)

NIGHT = datetime(2026, 10, 25, 0, 5, tzinfo=UTC)
"""In Berlin, five past two, for the first time."""


@dataclass
class Lived:
    """What became of a history."""

    seed: int
    steps: int
    failures: list[str]
    happened: Counter[str]
    trail: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def digest(self) -> str:
        """The same for the same history, in whatever process it was lived."""
        return sha256("\n".join([*self.trail, *self.failures]).encode()).hexdigest()


async def live(
    databases: Databases, seed: int, steps: int, often: Mapping[str, float] | None = None
) -> Lived:
    """Live through the history of that seed, on an empty database.

    Args:
        often: by name of a happening, its weight in this history; the others keep theirs.
    """
    rng = random.Random(seed)
    random.seed(seed)  # tenacity's jitter
    # Ids are shown in what cards tell, and order what is equal otherwise.
    os.urandom = random.Random(f"ids of {seed}").randbytes
    cut = rng.random() < 0.15
    world = World(databases, rng, **({"query_limit": 6} if cut else {}))
    world.minutes_between_cards = 61 if cut else 1
    if seed % 8 == 0:
        world.happened["boards in the night that clocks are put back"] += 1
        world.clock.now = NIGHT
    await world.open()
    if rng.random() < SILENT:
        world.happened["boards without webhooks"] += 1
        world.sandbox.outbox.subscribe(None, None)
    schema = dict(world.ledger.schema)
    try:
        await _happen(world, steps, often or {})
        await _calm_down(world, schema)
        world.failures += await equality.broken(world)
        world.failures += await reviews.broken(world)
        world.failures += await production.broken(world)
        await _nothing_more_to_write(world)
        if rng.random() < 0.1:
            await _a_year_later(world)
        facts = await _facts(world) if world.failures else []
    finally:
        await world.close()
    return Lived(seed, steps, world.failures, world.happened, world.turns.trail, facts)


async def _happen(world: World, steps: int, often: Mapping[str, float]) -> None:
    rng = world.rng
    if rng.random() < BIG:
        world.happened["whole boards"] += 1
        await bursts.a_whole_board(world)
    for _ in range(rng.randint(1, 6)):
        await people.a_card_is_made(world)
    likely = dict(everyday.EVERYDAY)
    if rng.random() < 0.6:
        likely |= troubles.TROUBLE
    if rng.random() < 0.25:
        likely |= troubles.SCHEMA
    if rng.random() < 0.25:
        likely |= troubles.NEW_CARDS
    likely |= {kind: often[kind.__name__] for kind in _ANY if kind.__name__ in often}
    has_production = rng.random() < WITH_PRODUCTION
    if has_production:
        await videos_wait_already(world)
    for _ in range(steps):
        await _one_happens(world, likely)
        if has_production and rng.random() < OFTEN:
            await _one_happens(world, PRODUCTION)
        await _notice_the_import(world)
        world.failures += await moves.what_is_complete_does_not_wait(world)


async def _one_happens(world: World, likely: Mapping[everyday.Happening, float]) -> None:
    kind = world.rng.choices(list(likely), list(likely.values()))[0]
    world.turns.trail.append(f"{world.clock.now:%d %H:%M:%S} {kind.__name__}")
    world.happened[kind.__name__] += 1
    await kind(world)


async def _notice_the_import(world: World) -> None:
    """Note when the first import was over, soon after it was."""
    if world.imported is None and await world.rows(
        "SELECT 1 FROM sync_state WHERE key = :key", key=WATERMARK
    ):
        world.imported = world.clock.now


async def _calm_down(world: World, schema: dict[str, Any]) -> None:
    world.sandbox.faults.clear()
    world.network.clear()
    world.database.clear()
    world.post.shut = 0
    world.incomplete.clear()
    world.turns.trail.append("CALM")
    _mend(world, schema)
    stopped_working(world)
    world.production.troubled = False
    await world.to_the_end()
    for hours in (0.1, 2, 4, 13, 13, 13):
        await world.send_webhooks()
        for letter in world.post.waiting(world.clock.now):
            if world.rng.random() < 0.7 or b"schema_updated" in letter.body:
                await world.hand_in(letter)
            letter.delivered = letter.delivered or 1
        error = await _a_calm_cycle(world, hours)
        if hours == REJECTIONS_CHECKED_AFTER:
            world.failures += await equality.rejections_are_shown(world)
        await all_goes_on_calmly(world)
    since, over = world.clock.now, set[str]()
    for turn in range(ROUNDS_TAKE):
        over |= await _rounds_over(world, since)
        if over == set(RoundKind):
            break
        error = await _a_calm_cycle(world, hours=11 if turn % 2 else 0.2)
    else:
        world.failures.append(
            "the world is calm, and it is not asked to the end who is still there"
        )
    async with world.sessions() as session:
        if await get_moment(session, CONFIRMED) is not None and not await waiting(session):
            world.failures.append("a confirmation that was used is still there")
    if error is not None:
        world.failures.append(
            f"the world is calm, and a cycle ends with {type(error).__name__}: {error}"
        )


async def _a_calm_cycle(world: World, hours: float) -> Exception | None:
    world.later(hours=hours)
    await world.run(world.processes[0], "cycle")
    await world.to_the_end()
    await _notice_the_import(world)
    error: Exception | None = getattr(world.processes[0], "error", None)
    async with world.sessions.begin() as session:
        if await waiting(session):
            await remember(session, CONFIRMED, moment=world.clock())
    return error


async def _rounds_over(world: World, since: datetime) -> set[str]:
    """The presence rounds that have begun since then and are complete."""
    rows = await world.rows("SELECT value FROM sync_state WHERE key = :key", key=PRESENCE)
    rounds = Rounds.from_json(rows[0]["value"]).rounds if rows else {}
    return {which for which, known in rounds.items() if known.began >= since and known.at is None}


def _mend(world: World, schema: dict[str, Any]) -> None:
    """Restore options, types and needed columns; renamed or optional ones may stay changed."""
    state = world.sandbox.state
    source = state.sources[world.data_source_id]
    mended, same = {}, {}
    for key, prop in schema.items():
        found = source.schema.get(key)
        if found is None and prop.name not in NEEDED and world.rng.random() < 0.5:
            continue
        found = found or prop
        first = {option.name.casefold(): option.id for option in prop.options}
        added = [option for option in found.options if option.id not in first.values()]
        same |= {
            option.id: first[option.name.casefold()]
            for option in added
            if option.name.casefold() in first
        }
        kind = found.kind if prop.name == "Status" else prop.kind
        options = (*prop.options, *(option for option in added if option.id not in same))
        mended[key] = replace(found, kind=kind, options=options)
    mended = {
        key: prop
        for key, prop in mended.items()
        # Notion keeps no formula of a property that is gone.
        if prop.formula is None or prop.formula.property_id in mended
    }
    for page in list(state.pages.values()):
        # What a deleted option had emptied stays empty.
        kept = {
            key: value
            for key, value in page.values.items()
            if not _deleted(source.schema.get(key), value)
        }
        values = {
            key: same.get(value, value) if isinstance(value, str) else value
            for key, value in kept.items()
        }
        if values != page.values:
            state.put_page(replace(page, values=values))
    source.schema = mended
    world.ledger.record_read("schema")
    person = next(user for user in state.users.values() if user.kind == "person")
    changed = {key: (prop.name, "updated") for key, prop in mended.items()}
    world.sandbox.outbox.record(schema_changed(source, changed, author=person, at=world.clock.now))


def _deleted(prop: Any, value: Any) -> bool:
    """Whether a page chose an option that is not there any more."""
    return (
        prop is not None
        and prop.kind in {"select", "status"}
        and bool(value)
        and prop.option(value) is None
    )


async def _nothing_more_to_write(world: World) -> None:
    before = len(world.writes)
    for _ in range(2):
        world.later(seconds=90)
        await world.run(world.processes[1], "cycle")
        await world.to_the_end()
    world.failures += [f"a calm cycle wrote {write}" for write in world.writes[before:]]


async def _a_year_later(world: World) -> None:
    """Every webhook comes again when retention has long deleted what was known of it."""
    world.happened["replayed after a year"] += 1
    world.later(days=366)
    await world.sql("DELETE FROM webhook_events WHERE processed")
    for letter in world.post.letters:
        await world.hand_in(letter)
    await world.run(world.processes[0], "ingest")
    await world.to_the_end()
    await _nothing_more_to_write(world)
    world.failures += [f"a year later: {failure}" for failure in await equality.broken(world)]


async def _facts(world: World) -> list[str]:
    """What the database remembers and the board showed, at the end of a history that failed."""
    facts = []
    for row in await world.rows("SELECT * FROM task_history ORDER BY id"):
        what = [
            row[name]
            for name in (
                "actor",
                "action",
                "property",
                "old_value",
                "new_value",
                "lost_value",
                "reason",
            )
        ]
        facts.append(f"{row['at']:%d %H:%M:%S.%f} {str(row['notion_page_id'])[:8]} {what}")
    for (page_id, name), entries in world.ledger.written.items():
        if page_id is not None and any(page_id[:8] in failure for failure in world.failures):
            facts += [f"{page_id[:8]} {name} {entry}" for entry in entries]
    for table in ("cards", "leases", "steps", "pieces", "spends", "reviews"):
        facts += [f"{table} {dict(row)}" for row in await world.rows(f"SELECT * FROM {table}")]
    for service in world.production.services.values():
        facts += [str(sent) for sent in service.book.values()]
    return facts
