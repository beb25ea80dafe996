"""Keeping the table of configured channels as the channel folder is."""

from __future__ import annotations

from collections.abc import Collection

from models.postgres.engine import Sessions
from models.tables.reference_data import note_channels


async def store_channels(sessions: Sessions, channels: Collection[str]) -> None:
    """Let the database know which channels are configured: it takes tasks of no others."""
    async with sessions.begin() as session:
        await note_channels(session, channels)
