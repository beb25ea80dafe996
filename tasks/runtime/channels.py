"""The configured channels: read with what the last cycle stored, and copied into the database."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from models.postgres.engine import Sessions
from models.production.config import channel_productions, check_block
from models.rules.channels import Channel, ChannelFolder, read_channels, read_channels_in_force
from models.tables.reference_data import record_channels
from models.tables.sync_state import CHANNELS, get_value, record_daily_budget


async def channels_in_force(folder: Path, sessions: Sessions) -> ChannelFolder:
    """The channels of a folder, and the faults of wrong files.

    A wrong file is replaced by its last good text, which the database stores.

    Raises:
        ChannelConfigError: when no channel is usable.
    """
    found = read_channels(folder, check=check_block)
    if not found.faults:
        return found.usable()
    async with sessions() as session:
        known = await get_value(session, CHANNELS)
    return read_channels_in_force(folder, known, check=check_block)


async def store_channels(
    sessions: Sessions, channels: Mapping[str, Channel], daily_budget: Decimal | None
) -> None:
    """Store which channels are configured, who makes their videos, and what a day may cost.

    The database refuses tasks of any other channel, and gives out tasks within these limits.
    """
    async with sessions.begin() as session:
        await record_channels(session, channels, channel_productions(channels))
        await record_daily_budget(session, daily_budget)
