"""`webhook_events`: the inbox of webhooks.

An event is stored before it is acknowledged, and processed at least once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Identity,
    Index,
    String,
    Text,
    bindparam,
    or_,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from models.postgres.engine import timestamptz
from models.rules.backoff import Backoff
from models.tables.incidents import IncidentKind, forget_incident
from models.tables.notion_users import is_our_bot

ATTEMPTS_MAX = 8
"""Attempts before an event is dead: it is kept and alerted, and can be replayed."""
LEASE = timedelta(minutes=3)
"""How long a claim holds. Longer than claiming, reading 100 pages at 3 a second and storing them
take."""
_RETRIES = Backoff(first=timedelta(seconds=15), longest=timedelta(hours=12), factor=3)


class EventState(StrEnum):
    """What happens to an event next."""

    WAITING = "waiting"
    """The next ingest or cycle takes it."""
    LATER = "later"
    """It failed, or was given back, and is due at `next_attempt_at`."""
    CLAIMED = "claimed"
    """A run is processing it."""
    PROCESSED = "processed"
    DEAD = "dead"
    """It failed too often: nothing happens until it is replayed."""


class WebhookEvent(SQLModel, table=True):
    """One delivery.

    `event_id` is Notion's id of the event; `page_id` is None for events about no page.
    """

    __tablename__ = "webhook_events"
    __table_args__ = (
        Index(
            "ix_webhook_events_due",
            "next_attempt_at",
            postgresql_where=text("NOT processed AND dead_at IS NULL"),
        ),
        Index("ix_webhook_events_dead_at", "dead_at", postgresql_where=text("dead_at IS NOT NULL")),
    )

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    event_id: str = Field(sa_column=Column(String(200), unique=True, nullable=False))
    event_type: str = Field(sa_column=Column(String(100), nullable=False))
    page_id: str | None = Field(default=None, sa_column=Column(String(100), index=True))
    payload: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    correlation_id: str = Field(sa_column=Column(String(64), nullable=False))
    received_at: datetime = Field(sa_column=Column(timestamptz(), nullable=False))
    processed: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    processed_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    outcome: str | None = Field(default=None, sa_column=Column(String(50)))
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    next_attempt_at: datetime = Field(sa_column=Column(timestamptz(), nullable=False))
    claimed_until: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    error: str | None = Field(default=None, sa_column=Column(Text))
    dead_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))

    @property
    def row(self) -> int:
        """The id of a stored row.

        Raises:
            ValueError: when the event was not stored yet.
        """
        if self.id is None:
            raise ValueError("this event was not stored yet")
        return self.id

    def state(self, now: datetime) -> EventState:
        """What happens to the event next."""
        if self.processed:
            return EventState.PROCESSED
        if self.dead_at is not None:
            return EventState.DEAD
        if self.claimed_until is not None and self.claimed_until >= now:
            return EventState.CLAIMED
        return EventState.LATER if self.next_attempt_at > now else EventState.WAITING


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A verified delivery of any of the three shapes, ready for the inbox."""

    event_id: str
    event_type: str
    page_id: str | None
    payload: dict[str, Any]


SCHEMA_UPDATED = "data_source.schema_updated"
"""The type of the event about a changed property or option of a board."""

UNFINISHED = (~col(WebhookEvent.processed), col(WebhookEvent.dead_at).is_(None))
"""Neither processed nor dead. The same words as in `ix_webhook_events_due`, or PostgreSQL would not
use that index."""


def written_only_by(payload: dict[str, Any], user_ids: Collection[str]) -> bool:
    """Whether these Notion users are the only authors of an event.

    Notion aggregates edits, so an event may have several authors.
    """
    authors = payload.get("authors")
    if not isinstance(authors, list) or not authors:
        return False
    return all(
        isinstance(author, dict) and is_our_bot(author.get("id"), user_ids) for author in authors
    )


def is_own_echo(event_type: str, payload: dict[str, Any], user_ids: Collection[str]) -> bool:
    """Whether an event is about our own write only, whose response is stored already.

    Schema changes never count: `board create` and `board repair` make them in another process.
    """
    return event_type != SCHEMA_UPDATED and written_only_by(payload, user_ids)


# As text, because SQLAlchemy compiles an INSERT with ON CONFLICT anew each time, which took a
# quarter of the time of a webhook request.
_PUT = text(
    "INSERT INTO webhook_events "
    "(event_id, event_type, page_id, payload, correlation_id, received_at, next_attempt_at, "
    "processed, processed_at, outcome) "
    "VALUES (:event_id, :event_type, :page_id, :payload, :correlation_id, :now, :now, "
    ":own, CASE WHEN :own THEN CAST(:now AS timestamptz) END, CASE WHEN :own THEN 'own_write' END) "
    "ON CONFLICT DO NOTHING RETURNING id"
).bindparams(bindparam("payload", type_=JSONB))


async def put(
    connection: AsyncConnection | AsyncSession,
    delivery: Delivery,
    *,
    now: datetime,
    correlation_id: str,
    own: bool = False,
) -> bool:
    """Store a delivery in one statement; False when it was stored before.

    Args:
        connection: whose transaction writes the row.
        delivery: what was delivered.
        now: when it was received.
        correlation_id: of the request, for the logs.
        own: whether it is an echo of our own write; it is stored as processed.
    """
    row = {
        "event_id": delivery.event_id,
        "event_type": delivery.event_type,
        "page_id": delivery.page_id,
        "payload": delivery.payload,
        "correlation_id": correlation_id,
        "now": now,
        "own": own,
    }
    return (await connection.execute(_PUT, row)).first() is not None


def due(now: datetime) -> SelectOfScalar[WebhookEvent]:
    """The events that can be claimed now."""
    return select(WebhookEvent).where(
        *UNFINISHED, unleased(now), WebhookEvent.next_attempt_at <= now
    )


def unleased(now: datetime) -> ColumnElement[bool]:
    """Whether an event has no claim that still lasts."""
    return or_(col(WebhookEvent.claimed_until).is_(None), col(WebhookEvent.claimed_until) < now)


async def claim(session: AsyncSession, *, now: datetime, limit: int) -> list[WebhookEvent]:
    """Lease up to `limit` due events to this caller, oldest first.

    A claim counts as an attempt, so that an event that crashes its worker is dead in the end.
    """
    query = (
        due(now)
        .order_by(col(WebhookEvent.next_attempt_at), col(WebhookEvent.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = list(await session.scalars(query, execution_options={"populate_existing": True}))
    events = [event for event in found if event.attempts < ATTEMPTS_MAX]
    for event in events:
        event.claimed_until = now + LEASE
        event.attempts += 1
    for event in found:
        if event not in events:
            event.claimed_until = None
            event.error = event.error or "every worker that took it ended before it could say why"
            await _die(session, event, now)
    await session.flush()
    return events


async def finish(session: AsyncSession, ids: Sequence[int], *, now: datetime, outcome: str) -> None:
    """Mark events as done, in the transaction that stores their effect."""
    if not ids:
        return
    done = {
        "processed": True,
        "processed_at": now,
        "claimed_until": None,
        "error": None,
        "outcome": outcome,
    }
    await session.execute(update(WebhookEvent).where(col(WebhookEvent.id).in_(ids)).values(**done))


async def release(
    session: AsyncSession, ids: Sequence[int], *, now: datetime, wait: timedelta
) -> None:
    """Return events without counting the attempt, because Notion or its token failed."""
    back = {
        "claimed_until": None,
        "next_attempt_at": now + wait,
        "attempts": WebhookEvent.attempts - 1,
    }
    await session.execute(update(WebhookEvent).where(col(WebhookEvent.id).in_(ids)).values(**back))


async def release_leases(session: AsyncSession) -> int:
    """End every claim, and return how many there were; only when no claimant runs any more."""
    held = select(WebhookEvent).where(*UNFINISHED, col(WebhookEvent.claimed_until).is_not(None))
    events = list(await session.scalars(held.with_for_update()))
    for event in events:
        event.claimed_until = None
    return len(events)


async def postpone(session: AsyncSession, ids: Sequence[int], *, now: datetime, error: str) -> None:
    """Make failed events due again with backoff, or dead when they have no attempt left.

    The n-th failure waits 15 s x 3^(n-1): 15 s, 45 s, … 3 h; eight attempts span four and a half
    hours.
    """
    query = (
        select(WebhookEvent)
        .where(col(WebhookEvent.id).in_(ids))
        .order_by(col(WebhookEvent.id))
        .with_for_update()
    )
    rows = await session.scalars(query, execution_options={"populate_existing": True})
    for event in rows:
        event.error, event.claimed_until = error[:2000], None
        event.next_attempt_at = now + _RETRIES.delay(event.attempts)
        if event.attempts >= ATTEMPTS_MAX:
            await _die(session, event, now)
    await session.flush()


async def _die(session: AsyncSession, event: WebhookEvent, now: datetime) -> None:
    """Mark an event as dead, to be alerted even if it was dead before it was replayed."""
    event.dead_at = now
    await forget_incident(session, incident_of(event.event_id))


def incident_of(event_id: str) -> str:
    """The name of the incident about a dead event."""
    return IncidentKind.DEAD_EVENT.about(event_id)
