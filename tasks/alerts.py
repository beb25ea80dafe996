"""Telling a human, once per incident: to the log always, and through Apprise to whatever ALERT_URLS names."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import apprise
import structlog

from models.incidents import key_of as _key
from models.sync_state import forget, remember_once
from tasks.connections import Connections

log = structlog.get_logger("showrunner.alerts")


class Level(StrEnum):
    """How urgent an alert is: CRITICAL stops the sync (token, database), ERROR concerns one card or event."""

    CRITICAL = "CRITICAL"
    ERROR = "ERROR"


_APPRISE = {Level.CRITICAL: apprise.NotifyType.FAILURE, Level.ERROR: apprise.NotifyType.WARNING}


async def send_alert(on: Connections, level: Level, incident: str, title: str, context: Mapping[str, Any]) -> bool:
    """Say that something needs a human, unless that was said already and is not over.

    Args:
        level: how urgent.
        incident: what makes it the same incident next time, e.g. `notion_auth`.
        title: one sentence.
        context: ids and facts, never a token or a card's text.

    Returns:
        Whether this is news.
    """
    async with on.sessions.begin() as session:
        news = await remember_once(session, _key(incident), value={"level": level.value, "title": title})
    if news:
        log.error("alert", level_of_alert=level.value, incident=incident, title=title, **context)
        facts = "\n".join(f"{name}: {value}" for name, value in context.items())
        await _notify(on, f"[{level}] Showrunner: {title}", facts, _APPRISE[level])
    return news


async def resolve_alert(on: Connections, *incidents: str) -> bool:
    """Say of each of these incidents that it is over, if there was one; whether there was any. One transaction."""
    async with on.sessions.begin() as session:
        over = [incident for incident in incidents if await forget(session, _key(incident))]
    for incident in over:
        log.info("alert_over", incident=incident)
        await _notify(on, f"[OVER] Showrunner: {incident}", "", apprise.NotifyType.SUCCESS)
    return bool(over)


async def _notify(on: Connections, title: str, body: str, kind: apprise.NotifyType) -> None:
    if not on.settings.alert_urls:
        return
    sender = apprise.Apprise()
    sender.add(list(on.settings.alert_urls))
    # Apprise's asynchronous sender shares our loop; its plug-ins are blocking inside, so a thread keeps the loop free.
    if not await asyncio.to_thread(sender.notify, title=title, body=body or title, notify_type=kind):
        log.error("alert_not_delivered", title=title)
