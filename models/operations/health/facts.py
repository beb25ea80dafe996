"""Facts about the health of the sync that the database holds. Reads only.

Doctor, watchdog and card diagnosis read the same `SyncFacts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import false, func, or_, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.operations.production import ProductionFacts, read_production
from models.operations.webhook_tokens import Tokens, read_tokens
from models.tables.card import Card
from models.tables.card_creation import Unmade, unmade
from models.tables.incidents import Incident, open_incidents
from models.tables.notion_users import our_bots
from models.tables.sync_state import BOARD, CHANNELS, LAST_GOOD_CYCLE, get_moment, get_value
from models.tables.webhook_event_queries import Counts, counts, due_since
from models.tables.webhook_events import WebhookEvent

FAILING_SHOWN = 100
"""Failing cards are counted up to this number."""


@dataclass(frozen=True, kw_only=True)
class Failing:
    """A card that could not be written to the board."""

    page_id: str
    title: str
    attempts: int


@dataclass(frozen=True, kw_only=True)
class SyncFacts:
    """Whether the sync works at all.

    Attributes:
        last_good_cycle: when a cycle last succeeded; None before the first.
        incidents: the open incidents.
    """

    last_good_cycle: datetime | None
    incidents: Sequence[Incident]


async def read_sync_facts(session: AsyncSession) -> SyncFacts:
    """Read when a cycle last succeeded, and the open incidents."""
    return SyncFacts(
        last_good_cycle=await get_moment(session, LAST_GOOD_CYCLE),
        incidents=await open_incidents(session),
    )


@dataclass(frozen=True, kw_only=True)
class HealthFacts(SyncFacts):
    """What `showrunner doctor` judges of the database's contents.

    Attributes:
        events: how many events the inbox holds, by state.
        due_since: since when the oldest due event is due; None when none is.
        last_event: when the last event was received.
        tokens: the verification tokens from handshakes.
        failing: cards whose last write failed, the one with most attempts first.
        unmade: tasks that wait for their card.
        last_write: when a card was last written to the board, as far as that is known.
        production: how many tasks are in production, and what of it needs a human.
        board: the stored board, under `board`, and its `database_id`; None when none was ever read.
        channels: what the last cycle stored of the channels; None before the first.
    """

    events: Counts
    due_since: datetime | None
    last_event: datetime | None
    tokens: Tokens
    failing: tuple[Failing, ...]
    unmade: Unmade
    last_write: datetime | None
    production: ProductionFacts
    board: dict[str, Any] | None
    channels: dict[str, Any] | None


async def read_health_facts(session: AsyncSession, *, now: datetime) -> HealthFacts:
    """Read all of it. The database must be at the last migration."""
    sync = await read_sync_facts(session)
    return HealthFacts(
        last_good_cycle=sync.last_good_cycle,
        incidents=sync.incidents,
        events=await counts(session),
        due_since=await due_since(session, now=now),
        last_event=await session.scalar(select(func.max(WebhookEvent.received_at))),
        tokens=await read_tokens(session),
        failing=await _failing(session),
        unmade=await unmade(session),
        last_write=await _last_write(session),
        production=await read_production(session, now),
        board=await get_value(session, BOARD),
        channels=await get_value(session, CHANNELS),
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
    """The newest write to the board that is recorded anywhere.

    Cards record their last writes of values that people edit too. All other writes come back from
    Notion as events with our bot as author.
    """
    writes = text(
        "SELECT max((write ->> 'until')::timestamptz) FROM cards, "
        "jsonb_array_elements(coalesce(recent_activity -> 'writes', '[]')) AS write"
    )
    recorded: datetime | None = await session.scalar(writes)
    authors = [{"authors": [{"id": bot}]} for bot in sorted(await our_bots(session))]
    ours = or_(false(), *(col(WebhookEvent.payload).contains(author) for author in authors))
    received = await session.scalar(select(func.max(WebhookEvent.received_at)).where(ours))
    return max((moment for moment in (recorded, received) if moment is not None), default=None)


@dataclass(frozen=True, kw_only=True)
class Server:
    """The PostgreSQL server.

    Attributes:
        version: e.g. `16.2`.
        connections: open client connections, of at most `connections_max`.
        clock: its own time when it was asked.
        read_only: whether it refuses writes: a standby, or configured so.
    """

    version: str
    connections: int
    connections_max: int
    clock: datetime
    read_only: bool = False


async def read_server(session: AsyncSession) -> Server:
    """Read it with one query, which needs no table."""
    query = text(
        "SELECT current_setting('server_version'), "
        "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), "
        "current_setting('max_connections')::int, clock_timestamp(), "
        "pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool"
    )
    version, connections, most, clock, read_only = (await session.execute(query)).one()
    return Server(
        version=version.split()[0],
        connections=connections,
        connections_max=most,
        clock=clock,
        read_only=read_only,
    )
