"""Alert a human once when an incident begins and once when it ends: in the log and at ALERT_URLS.

`send_alert` only stores and logs the incident, so that no cycle waits for a receiver.
`deliver_alerts` sends what is stored, at the end of every run and in every watchdog, until a
receiver accepted it. While the database is away, this process keeps incidents in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, Protocol

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import get_contextvars

from models.errors import DatabaseStoresNothing, DatabaseUnavailable
from models.operations.outages import innermost, sqlstate_of, stores_nothing
from models.operations.resolved import recovered
from models.postgres.engine import Sessions
from models.settings import Settings
from models.tables.incidents import (
    Incident,
    Level,
    adopt,
    end_incidents,
    lease_message,
    open_incident,
    record_message,
)
from tasks.alert_receivers import send_to_receivers

__all__ = [
    "AWAY",
    "AlertConnections",
    "Level",
    "database",
    "deliver_alerts",
    "end_recovered",
    "reason",
    "resolve_alert",
    "send_alert",
    "send_alerts",
]

log = structlog.get_logger("showrunner.alerts")

DATABASE_SECONDS: Final = 10.0
"""Seconds PostgreSQL may take before an incident is kept in memory instead."""
AWAY: Final = (OperationalError, InterfaceError, NoConnectionFree, OSError, DatabaseUnavailable)
"""Raised when PostgreSQL does not answer, or refuses writes. A time-out is an OSError."""
_FACT_MAX: Final = 500
_MESSAGES_AT_ONCE: Final = 20


class AlertConnections(Protocol):
    """What alerts need of a process.

    Attributes:
        unstored: incidents by name that could not be stored yet, because the database is away.
    """

    settings: Settings
    sessions: Sessions
    clock: Callable[[], datetime]
    unstored: dict[str, Incident]


async def send_alert(
    ctx: AlertConnections, level: Level, incident: str, title: str, context: Mapping[str, Any]
) -> bool:
    """Record that something needs a human, unless that incident is open already.

    Sends nothing and never fails.

    Args:
        level: how urgent.
        incident: the incident's name, the same the next time, e.g. `notion_auth`.
        title: one sentence.
        context: ids and facts, never a token or a card's text. The key "what to do" replaces the
            cure that its kind has.

    Returns:
        Whether the incident is new.
    """
    return bool(await send_alerts(ctx, level, title, {incident: context}))


async def send_alerts(
    ctx: AlertConnections, level: Level, title: str, lot: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Record incidents that began together, with one log line and one message for all.

    Args:
        title: one sentence that is true of each.
        lot: the context of each, by incident.

    Returns:
        The names of the new ones.
    """
    if not lot:
        return []
    now = ctx.clock()
    incidents = [_incident(name, level, title, context, now) for name, context in lot.items()]
    try:
        async with _transaction(ctx) as session:
            news = [each.name for each in incidents if await open_incident(session, each)]
    except AWAY as error:
        news = [each.name for each in incidents if _keep_in_memory(ctx, each)]
        if news:
            failed = reason(error)
            log.warning("incident_not_stored", incident=news[0], count=len(news), error=failed)
    if news:
        _log_alert(level, title, news, lot[news[0]])
    return news


def _log_alert(level: Level, title: str, names: list[str], context: Mapping[str, Any]) -> None:
    write = log.critical if level is Level.CRITICAL else log.error
    facts = dict(context)
    if len(names) > 1:
        facts["count"] = len(names)
    write("alert", level_of_alert=level.value, incident=names[0], title=title, **facts)


def _incident(
    name: str, level: Level, title: str, context: Mapping[str, Any], now: datetime
) -> Incident:
    facts = {key.replace("_", " "): str(value)[:_FACT_MAX] for key, value in context.items()}
    bound = get_contextvars()
    if "correlation_id" in bound:
        facts["correlation id"] = str(bound["correlation_id"])
    return Incident(
        name=name, level=level, title=title[:_FACT_MAX], since=now, facts=facts, due=now
    )


def _keep_in_memory(ctx: AlertConnections, incident: Incident) -> bool:
    """Keep an incident until the database is back; False when it is open already."""
    before = ctx.unstored.get(incident.name)
    if before is None:
        ctx.unstored[incident.name] = incident
        return True
    if before.until is None:
        return False
    ctx.unstored[incident.name] = before.goes_on(incident.since)
    return True


async def resolve_alert(ctx: AlertConnections, *incidents: str) -> bool:
    """Record that these incidents are over. Never fails.

    Returns:
        Whether any of them was open.
    """
    if not incidents:
        return False
    now = ctx.clock()
    try:
        async with _transaction(ctx) as session:
            over = await end_incidents(session, incidents, now)
    except AWAY as error:
        log.warning("incident_end_not_stored", incidents=incidents, error=reason(error))
        kept = [ctx.unstored[name] for name in incidents if name in ctx.unstored]
        over = [incident.ended(now) for incident in kept if incident.until is None]
        ctx.unstored.update({incident.name: incident for incident in over})
    for incident in over:
        log.info("alert_over", incident=incident.name)
    return bool(over)


async def end_recovered(ctx: AlertConnections) -> None:
    """Resolve the incidents whose card, event or task has recovered."""
    async with database(ctx) as session:
        names = await recovered(session)
    await resolve_alert(ctx, *names)


async def deliver_alerts(ctx: AlertConnections) -> None:
    """Send the messages that are due. Never fails.

    A message that no receiver accepts is repeated later.
    """
    try:
        for _ in range(_MESSAGES_AT_ONCE):
            if not await _deliver_next(ctx):
                return
    except AWAY:
        await _deliver_unstored(ctx)
    except Exception:
        # A boundary: a fault in alerting must not stop the sync.
        log.exception("alerts_not_delivered")


async def _deliver_next(ctx: AlertConnections) -> bool:
    """Send the next due message; False when there is none, or it reached no receiver."""
    async with _transaction(ctx) as session:
        incidents = await lease_message(session, ctx.clock())
    if not incidents:
        return False
    delivered = await send_to_receivers(ctx.settings.alert_urls, incidents)
    async with database(ctx) as session:
        await record_message(session, incidents, ctx.clock(), delivered=delivered)
    return delivered


async def _deliver_unstored(ctx: AlertConnections) -> None:
    for incident in list(ctx.unstored.values()):
        if incident.due is None or incident.due > ctx.clock():
            continue
        left: Incident | None
        if await send_to_receivers(ctx.settings.alert_urls, [incident]):
            left = incident.delivered(incident, ctx.clock())
        else:
            left = incident.refused(ctx.clock())
        if left is None:
            del ctx.unstored[incident.name]
        else:
            ctx.unstored[incident.name] = left


@asynccontextmanager
async def _transaction(ctx: AlertConnections) -> AsyncIterator[AsyncSession]:
    """A transaction that begins by storing the incidents kept in memory."""
    kept = list(ctx.unstored.values())
    async with database(ctx) as session:
        for incident in kept:
            await adopt(session, incident)
        yield session
    for incident in kept:
        if ctx.unstored.get(incident.name) is incident:
            del ctx.unstored[incident.name]


@asynccontextmanager
async def database(ctx: AlertConnections) -> AsyncIterator[AsyncSession]:
    """A transaction that fails fast when the database does not answer.

    Raises:
        DatabaseStoresNothing: it answers and is read-only, its disk full, or the like.
        AWAY: it does not answer.
    """
    try:
        async with asyncio.timeout(DATABASE_SECONDS), ctx.sessions.begin() as session:
            yield session
    except DBAPIError as error:
        sqlstate = sqlstate_of(error)
        why = stores_nothing(sqlstate)
        if why is None:
            raise
        raise DatabaseStoresNothing(why, sqlstate=str(sqlstate)) from error


def reason(error: BaseException) -> str:
    """The class of the innermost error; its text could hold a part of the URL."""
    return type(innermost(error)).__name__
