"""The migration that a database is at."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def revision_of(session: AsyncSession) -> str | None:
    """The migration that the database is at; None for an empty database."""
    there = await session.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    if not there:
        return None
    found: str | None = await session.scalar(text("SELECT version_num FROM alembic_version"))
    return found
