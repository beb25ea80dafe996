"""Asking Notion for the names of people, when somebody reads the history: few at a time, and kept for the next time."""

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
"""Names that are asked for each time: a second's budget."""
PATIENCE_SECONDS: Final = 5.0
"""How long a reader waits for them."""


async def names_of(ctx: Context, actors: Iterable[str]) -> Names:
    """The names of those authors, as far as they are known or Notion tells them now; the rest stay ids."""
    async with ctx.sessions() as session:
        names = await names_known(session)
    wanted = names.unknown(actors, ctx.clock())[:AT_ONCE]
    if not wanted:
        return names
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for user_id in wanted:
                names = await _asked(ctx, names, user_id)
                if user_id not in names.known:
                    break  # refused, as the others would be
    except (TimeoutError, NotionIntegrationError):
        pass  # a name is no reason to fail: the next reader asks again
    async with ctx.sessions.begin() as session:
        await keep_names(session, names)
    return names


async def _asked(ctx: Context, names: Names, user_id: str) -> Names:
    try:
        with with_priority(RequestPriority.BACKGROUND):
            user = await ctx.notion.get_user(user_id)
    except NotionAuthError:
        return replace(names, refused_at=ctx.clock())
    except NotionPageNotFound:
        user = {}
    return replace(names, known={**names.known, user_id: str(user.get("name") or "")})
