"""Send a message to the receivers in ALERT_URLS through Apprise."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import apprise
import structlog

from models.operations.alert_texts import message
from models.tables.incidents import Incident, Level

log = structlog.get_logger("showrunner.alerts")

# Apprise logs an address that it cannot parse, and most of an address is secret. The result of each
# delivery is logged here instead.
logging.getLogger("apprise").addFilter(lambda _record: False)

DELIVERY_SECONDS: Final = 10.0
"""Seconds a receiver may take; a slower delivery is repeated later."""
_KINDS: Final = {
    Level.CRITICAL: apprise.NotifyType.FAILURE,
    Level.ERROR: apprise.NotifyType.WARNING,
}


async def send_to_receivers(urls: Sequence[str], incidents: Sequence[Incident]) -> bool:
    """Send one message about these incidents to every receiver.

    Returns:
        Whether at least one receiver accepted it, or none is configured.
    """
    if not urls:
        return True
    title, body = message(incidents)
    kind = apprise.NotifyType.SUCCESS
    if incidents[0].until is None:
        kind = _KINDS[incidents[0].level]
    sending = [asyncio.create_task(_notify(url, title, body, kind)) for url in urls]
    done, late = await asyncio.wait(sending, timeout=DELIVERY_SECONDS)
    for task in late:
        task.cancel()
    accepted = [task in done and task.result() for task in sending]
    for number, (url, taken) in enumerate(zip(urls, accepted, strict=True), start=1):
        if not taken:
            # Log the scheme only: the rest of the URL is a secret.
            log.error(
                "alert_not_delivered",
                receiver=f"{number}: {url.partition(':')[0]}",
                incidents=[incident.name for incident in incidents],
            )
    return any(accepted)


async def _notify(url: str, title: str, body: str, kind: apprise.NotifyType) -> bool:
    """Whether the receiver accepted the message.

    Runs in a daemon thread that is never joined: Apprise blocks, sometimes without an end.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[bool] = loop.create_future()

    def report(taken: bool) -> None:  # noqa: FBT001 - a callback's only argument
        if not outcome.done():
            outcome.set_result(taken)

    def send() -> None:
        taken = _send(url, title, body, kind)
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(report, taken)

    threading.Thread(target=send, name="showrunner-alert", daemon=True).start()
    return await outcome


def _send(url: str, title: str, body: str, kind: apprise.NotifyType) -> bool:
    sender = apprise.Apprise()
    try:
        if not sender.add(url):
            return False
        return bool(sender.notify(title=title, body=body, notify_type=kind))
    except Exception as error:  # noqa: BLE001 - whatever a plug-in raises, it did not deliver
        log.warning("alert_receiver_failed", error=type(error).__name__)
        return False
