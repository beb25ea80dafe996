"""Telling a human, once per incident and once when it is over: to the log at once, and through Apprise to ALERT_URLS.

`send_alert` only remembers and logs, so that no cycle waits for a receiver. What is remembered is told by
`deliver_alerts`, at the end of every run and by every watch, and again until somebody took it. While the database is
away, this process remembers by itself.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, Final, Protocol

import apprise
import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import get_contextvars

from models.errors import DatabaseStoresNothing, DatabaseUnavailable
from models.operations.alert_texts import message
from models.operations.outages import stores_nothing
from models.operations.resolved import recovered
from models.postgres.engine import Sessions
from models.settings import Settings
from models.tables.incidents import (
    Incident,
    Level,
    adopt,
    claim_message,
    end_incidents,
    note_message,
    open_incident,
)

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

# It repeats an address that it cannot read, and most of an address is a secret. What came of it we
# say ourselves.
logging.getLogger("apprise").addFilter(lambda _record: False)

DATABASE_SECONDS: Final = 10.0
"""How long PostgreSQL may take before an incident is remembered without it."""
DELIVERY_SECONDS: Final = 10.0
"""How long a receiver may take; what takes longer is tried again later."""
AWAY: Final = (OperationalError, InterfaceError, NoConnectionFree, OSError, DatabaseUnavailable)
"""What is raised when PostgreSQL does not answer, or stores nothing; a time-out is an OSError."""
_FACT_MAX: Final = 500
_MESSAGES_AT_ONCE: Final = 20
_KINDS: Final = {
    Level.CRITICAL: apprise.NotifyType.FAILURE,
    Level.ERROR: apprise.NotifyType.WARNING,
}


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
    """Say that something needs a human, unless that was said already and is not over.

    Sends nothing and never fails.

    Args:
        level: how urgent.
        incident: what makes it the same incident next time, e.g. `notion_auth`.
        title: one sentence.
        context: ids and facts, never a token or a card's text; "what to do", when its kind does not
            say it best.

    Returns:
        Whether this is news.
    """
    return bool(await send_alerts(ctx, level, title, {incident: context}))


async def send_alerts(
    ctx: AlertConnections, level: Level, title: str, lot: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Say of incidents that began together what `send_alert` says of one: in one log line and one message.

    Args:
        title: one sentence that is true of each.
        lot: the context of each, by incident.

    Returns:
        Those that are news.
    """
    if not lot:
        return []
    now = ctx.clock()
    all_seen = [_seen(incident, level, title, context, now) for incident, context in lot.items()]
    try:
        async with _remembering(ctx) as session:
            news = [seen.name for seen in all_seen if await open_incident(session, seen)]
    except AWAY as error:
        news = [seen.name for seen in all_seen if _hold(ctx, seen)]
        if news:
            log.warning(
                "incident_not_stored", incident=news[0], count=len(news), error=reason(error)
            )
    if news:
        write = log.critical if level is Level.CRITICAL else log.error
        more = {"count": len(news)} if len(news) > 1 else {}
        write(
            "alert",
            level_of_alert=level.value,
            incident=news[0],
            title=title,
            **lot[news[0]],
            **more,
        )
    return news


def _seen(
    incident: str, level: Level, title: str, context: Mapping[str, Any], now: datetime
) -> Incident:
    facts = {name.replace("_", " "): str(value)[:_FACT_MAX] for name, value in context.items()}
    if "correlation_id" in (bound := get_contextvars()):
        facts["correlation id"] = str(bound["correlation_id"])
    return Incident(
        name=incident, level=level, title=title[:_FACT_MAX], since=now, facts=facts, due=now
    )


def _hold(ctx: AlertConnections, seen: Incident) -> bool:
    """Remember an incident without the database; False when it is open already."""
    before = ctx.unstored.get(seen.name)
    if before is not None and before.until is None:
        return False
    ctx.unstored[seen.name] = before.goes_on(seen.since) if before is not None else seen
    return True


async def resolve_alert(ctx: AlertConnections, *incidents: str) -> bool:
    """Say of each of these incidents that it is over, if there was one; whether there was any.

    Never fails.
    """
    if not incidents:
        return False
    now = ctx.clock()
    try:
        async with _remembering(ctx) as session:
            over = await end_incidents(session, incidents, now)
    except AWAY as error:
        log.warning("incident_end_not_stored", incidents=incidents, error=reason(error))
        held = [ctx.unstored[name] for name in incidents if name in ctx.unstored]
        over = [incident.ended(now) for incident in held if incident.until is None]
        ctx.unstored.update({incident.name: incident for incident in over})
    for incident in over:
        log.info("alert_over", incident=incident.name)
    return bool(over)


async def end_recovered(ctx: AlertConnections) -> None:
    """Say of the incidents about one card or event that they are over, where its row says so."""
    async with database(ctx) as session:
        names = await recovered(session)
    await resolve_alert(ctx, *names)


async def deliver_alerts(ctx: AlertConnections) -> None:
    """Tell what is waiting to be told; what reaches nobody waits for its next try. Never fails."""
    try:
        for _ in range(_MESSAGES_AT_ONCE):
            async with _remembering(ctx) as session:
                incidents = await claim_message(session, ctx.clock())
            if not incidents:
                return
            delivered = await _tell(ctx, incidents)
            async with database(ctx) as session:
                await note_message(session, incidents, ctx.clock(), delivered=delivered)
            if not delivered:
                return
    except AWAY:
        await _tell_unstored(ctx)
    except Exception:
        # The border of all that is said about trouble: it must not become trouble.
        log.exception("alerts_not_delivered")


async def _tell_unstored(ctx: AlertConnections) -> None:
    for incident in list(ctx.unstored.values()):
        if incident.due is None or incident.due > ctx.clock():
            continue
        delivered = await _tell(ctx, [incident])
        left = (
            incident.delivered(incident, ctx.clock())
            if delivered
            else incident.refused(ctx.clock())
        )
        if left is None:
            del ctx.unstored[incident.name]
        else:
            ctx.unstored[incident.name] = left


@asynccontextmanager
async def _remembering(ctx: AlertConnections) -> AsyncIterator[AsyncSession]:
    """A transaction that begins by storing what could not be stored before."""
    held = list(ctx.unstored.values())
    async with database(ctx) as session:
        for incident in held:
            await adopt(session, incident)
        yield session
    for incident in held:
        if ctx.unstored.get(incident.name) is incident:
            del ctx.unstored[incident.name]


@asynccontextmanager
async def database(ctx: AlertConnections) -> AsyncIterator[AsyncSession]:
    """A transaction that does not wait for a database that does not answer.

    Raises:
        DatabaseStoresNothing: it answers and is read-only, its disk full, or the like.
        AWAY: it does not answer.
    """
    try:
        async with asyncio.timeout(DATABASE_SECONDS), ctx.sessions.begin() as session:
            yield session
    except DBAPIError as error:
        sqlstate = getattr(error.orig, "sqlstate", None)
        why = stores_nothing(sqlstate)
        if why is None:
            raise
        raise DatabaseStoresNothing(why, sqlstate=str(sqlstate)) from error


def reason(error: BaseException) -> str:
    """The name of what went wrong underneath; its text could hold a piece of the URL."""
    inner = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return type(inner).__name__


async def _tell(ctx: AlertConnections, incidents: Sequence[Incident]) -> bool:
    """Send one message to every receiver; whether one of them took it, or there is none to be told."""
    urls = ctx.settings.alert_urls
    if not urls:
        return True
    title, body = message(incidents)
    kind = _KINDS[incidents[0].level] if incidents[0].until is None else apprise.NotifyType.SUCCESS
    sending = [asyncio.create_task(_notify(url, title, body, kind)) for url in urls]
    done, late = await asyncio.wait(sending, timeout=DELIVERY_SECONDS)
    for task in late:
        task.cancel()
    took = [task in done and task.result() for task in sending]
    for number, (url, taken) in enumerate(zip(urls, took, strict=True), start=1):
        if not taken:
            # The rest of the URL is a secret.
            receiver = f"{number}: {url.partition(':')[0]}"
            log.error(
                "alert_not_delivered",
                receiver=receiver,
                incidents=[incident.name for incident in incidents],
            )
    return any(took)


async def _notify(url: str, title: str, body: str, kind: apprise.NotifyType) -> bool:
    """Whether the receiver took it.

    In a thread that nobody waits for: Apprise blocks, and some of it for ever.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[bool] = loop.create_future()

    def report(taken: bool) -> None:  # noqa: FBT001 - a callback's only argument
        if not outcome.done():
            outcome.set_result(taken)

    def work() -> None:
        sender = apprise.Apprise()
        try:
            taken = bool(sender.add(url)) and bool(
                sender.notify(title=title, body=body, notify_type=kind)
            )
        except Exception as error:  # noqa: BLE001 - a plug-in's failure is a receiver that did not take it
            log.warning("alert_receiver_failed", error=type(error).__name__)
            taken = False
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(report, taken)

    threading.Thread(target=work, name="showrunner-alert", daemon=True).start()
    return await outcome
