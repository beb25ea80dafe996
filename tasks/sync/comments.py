"""What users wrote about a card that they reject at a gate: `2, 5: hands` names scenes."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

import structlog
from sqlmodel import col, select

from models.errors import ShowrunnerError
from models.production.reviews import standing_gates
from models.rules.codec.read import parse_time, plain_text, to_minute
from models.rules.statuses import BoardStatus
from models.sync.observations import Observation
from models.tables.task import Task
from tasks.notion.priority import RequestPriority, with_priority
from tasks.runtime.context import Context

log = structlog.get_logger("showrunner.sync")

_REJECTING: Final = frozenset({BoardStatus.QUEUED, BoardStatus.REVIEW_REJECTED})
_SECONDS: Final = 60.0
"""How long a rejection waits for its comment at most."""


async def comments_on_rejected(
    ctx: Context, cards: Collection[Observation], bot_ids: Collection[str]
) -> Mapping[str, str]:
    """The newest comment about each card that is being rejected, by page.

    Only pages are asked for whose card left a gate for the column that rejects. A comment that
    cannot be read is left out: the rejection is then about all scenes.
    """
    asked = [read.card.page_id for read in cards if read.card.status in _REJECTING]
    if not asked:
        return {}
    async with ctx.sessions() as session:
        tasks = list(await session.scalars(select(Task).where(col(Task.notion_page_id).in_(asked))))
        gates = await standing_gates(session, tasks) if tasks else {}
    found = {}
    for task in tasks:
        if task.id in gates and task.notion_page_id is not None:
            since = to_minute(task.status_changed_at)
            found[task.notion_page_id] = await _newest(ctx, task.notion_page_id, since, bot_ids)
    return found


async def _newest(ctx: Context, page_id: str, since: datetime, bot_ids: Collection[str]) -> str:
    """The newest comment that a user wrote since the task came to the gate; '' for none."""
    try:
        async with asyncio.timeout(_SECONDS):
            with with_priority(RequestPriority.BACKGROUND):
                comments = await ctx.notion.comments(page_id)
    except (ShowrunnerError, TimeoutError) as error:
        log.warning("comments_not_read", notion_page_id=page_id, error=type(error).__name__)
        return ""
    theirs = [one for one in comments if _is_about_this_round(one, since, bot_ids)]
    return plain_text(theirs[-1]["rich_text"]) if theirs else ""


def _is_about_this_round(
    comment: Mapping[str, Any], since: datetime, bot_ids: Collection[str]
) -> bool:
    author = (comment.get("created_by") or {}).get("id")
    return author not in bot_ids and parse_time(comment["created_time"]) >= since
