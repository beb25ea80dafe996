"""Incidents: what a human has to know, remembered until they were told that it is over.

Kept in `sync_state` under their names, so that any number of processes tell each of them once. The
row is also the outbox: what is to be told waits in it (`due`) until somebody took it, whatever
becomes of the process that saw it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, cast
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.postgres.engine import timestamptz
from models.rules.backoff import Backoff
from models.tables.sync_state import SyncState

LEASE: Final = timedelta(minutes=1)
"""How long a message that somebody is sending is left to them."""
_RETRIES: Final = Backoff(first=timedelta(minutes=1), longest=timedelta(minutes=15))
_PREFIX: Final = "incident:"
_KEY_MAX: Final = 100
"""Characters, as `sync_state.key` has them."""
_MESSAGE_MAX: Final = 5000
"""Incidents of one kind that one message tells."""


class Level(StrEnum):
    """How urgent: CRITICAL stops the sync (token, database), ERROR concerns one card or event."""

    CRITICAL = "CRITICAL"
    ERROR = "ERROR"


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One thing that needs a human, with how much of it they were told.

    Attributes:
        name: what makes it the same incident next time, e.g. `notion_auth`; its kind stands before
            the first colon.
        title: one sentence.
        since: when it was seen first; `until`: when it was over, None while it is not.
        facts: ids and facts by name, never a token or a card's text.
        told: whether somebody was told of its beginning.
        due: when the next message about it is to be sent; None when there is nothing to tell.
        tries: how often that message reached nobody.
    """

    name: str
    level: Level
    title: str
    since: datetime
    facts: Mapping[str, str] = field(default_factory=dict)
    until: datetime | None = None
    told: bool = False
    due: datetime | None = None
    tries: int = 0

    @property
    def kind(self) -> str:
        """What sort of incident it is, e.g. `dead_event`."""
        return self.name.partition(":")[0]

    def goes_on(self, now: datetime) -> Incident:
        """Begun again before its end was told: for who was told of it, it never ended."""
        return replace(self, until=None, due=None if self.told else now, tries=0)

    def ended(self, now: datetime) -> Incident:
        """Over. A message on its way, or one that waits for its next try, comes first."""
        return replace(self, until=now, due=max(self.due or now, now))

    def delivered(self, sent: Incident, now: datetime) -> Incident | None:
        """What is left to tell after a message about it, as it was then, has arrived; None when that is all."""
        if sent.until is None:
            return replace(self, told=True, due=now if self.until is not None else None, tries=0)
        return None if self.until is not None else replace(self, told=False, due=now, tries=0)

    def refused(self, now: datetime) -> Incident:
        """The message reached nobody: try again in 1 min, 2, 4, 8, then every 15, for as long as it takes."""
        tries = self.tries + 1
        return replace(self, tries=tries, due=now + _RETRIES.delay(tries))


def key_of(incident: str) -> str:
    """Where an incident is remembered.

    A name that is too long ends in its hash: no two share a row.
    """
    key = f"{_PREFIX}{incident}"
    if len(key) <= _KEY_MAX:
        return key
    digest = hashlib.sha256(incident.encode()).hexdigest()[:16]
    return f"{key[: _KEY_MAX - len(digest) - 1]}:{digest}"


async def open_incidents(session: AsyncSession, beginning: str = "") -> list[Incident]:
    """Those that are not over and whose name begins so, the oldest first."""
    known = col(SyncState.key).startswith(_PREFIX + beginning, autoescape=True)
    rows = await session.scalars(
        select(SyncState).where(known).order_by(col(SyncState.moment), col(SyncState.key))
    )
    return [incident for row in rows if (incident := _read(row)).until is None]


async def open_incident(session: AsyncSession, incident: Incident) -> bool:
    """Remember an incident, to be told at once; False when it is open already."""
    row = insert(SyncState).values(key=key_of(incident.name), **_columns(incident))
    if (
        await session.execute(row.on_conflict_do_nothing().returning(col(SyncState.key)))
    ).first() is not None:
        return True
    for known in await _locked(session, [incident.name]):
        before = _read(known)
        if before.until is not None:
            _write(known, before.goes_on(incident.since))
            return True
    return False


async def end_incidents(
    session: AsyncSession, names: Sequence[str], now: datetime
) -> list[Incident]:
    """Those of them that were open, and are over now; that is to be told."""
    over = []
    for row in await _locked(session, names):
        if (incident := _read(row)).until is None:
            over.append(incident.ended(now))
            _write(row, over[-1])
    return over


async def adopt(session: AsyncSession, incident: Incident) -> None:
    """Take over an incident that could not be stored when it was seen, with how much of it was told."""
    row = insert(SyncState).values(key=key_of(incident.name), **_columns(incident))
    if (
        await session.execute(row.on_conflict_do_nothing().returning(col(SyncState.key)))
    ).first() is not None:
        return
    for known in await _locked(session, [incident.name]):
        before = _read(known)
        told = before.told or incident.told
        until = incident.until
        due = incident.due if until is not None or not told else None
        _write(known, replace(before, told=told, until=until, due=due, tries=0))


async def claim_message(session: AsyncSession, now: datetime) -> list[Incident]:
    """The incidents that the next message tells, for this caller alone until its lease runs out; none when all is told.

    They are of one kind and either all open or all over: fifty events that died together are one message.
    """
    due = SyncState.value["due"].astext  # type: ignore[index]
    ready: list[ColumnElement[bool]] = [
        col(SyncState.key).startswith(_PREFIX, autoescape=True),
        due.is_not(None),
        cast(due, timestamptz()) <= now,
    ]
    order = (cast(due, timestamptz()), col(SyncState.key))
    rows = await session.scalars(
        select(SyncState).where(*ready).order_by(*order).with_for_update(skip_locked=True)
    )
    found = [(row, _read(row)) for row in rows]
    alike = [(row, one) for row, one in found if _sort(one) == _sort(found[0][1])][:_MESSAGE_MAX]
    for row, incident in alike:
        _write(row, replace(incident, due=now + LEASE))
    return [incident for _, incident in alike]


async def note_message(
    session: AsyncSession, sent: Sequence[Incident], now: datetime, *, delivered: bool
) -> None:
    """Remember that a message about these incidents, as they were then, was delivered, or that it reached nobody."""
    then = {key_of(incident.name): incident for incident in sent}
    for row in await _locked(session, [incident.name for incident in sent]):
        incident = _read(row)
        left = incident.delivered(then[row.key], now) if delivered else incident.refused(now)
        if left is None:
            await session.delete(row)
        else:
            _write(row, left)


def _sort(incident: Incident) -> tuple[str, bool]:
    return incident.kind, incident.until is None


async def _locked(session: AsyncSession, names: Sequence[str]) -> list[SyncState]:
    """The rows of those incidents, locked in one order."""
    query = (
        select(SyncState)
        .where(col(SyncState.key).in_([key_of(name) for name in names]))
        .order_by(SyncState.key)
    )
    return list(
        await session.scalars(
            query.with_for_update(), execution_options={"populate_existing": True}
        )
    )


def _columns(incident: Incident) -> dict[str, Any]:
    # Facts as pairs: jsonb forgets the order of keys.
    value = asdict(incident) | {"level": incident.level.value, "facts": [*incident.facts.items()]}
    since = value.pop("since")
    moments = {
        name: value[name].isoformat() if value[name] is not None else None
        for name in ("until", "due")
    }
    return {"value": value | moments, "moment": since}


def _write(row: SyncState, incident: Incident) -> None:
    columns = _columns(incident)
    row.value, row.moment = columns["value"], columns["moment"]


def _read(row: SyncState) -> Incident:
    """An incident; one that was remembered before messages waited in the row had been told at once."""
    value = row.value or {}
    name = str(value.get("name", row.key.removeprefix(_PREFIX)))
    until, due = value.get("until"), value.get("due")
    return Incident(
        name=name,
        level=Level(value.get("level", Level.ERROR)),
        title=str(value.get("title", name)),
        since=row.moment or row.updated_at,
        facts=dict(value.get("facts", ())),
        until=datetime.fromisoformat(until) if until is not None else None,
        told=bool(value.get("told", True)),
        due=datetime.fromisoformat(due) if due is not None else None,
        tries=int(value.get("tries", 0)),
    )
