"""Copy the configured channels into their table."""

from __future__ import annotations

from collections.abc import Collection

from models.postgres.engine import Sessions
from models.tables.reference_data import note_channels


async def store_channels(sessions: Sessions, channels: Collection[str]) -> None:
    """Store which channels are configured; the database refuses tasks of any other."""
    async with sessions.begin() as session:
        await note_channels(session, channels)
