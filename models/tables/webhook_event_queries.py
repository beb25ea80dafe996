"""Questions about `webhook_events`, and what the operator does with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import cast, func, update
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.tables.webhook_events import UNFINISHED, WebhookEvent, due, unleased


async def any_due(session: AsyncSession, *, now: datetime) -> bool:
    """Whether a claim would find an event; reads one entry of a partial index."""
    return (await session.execute(due(now).limit(1))).first() is not None


async def count_due(session: AsyncSession, *, now: datetime, bot_ids: Collection[str]) -> int:
    """How many due events were not caused by our own bots alone."""
    path = cast("$.authors[*].id", JSONPATH)
    authors = func.jsonb_path_query_array(col(WebhookEvent.payload), path, type_=JSONB)
    ours = authors.contained_by(sorted(bot_ids)) & (authors != cast([], JSONB))
    query = select(func.count()).select_from(due(now).where(~func.coalesce(ours, False)).subquery())
    return int((await session.execute(query)).scalar_one())


async def due_since(session: AsyncSession, *, now: datetime) -> datetime | None:
    """Since when the event that waits longest has been due; None when none is due."""
    query = due(now).order_by(col(WebhookEvent.next_attempt_at)).limit(1)
    found = (await session.scalars(query)).first()
    return found.next_attempt_at if found is not None else None


async def dead_since(session: AsyncSession, moment: datetime) -> list[str]:
    """Notion's ids of the events that became dead since then."""
    return list(
        await session.scalars(
            select(WebhookEvent.event_id).where(col(WebhookEvent.dead_at) >= moment)
        )
    )


async def waiting(session: AsyncSession) -> int:
    """How many events are neither processed nor dead."""
    query = select(func.count()).select_from(WebhookEvent).where(*UNFINISHED)
    return int((await session.execute(query)).scalar_one())


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many events the inbox holds.

    `waiting` are those neither processed nor dead, whenever they are due.
    """

    waiting: int
    processed: int
    dead: int


async def counts(session: AsyncSession) -> Counts:
    """The number of events by state."""
    done, dead = col(WebhookEvent.processed), col(WebhookEvent.dead_at).is_not(None)
    totals = [func.count().filter(which) for which in (~done & ~dead, done, ~done & dead)]
    waits, processed, died = (
        await session.execute(select(*totals).select_from(WebhookEvent))
    ).one()
    return Counts(waiting=waits, processed=processed, dead=died)


async def newest(session: AsyncSession, *, dead: bool, limit: int) -> list[WebhookEvent]:
    """The events received last, newest first; with `dead`, only dead ones."""
    query = select(WebhookEvent).order_by(col(WebhookEvent.id).desc()).limit(limit)
    return list(
        await session.scalars(
            query.where(col(WebhookEvent.dead_at).is_not(None)) if dead else query
        )
    )


async def unfinished_of(session: AsyncSession, page_id: str) -> list[WebhookEvent]:
    """The events about a page that are not processed, oldest first."""
    about = (WebhookEvent.page_id == page_id, ~col(WebhookEvent.processed))
    return list(
        await session.scalars(select(WebhookEvent).where(*about).order_by(col(WebhookEvent.id)))
    )


async def replay(session: AsyncSession, rows: Sequence[int] | None, *, now: datetime) -> list[int]:
    """Make events due now, with all their attempts left; return the rows that were changed.

    A processed event may be replayed as well: it only causes its page to be read. A claimed event
    is left to its worker.

    Args:
        session: whose transaction writes the rows.
        rows: row ids; None for every dead event.
        now: when they are due.
    """
    which = (
        col(WebhookEvent.dead_at).is_not(None) if rows is None else col(WebhookEvent.id).in_(rows)
    )
    afresh = {
        "processed": False,
        "processed_at": None,
        "outcome": None,
        "attempts": 0,
        "next_attempt_at": now,
        "claimed_until": None,
        "dead_at": None,
    }
    made = (
        update(WebhookEvent)
        .where(which, unleased(now))
        .values(**afresh)
        .returning(col(WebhookEvent.id))
    )
    return sorted(row[0] for row in await session.execute(made))
