"""Telling of a card that goes on failing."""

from __future__ import annotations

from tasks.alerts import Level, send_alert
from tasks.runtime.context import Context

FAILING = 5
"""Writes or readings of one card that may fail in a row before somebody is told."""


async def alert_failing(ctx: Context, page_id: str, attempts: int, title: str, error: str) -> None:
    """Tell of a card that has failed that often, if it is often enough."""
    if attempts >= FAILING:
        await send_alert(
            ctx, Level.ERROR, f"card_failing:{page_id}", title, {"page": page_id, "error": error}
        )
