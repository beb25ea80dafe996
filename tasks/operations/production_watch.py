"""Alerts about production: dead workers, steps that are stuck, budgets that are reached."""

from __future__ import annotations

from collections.abc import Sequence

from models.operations.production import KINDS, troubles
from models.tables.incidents import Incident
from tasks.alerts import AlertConnections, Level, database, resolve_alert, send_alert


async def watch_production(ctx: AlertConnections, known: Sequence[Incident]) -> None:
    """Open an incident for each trouble, and end those that are over.

    Args:
        known: the open incidents.
    """
    async with database(ctx) as session:
        found = {one.name: one for one in await troubles(session, ctx.clock())}
    opened = {incident.name for incident in known if incident.kind in KINDS}
    await resolve_alert(ctx, *sorted(opened - found.keys()))
    for name in sorted(found.keys() - opened):
        await send_alert(ctx, Level.ERROR, name, found[name].title, found[name].facts)
