"""Leases of events: a killed process's events are free at once, a living one keeps its own."""

from __future__ import annotations

import asyncio

from kit.stage import Stage

from tasks.runtime.event_leases import leasing_events
from tasks.runtime.locks import Lock, one_at_a_time
from tasks.sync.ingest import claim_events


async def edited_with_event(stage: Stage) -> str:
    page = await stage.add_valid()
    await stage.cycle()
    await stage.edit(page, title="Colossal squid")
    await stage.webhook(page)
    return page


async def test_events_of_a_killed_run_are_claimed_by_the_next_at_once(stage: Stage) -> None:
    await edited_with_event(stage)
    assert len(await claim_events(stage.ctx)) == 1
    assert (await stage.ingest()).taken == 1
    assert [(event.processed, event.attempts) for event in await stage.events()] == [(True, 2)]


async def test_events_of_a_running_run_are_left_to_it(stage: Stage) -> None:
    await edited_with_event(stage)
    async with leasing_events(stage.ctx):
        [event] = await claim_events(stage.ctx)
        assert not await stage.ingest()
        [still] = await stage.events()
        assert (still.processed, still.claimed_until) == (False, event.claimed_until)
    assert (await stage.ingest()).taken == 1


async def test_several_runs_claim_side_by_side(stage: Stage) -> None:
    await edited_with_event(stage)
    async with leasing_events(stage.ctx), asyncio.timeout(10), leasing_events(stage.ctx):
        assert (await stage.ingest()).taken == 1


async def test_a_claim_whose_connection_died_is_released(stage: Stage) -> None:
    await edited_with_event(stage)
    async with leasing_events(stage.ctx):
        assert len(await claim_events(stage.ctx)) == 1
        await stage.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks "
            "WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        )
        assert (await stage.ingest()).taken == 1


async def test_a_lock_whose_connection_died_ends_without_a_word(stage: Stage) -> None:
    async with one_at_a_time(stage.ctx, Lock.PUSH) as mine:
        assert mine
        await stage.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks "
            "WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        )
    async with one_at_a_time(stage.ctx, Lock.PUSH) as mine:
        assert mine
