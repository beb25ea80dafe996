"""Alert about a card that fails repeatedly."""

from __future__ import annotations

from models.tables.incidents import IncidentKind
from tasks.alerts import Level, send_alert
from tasks.runtime.context import Context

FAILING = 5
"""Writes or reads of one card that fail in a row before it is alerted."""


async def alert_failing(ctx: Context, page_id: str, attempts: int, title: str, error: str) -> None:
    """Alert about a card once it has failed `FAILING` times in a row."""
    if attempts >= FAILING:
        incident = IncidentKind.CARD_FAILING.about(page_id)
        await send_alert(ctx, Level.ERROR, incident, title, {"page": page_id, "error": error})
