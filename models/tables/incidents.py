"""`incidents`: what a human must be notified of, kept until they were notified that it is over.

One row per incident, so that any number of processes report each of them once. The row is also the
outbox: the next message waits in it (`next_message_at`) until a process has delivered it, whatever
becomes of the process that found the incident.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import JSON, Column, String, Text, delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col, select

from models.postgres.engine import timestamptz
from models.rules.backoff import Backoff
from models.rules.formatting import utc_time

LEASE: Final = timedelta(minutes=1)
"""How long a message belongs to the process that is delivering it."""
_RETRIES: Final = Backoff(first=timedelta(minutes=1), longest=timedelta(minutes=15))
_MESSAGE_MAX: Final = 5000
"""Incidents of one kind that one message reports."""


class Level(StrEnum):
    """How urgent: CRITICAL stops the sync (token, database), ERROR concerns one card or event."""

    CRITICAL = "CRITICAL"
    ERROR = "ERROR"


class IncidentKind(StrEnum):
    """What an incident is about. `models.operations.known_problems` says what each one means."""

    NOTION_AUTH = "notion_auth"
    SAFETY_STOP = "safety_stop"
    PUSH_STOPPED = "push_stopped"
    INGEST_STOPPED = "ingest_stopped"
    IMPORT_STOPPED = "import_stopped"
    RETENTION_STOPPED = "retention_stopped"
    NO_GOOD_CYCLE = "no_good_cycle"
    DATABASE_LOST = "database_lost"
    DATABASE_STORES_NOTHING = "database_stores_nothing"
    BOARD_DRIFT = "board_drift"
    PROPERTY_TYPE = "property_type"
    CHANNEL_FILE = "channel_file"
    CARD_FAILING = "card_failing"
    CARD_NOT_MADE = "card_not_made"
    DEAD_EVENT = "dead_event"
    WORKER_LOST = "worker_lost"
    STEP_STUCK = "step_stuck"
    BUDGET_REACHED = "budget_reached"
    MAKER_PAUSED = "maker_paused"
    FILE_REFUSED = "file_refused"

    def about(self, subject: str) -> str:
        """The name of the incident of this kind about that card, event or file."""
        return f"{self}:{subject}"


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One problem that needs a human, and how much of it they were notified of.

    Attributes:
        name: identifies the incident when it is seen again, e.g. `notion_auth`; its kind stands
            before the first colon.
        title: one sentence.
        since: when it was seen first.
        until: when it was over; None while it is not.
        facts: ids and facts by name; never a token, never a card's text.
        notified: whether its beginning was reported.
        due: when the next message about it is to be sent; None when there is nothing to report.
        tries: failed deliveries of that message.
    """

    name: str
    level: Level
    title: str
    since: datetime
    facts: Mapping[str, str] = field(default_factory=dict)
    until: datetime | None = None
    notified: bool = False
    due: datetime | None = None
    tries: int = 0

    @property
    def kind(self) -> str:
        """The sort of incident, e.g. `dead_event`."""
        return self.name.partition(":")[0]

    @property
    def subject(self) -> str:
        """The id of the card or event that it is about; `ID` when it is about none."""
        return self.name.partition(":")[2] or "ID"

    def __str__(self) -> str:
        """One line about an open incident, for a list of them."""
        return f"{self.name} since {utc_time(self.since)}: {self.title}"

    def goes_on(self, now: datetime) -> Incident:
        """The incident open again, because it began again before its end was reported."""
        return replace(self, until=None, due=None if self.notified else now, tries=0)

    def ended(self, now: datetime) -> Incident:
        """The incident over; a message that is being delivered or retried still comes first."""
        return replace(self, until=now, due=max(self.due or now, now))

    def delivered(self, sent: Incident, now: datetime) -> Incident | None:
        """What is left to report after a delivered message.

        Args:
            sent: the incident as the message reported it.
            now: when it was delivered.

        Returns:
            The incident with its next message; None when its end was reported.
        """
        over = self.until is not None
        if sent.until is None:
            return replace(self, notified=True, due=now if over else None, tries=0)
        return None if over else replace(self, notified=False, due=now, tries=0)

    def refused(self, now: datetime) -> Incident:
        """The incident after a failed delivery: retry after 1, 2, 4, 8, then every 15 minutes."""
        tries = self.tries + 1
        return replace(self, tries=tries, due=now + _RETRIES.delay(tries))


class IncidentRow(SQLModel, table=True):
    """An `Incident` as it is stored."""

    __tablename__ = "incidents"

    name: str = Field(sa_column=Column(Text, primary_key=True))
    level: str = Field(sa_column=Column(String(20), nullable=False))
    title: str = Field(sa_column=Column(Text, nullable=False))
    began_at: datetime = Field(sa_column=Column(timestamptz(), nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    # json and not jsonb: messages print the facts in the order in which they were given.
    facts: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    notified: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    next_message_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    failed_messages: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})

    def load(self) -> Incident:
        """The incident that the row holds."""
        return Incident(
            name=self.name,
            level=Level(self.level),
            title=self.title,
            since=self.began_at,
            facts=self.facts,
            until=self.ended_at,
            notified=self.notified,
            due=self.next_message_at,
            tries=self.failed_messages,
        )

    def store(self, incident: Incident) -> None:
        """Replace all columns but the name."""
        for column, value in _columns(incident).items():
            setattr(self, column, value)


async def open_incidents(session: AsyncSession, beginning: str = "") -> list[Incident]:
    """The incidents that are not over and whose name begins with `beginning`, the oldest first."""
    rows = await session.scalars(
        select(IncidentRow)
        .where(
            col(IncidentRow.ended_at).is_(None),
            col(IncidentRow.name).startswith(beginning, autoescape=True),
        )
        .order_by(col(IncidentRow.began_at), col(IncidentRow.name))
    )
    return [row.load() for row in rows]


async def open_incident(session: AsyncSession, incident: Incident) -> bool:
    """Store an incident with its first message due at once; False when it is open already."""
    if await _insert(session, incident):
        return True
    for row in await _locked(session, [incident.name]):
        known = row.load()
        if known.until is not None:
            row.store(known.goes_on(incident.since))
            return True
    return False


async def end_incidents(
    session: AsyncSession, names: Sequence[str], now: datetime
) -> list[Incident]:
    """End the open ones of these incidents; return those, whose end is to be reported."""
    over = []
    for row in await _locked(session, names):
        known = row.load()
        if known.until is None:
            over.append(known.ended(now))
            row.store(over[-1])
    return over


async def forget_incident(session: AsyncSession, name: str) -> None:
    """Delete an incident, so that it is reported anew when it is seen again."""
    await session.execute(delete(IncidentRow).where(col(IncidentRow.name) == name))


async def adopt(session: AsyncSession, incident: Incident) -> None:
    """Store an incident that could not be stored when it was seen, and may be reported already."""
    if await _insert(session, incident):
        return
    for row in await _locked(session, [incident.name]):
        known = row.load()
        notified = known.notified or incident.notified
        until = incident.until
        due = incident.due if until is not None or not notified else None
        row.store(replace(known, notified=notified, until=until, due=due, tries=0))


async def lease_message(session: AsyncSession, now: datetime) -> list[Incident]:
    """Lease the incidents of the next message to this caller; empty when no message is due.

    They are of one kind and either all open or all over: fifty events that died together are one
    message.
    """
    rows = await session.scalars(
        select(IncidentRow)
        .where(col(IncidentRow.next_message_at) <= now)
        .order_by(col(IncidentRow.next_message_at), col(IncidentRow.name))
        .with_for_update(skip_locked=True)
    )
    due = [(row, row.load()) for row in rows]
    alike = [(row, one) for row, one in due if _sort(one) == _sort(due[0][1])][:_MESSAGE_MAX]
    for row, incident in alike:
        row.store(replace(incident, due=now + LEASE))
    return [incident for _, incident in alike]


async def record_message(
    session: AsyncSession, sent: Sequence[Incident], now: datetime, *, delivered: bool
) -> None:
    """Record whether a message was delivered.

    Args:
        session: whose transaction writes the rows.
        sent: the incidents as the message reported them.
        now: when it was delivered, or failed to be.
        delivered: whether at least one receiver took it.
    """
    reported = {incident.name: incident for incident in sent}
    for row in await _locked(session, [*reported]):
        known = row.load()
        left = known.delivered(reported[row.name], now) if delivered else known.refused(now)
        if left is None:
            await session.delete(row)
        else:
            row.store(left)


def _sort(incident: Incident) -> tuple[str, bool]:
    return incident.kind, incident.until is None


async def _insert(session: AsyncSession, incident: Incident) -> bool:
    """Insert an incident; False when there is a row of that name."""
    row = insert(IncidentRow).values(name=incident.name, **_columns(incident))
    stored = row.on_conflict_do_nothing().returning(col(IncidentRow.name))
    return (await session.execute(stored)).first() is not None


async def _locked(session: AsyncSession, names: Sequence[str]) -> list[IncidentRow]:
    """The rows of these incidents, locked in the order of their names against deadlocks."""
    query = (
        select(IncidentRow)
        .where(col(IncidentRow.name).in_(names))
        .order_by(IncidentRow.name)
        .with_for_update()
    )
    return list(await session.scalars(query, execution_options={"populate_existing": True}))


def _columns(incident: Incident) -> dict[str, Any]:
    return {
        "level": incident.level.value,
        "title": incident.title,
        "began_at": incident.since,
        "ended_at": incident.until,
        "facts": dict(incident.facts),
        "notified": incident.notified,
        "next_message_at": incident.due,
        "failed_messages": incident.tries,
    }
