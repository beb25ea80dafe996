"""Wait out a burst of events, so that one query reads the cards of many events.

Notion's edit times are whole minutes, so among cards of one minute a query cannot begin where the
last one ended: each batch in the middle of a burst reads the cards of earlier batches again. Fewer
and larger batches cost fewer requests, and the cards are stored sooner.

`webhook.trigger` limits how many runs are requested in a burst. It cannot replace this: an ingest
run may also be started by a schedule, by hand, or while another one is running.
"""

from __future__ import annotations

from collections.abc import Collection

from models.tables import webhook_event_queries as inbox_queries
from tasks.runtime.context import Context
from tasks.runtime.locks import Lock, one_at_a_time

MANY = 10
"""Due events from which on more are waited for. Users make fewer edits by hand while a batch is
read."""
QUIET_SECONDS = 1.0
"""Seconds without a new event after which a burst is over."""
LONGEST = 5
"""Waits of `QUIET_SECONDS` at most: in an endless burst cards must still be stored."""


async def wait_out_burst(ctx: Context, bot_ids: Collection[str]) -> bool:
    """Return at once, or during a burst when it is over.

    Echoes of our own writes do not count: they are a steady stream while a push works through a
    backlog.

    Args:
        ctx: where the inbox is.
        bot_ids: the users whose events are echoes of our own writes.

    Returns:
        False when another process waits for the same burst: it leases all events afterwards.
    """
    due = await _due(ctx, bot_ids)
    if due < MANY:
        return True
    async with one_at_a_time(ctx, Lock.GATHERING) as acquired:
        if not acquired:
            return False
        for _ in range(LONGEST):
            await ctx.sleep(QUIET_SECONDS)
            before, due = due, await _due(ctx, bot_ids)
            if due <= before:
                break
    return True


async def _due(ctx: Context, bot_ids: Collection[str]) -> int:
    async with ctx.sessions() as session:
        return await inbox_queries.count_due(session, now=ctx.clock(), bot_ids=bot_ids)
