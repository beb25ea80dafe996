"""`webhook_events`: what Notion told us, stored before it is acknowledged, and worked through at least once."""

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
    cast,
    func,
    or_,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from models.errors import GiveUp
from models.postgres.engine import timestamptz
from models.rules.backoff import Backoff
from models.tables.incidents import key_of
from models.tables.notion_users import is_our_bot
from models.tables.sync_state import forget

ATTEMPTS_MAX = 8
"""Tries an event gets before it is dead: kept, alerted, replayable."""
LEASE = timedelta(minutes=3)
"""How long a claim holds. Longer than claiming, reading 100 pages at 3 a second and storing them
take."""
_RETRIES = Backoff(first=timedelta(seconds=15), longest=timedelta(hours=12), factor=3)
_ROW_DIGITS = 18
"""A number of more digits is no row's: PostgreSQL's bigint ends there."""


class EventState(StrEnum):
    """What becomes of an event next."""

    WAITING = "waiting"
    """The next ingest or cycle takes it."""
    LATER = "later"
    """It failed, or was given back, and is due at `next_attempt_at`."""
    CLAIMED = "claimed"
    """Somebody is working on it."""
    PROCESSED = "processed"
    DEAD = "dead"
    """It failed too often: nothing, until somebody replays it."""


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
        """The id of a row that is stored."""
        if self.id is None:
            raise ValueError("this event was not stored yet")
        return self.id

    def state(self, now: datetime) -> EventState:
        """What becomes of it next."""
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
"""The type of the event that tells of a change of a board's properties or options."""

_UNFINISHED = (~col(WebhookEvent.processed), col(WebhookEvent.dead_at).is_(None))
"""Neither processed nor dead, in the words of `ix_webhook_events_due`: else PostgreSQL does not see
that it fits."""


def written_only_by(payload: dict[str, Any], user_ids: Collection[str]) -> bool:
    """Whether an event's only authors are those Notion users: our own write coming back (Notion aggregates authors)."""
    authors = payload.get("authors")
    if not isinstance(authors, list) or not authors:
        return False
    return all(
        isinstance(author, dict) and is_our_bot(author.get("id"), user_ids) for author in authors
    )


def is_own_echo(event_type: str, payload: dict[str, Any], user_ids: Collection[str]) -> bool:
    """Whether an event only tells of our own write, whose answer said it all.

    Not of a change of the schema: `board create` and `board repair` make those in another process.
    """
    return event_type != SCHEMA_UPDATED and written_only_by(payload, user_ids)


# As text, because SQLAlchemy compiles an INSERT with ON CONFLICT anew each time: that was a quarter
# of the door's work.
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
    """Store a delivery, in one statement; False when it was there already.

    Args:
        own: it is our own write coming back, which says nothing new: it is processed with that.
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


async def any_due(session: AsyncSession, *, now: datetime) -> bool:
    """Whether a claim would find something; costs one look into a small index."""
    return (await session.execute(_due(now).limit(1))).first() is not None


async def count_due(session: AsyncSession, *, now: datetime, bot_ids: Collection[str]) -> int:
    """How many events somebody else than we ourselves caused are due."""
    path = cast("$.authors[*].id", JSONPATH)
    authors = func.jsonb_path_query_array(col(WebhookEvent.payload), path, type_=JSONB)
    ours = authors.contained_by(sorted(bot_ids)) & (authors != cast([], JSONB))
    query = select(func.count()).select_from(
        _due(now).where(~func.coalesce(ours, False)).subquery()
    )
    return int((await session.execute(query)).scalar_one())


async def due_since(session: AsyncSession, *, now: datetime) -> datetime | None:
    """Since when the event that waits longest could have been claimed; None when none can."""
    query = _due(now).order_by(col(WebhookEvent.next_attempt_at)).limit(1)
    found = (await session.scalars(query)).first()
    return found.next_attempt_at if found is not None else None


def _due(now: datetime) -> SelectOfScalar[WebhookEvent]:
    return select(WebhookEvent).where(*_UNFINISHED, _free(now), WebhookEvent.next_attempt_at <= now)


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(col(WebhookEvent.claimed_until).is_(None), col(WebhookEvent.claimed_until) < now)


async def claim(session: AsyncSession, *, now: datetime, limit: int) -> list[WebhookEvent]:
    """Take up to `limit` due events for this caller alone, oldest first, until its lease runs out.

    A claim counts as an attempt, so an event that kills its worker still dies in the end.
    """
    query = (
        _due(now)
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
    """Give events back untried: what stopped us was not theirs (Notion or its token failing)."""
    back = {
        "claimed_until": None,
        "next_attempt_at": now + wait,
        "attempts": WebhookEvent.attempts - 1,
    }
    await session.execute(update(WebhookEvent).where(col(WebhookEvent.id).in_(ids)).values(**back))


async def free_claims(session: AsyncSession) -> int:
    """End every claim, and say how many there were. For who knows that all claimants are dead."""
    held = select(WebhookEvent).where(*_UNFINISHED, col(WebhookEvent.claimed_until).is_not(None))
    events = list(await session.scalars(held.with_for_update()))
    for event in events:
        event.claimed_until = None
    return len(events)


async def postpone(session: AsyncSession, ids: Sequence[int], *, now: datetime, error: str) -> None:
    """Leave failed events due again with backoff; those out of attempts are dead.

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
    """Every death is news: what was told of an earlier one, before the event was replayed, must not silence it."""
    event.dead_at = now
    await forget(session, key_of(incident_of(event.event_id)))


def incident_of(event_id: str) -> str:
    """The name of the incident that a dead event is."""
    return f"dead_event:{event_id}"


async def dead_since(session: AsyncSession, moment: datetime) -> list[str]:
    """Notion's ids of the events that died since then."""
    return list(
        await session.scalars(
            select(WebhookEvent.event_id).where(col(WebhookEvent.dead_at) >= moment)
        )
    )


async def waiting(session: AsyncSession) -> int:
    """How many events are neither processed nor dead."""
    query = select(func.count()).select_from(WebhookEvent).where(*_UNFINISHED)
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
    """How many there are of each."""
    done, dead = col(WebhookEvent.processed), col(WebhookEvent.dead_at).is_not(None)
    totals = [func.count().filter(which) for which in (~done & ~dead, done, ~done & dead)]
    waits, processed, died = (
        await session.execute(select(*totals).select_from(WebhookEvent))
    ).one()
    return Counts(waiting=waits, processed=processed, dead=died)


async def newest(session: AsyncSession, *, dead: bool, limit: int) -> list[WebhookEvent]:
    """The last events that came, newest first; with `dead`, only dead ones."""
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


async def find_event(session: AsyncSession, wanted: str) -> WebhookEvent:
    """The event of that row number, of that id of Notion's, or of that beginning of one.

    Raises:
        GiveUp: when there is none, or more than one begins so.
    """
    wanted = wanted.strip()
    if wanted.isdecimal() and len(wanted) <= _ROW_DIGITS:
        found = await session.get(WebhookEvent, int(wanted))
        if found is not None:
            return found
    begins = col(WebhookEvent.event_id).startswith(wanted, autoescape=True)
    query = select(WebhookEvent).where(begins).order_by(func.length(WebhookEvent.event_id)).limit(2)
    rows: list[WebhookEvent] = list(await session.scalars(query)) if wanted else []
    if not rows:
        raise GiveUp(f"There is no event {wanted}: `showrunner events list` shows them.")
    if len(rows) > 1 and rows[0].event_id != wanted:
        raise GiveUp(
            f"More than one event id begins with {wanted}: give more of it, or the number of its row."
        )
    return rows[0]


async def replay(session: AsyncSession, rows: Sequence[int] | None, *, now: datetime) -> list[int]:
    """Make events due now, with all their attempts before them; None stands for every dead one.

    Those made due.

    Harmless for a processed event, which is only a hint to look at its page. One that is claimed is
    left to its worker.
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
        .where(which, _free(now))
        .values(**afresh)
        .returning(col(WebhookEvent.id))
    )
    return sorted(row[0] for row in await session.execute(made))
