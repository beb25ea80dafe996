"""Incidents: what a human was told and is not over yet, kept in `sync_state` under their names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.sync_state import SyncState

_PREFIX = "incident:"
_KEY_MAX = 100
"""Characters, as `sync_state.key` has them."""


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One that is not over.

    Attributes:
        name: what makes it the same incident next time, e.g. `notion_auth`.
        level: CRITICAL or ERROR.
        title: the sentence that was told.
        since: when it was told.
    """

    name: str
    level: str
    title: str
    since: datetime


def key_of(incident: str) -> str:
    """Where an incident is remembered."""
    return f"{_PREFIX}{incident}"[:_KEY_MAX]


async def open_incidents(session: AsyncSession, beginning: str = "") -> list[Incident]:
    """Those whose name begins so, the oldest first. A name of more than 91 characters is cut."""
    known = col(SyncState.key).startswith(_PREFIX + beginning, autoescape=True)
    rows = await session.scalars(select(SyncState).where(known).order_by(col(SyncState.updated_at)))
    return [_read(row) for row in rows]


def _read(row: SyncState) -> Incident:
    told = row.value or {}
    name = row.key.removeprefix(_PREFIX)
    level, title = str(told.get("level", "ERROR")), str(told.get("title", name))
    return Incident(name=name, level=level, title=title, since=row.updated_at)
