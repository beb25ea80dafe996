"""Waiting out a burst: a query shows a hundred edited cards for the price of one, if they are asked for together.

Notion's edit times are whole minutes, so among cards of one minute a query cannot begin where the last one ended: each
claim in the middle of a burst reads what the claims before it have read once more. Fewer and larger claims cost fewer
requests, and what waited for them is stored sooner than by ever more of them.
"""

from __future__ import annotations

from collections.abc import Collection

from models.tables import webhook_event_queries as inbox_queries
from tasks.runtime.context import Context
from tasks.runtime.locks import Lock, one_at_a_time

MANY = 10
"""Events due at once from which on more are waited for. People's hands do not make as many while a
claim is read."""
QUIET_SECONDS = 1.0
"""Without a new event for this long a burst is over."""
LONGEST = 5
"""So many such waits at most: in a burst that does not end, cards are to be stored all the same."""


async def wait_out_burst(ctx: Context, bot_ids: Collection[str]) -> bool:
    """Return once it is worth claiming what is due: at once, unless a burst is under way.

    Our own writes that come back, a steady stream while a push works through a backlog, are no
    burst.

    Args:
        on: where the inbox is.
        bot_ids: whose writes are our own.

    Returns:
        False when somebody else is gathering: they claim after us, so what brought us here is
            theirs.
    """
    due = await _due(ctx, bot_ids)
    if due < MANY:
        return True
    async with one_at_a_time(ctx, Lock.GATHERING) as mine:
        for _ in range(LONGEST if mine else 0):
            await ctx.sleep(QUIET_SECONDS)
            before, due = due, await _due(ctx, bot_ids)
            if due <= before:
                break
    return mine


async def _due(ctx: Context, bot_ids: Collection[str]) -> int:
    async with ctx.sessions() as session:
        return await inbox_queries.count_due(session, now=ctx.clock(), bot_ids=bot_ids)
