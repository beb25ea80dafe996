"""Look up the names of Notion users for the history: a few per command, stored for later."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from models.errors import NotionAuthError, NotionIntegrationError, NotionPageNotFound
from models.tables.notion_users import Names, keep_names, names_known
from tasks.notion.priority import RequestPriority, with_priority
from tasks.runtime.context import Context

AT_ONCE: Final = 3
"""Names that are requested per command: the rate limit's share of one second."""
PATIENCE_SECONDS: Final = 5.0
"""Seconds that a command waits for names."""


async def names_of(ctx: Context, actors: Iterable[str]) -> Names:
    """The names of those authors, stored or requested now; unknown ones stay ids."""
    async with ctx.sessions() as session:
        names = await names_known(session)
    wanted = names.unknown(actors, ctx.clock())[:AT_ONCE]
    if not wanted:
        return names
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for user_id in wanted:
                names = await _request_name(ctx, names, user_id)
                if user_id not in names.known:
                    break  # refused, and so would be the others
    except (TimeoutError, NotionIntegrationError):
        pass  # a missing name is no reason to fail: the next command requests it again
    async with ctx.sessions.begin() as session:
        await keep_names(session, names)
    return names


async def _request_name(ctx: Context, names: Names, user_id: str) -> Names:
    try:
        with with_priority(RequestPriority.BACKGROUND):
            user = await ctx.notion.get_user(user_id)
    except NotionAuthError:
        return replace(names, refused_at=ctx.clock())
    except NotionPageNotFound:
        user = {}
    return replace(names, known={**names.known, user_id: str(user.get("name") or "")})
