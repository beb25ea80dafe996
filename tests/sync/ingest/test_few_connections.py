"""DATABASE_POOL_SIZE of one: what holds connections must not leave none to work with."""

from __future__ import annotations

from contextlib import AsyncExitStack

from kit.stage import Stage
from sqlalchemy import URL

from models.postgres.engine import open_engine, open_sessions
from tasks.board.followed import refreshed_board
from tasks.runtime.context import Context
from tasks.runtime.event_leases import leasing_events
from tasks.runtime.locks import Lock, one_at_a_time


async def test_however_few_connections_are_kept_a_push_an_ingest_and_an_import_work_side_by_side(
    stage: Stage, database: URL
) -> None:
    engine = open_engine(database, pool_size=1)
    ctx = Context(stage.ctx.settings, open_sessions(engine), stage.ctx.notion, clock=stage.clock)
    async with AsyncExitStack() as held:
        for lock in (Lock.PUSH, Lock.IMPORT, Lock.GATHERING):
            assert await held.enter_async_context(one_at_a_time(ctx, lock))
        for _ in range(2):
            await held.enter_async_context(leasing_events(ctx))
        assert not await held.enter_async_context(one_at_a_time(ctx, Lock.PUSH))
        assert (await refreshed_board(ctx)).data_source_id == stage.data_source_id
    await engine.dispose()
