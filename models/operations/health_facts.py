"""Signs of life that the database holds: what a doctor reads, all of it without writing anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import false, func, or_, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.operations.webhook_tokens import Tokens, read_tokens
from models.tables.card import Card
from models.tables.card_creation import Unmade, unmade
from models.tables.incidents import Incident, open_incidents
from models.tables.notion_users import our_bots
from models.tables.sync_state import BOARD, LAST_GOOD_CYCLE, get_moment, get_value
from models.tables.webhook_event_queries import Counts, counts, due_since
from models.tables.webhook_events import WebhookEvent

FAILING_SHOWN = 100
"""Cards that fail are counted up to here."""


@dataclass(frozen=True, kw_only=True)
class Failing:
    """A card that could not be written to the board."""

    page_id: str
    title: str
    attempts: int


@dataclass(frozen=True, kw_only=True)
class HealthFacts:
    """Signs of life.

    Attributes:
        last_good_cycle: None before the first.
        events: what the inbox holds.
        due_since: since when the event that waits longest is due; None when none is.
        last_event: when one was received last.
        tokens: the verification tokens that handshakes brought.
        failing: cards whose last write failed, the one with most attempts first.
        unmade: tasks that wait for their card.
        incidents: those that are not over.
        last_write: when a card was last written to the board, as far as that is known.
        board: the board as it was remembered, under `board`, and its `database_id`; None when none
            was ever read.
    """

    last_good_cycle: datetime | None
    events: Counts
    due_since: datetime | None
    last_event: datetime | None
    tokens: Tokens
    failing: tuple[Failing, ...]
    unmade: Unmade
    incidents: tuple[Incident, ...]
    last_write: datetime | None
    board: dict[str, Any] | None


async def read_vitals(session: AsyncSession, *, now: datetime) -> HealthFacts:
    """The signs of life; the tables must be as the last migration leaves them."""
    return HealthFacts(
        last_good_cycle=await get_moment(session, LAST_GOOD_CYCLE),
        events=await counts(session),
        due_since=await due_since(session, now=now),
        last_event=await session.scalar(select(func.max(WebhookEvent.received_at))),
        tokens=await read_tokens(session),
        failing=await _failing(session),
        unmade=await unmade(session),
        incidents=tuple(await open_incidents(session)),
        last_write=await _last_write(session),
        board=await get_value(session, BOARD),
    )


async def _failing(session: AsyncSession) -> tuple[Failing, ...]:
    query = (
        select(Card.notion_page_id, Card.base_title, Card.attempts)
        .where(col(Card.attempts) > 0)
        .order_by(col(Card.attempts).desc(), col(Card.notion_page_id))
        .limit(FAILING_SHOWN)
    )
    return tuple(
        Failing(page_id=page, title=title, attempts=n)
        for page, title, n in await session.execute(query)
    )


async def _last_write(session: AsyncSession) -> datetime | None:
    """Cards remember their last writes of what people write too; the rest comes back as events of our own."""
    writes = text(
        "SELECT max((write ->> 'until')::timestamptz) FROM cards, "
        "jsonb_array_elements(coalesce(recent_activity -> 'writes', '[]')) AS write"
    )
    bots = sorted(await our_bots(session))
    ours = or_(
        false(), *(col(WebhookEvent.payload).contains({"authors": [{"id": bot}]}) for bot in bots)
    )
    remembered: datetime | None = await session.scalar(writes)
    came_back = (
        await session.scalar(select(func.max(WebhookEvent.received_at)).where(ours))
        if bots
        else None
    )
    return max((moment for moment in (remembered, came_back) if moment is not None), default=None)


@dataclass(frozen=True, kw_only=True)
class Server:
    """The PostgreSQL server.

    Attributes:
        version: e.g. `16.2`.
        connections: how many there are, of `connections_max`.
        clock: its own, at the moment of the question.
        read_only: whether it stores nothing: a standby, or set so.
    """

    version: str
    connections: int
    connections_max: int
    clock: datetime
    read_only: bool = False


async def read_server(session: AsyncSession) -> Server:
    """Asks one question; needs no table."""
    query = text(
        "SELECT current_setting('server_version'), (SELECT count(*) FROM pg_stat_activity WHERE backend_type = "
        "'client backend'), current_setting('max_connections')::int, clock_timestamp(), "
        "pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool"
    )
    version, connections, most, clock, read_only = (await session.execute(query)).one()
    counted = {"connections": connections, "connections_max": most}
    return Server(version=version.split()[0], clock=clock, read_only=read_only, **counted)
