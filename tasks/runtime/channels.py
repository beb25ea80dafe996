"""Copy the configured channels, and the budget of the day, into the database."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from models.postgres.engine import Sessions
from models.production.config import channel_productions
from models.rules.channels import Channel
from models.tables.reference_data import record_channels
from models.tables.sync_state import record_daily_budget


async def store_channels(
    sessions: Sessions, channels: Mapping[str, Channel], daily_budget: Decimal | None
) -> None:
    """Store which channels are configured, who makes their videos, and what a day may cost.

    The database refuses tasks of any other channel, and gives out tasks within these limits.
    """
    async with sessions.begin() as session:
        await record_channels(session, channels, channel_productions(channels))
        await record_daily_budget(session, daily_budget)
