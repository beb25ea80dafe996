"""The configured channels: read with what the last cycle stored, and copied into their table."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from models.postgres.engine import Sessions
from models.rules.channels import ChannelFolder, read_channels, read_channels_in_force
from models.tables.reference_data import record_channels
from models.tables.sync_state import CHANNELS, get_value


async def channels_in_force(folder: Path, sessions: Sessions) -> ChannelFolder:
    """The channels of a folder, and the faults of wrong files.

    A wrong file is replaced by its last good text, which the database stores.

    Raises:
        ChannelConfigError: when no channel is usable.
    """
    found = read_channels(folder)
    if not found.faults:
        return found.usable()
    async with sessions() as session:
        known = await get_value(session, CHANNELS)
    return read_channels_in_force(folder, known)


async def store_channels(sessions: Sessions, channels: Collection[str]) -> None:
    """Store which channels are configured; the database refuses tasks of any other."""
    async with sessions.begin() as session:
        await record_channels(session, channels)
