"""The migrations there are, and the one that a database is at."""

from __future__ import annotations

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.postgres.engine import MIGRATIONS


def revisions() -> list[str]:
    """Our migrations, the oldest first; the last one is the head."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][
        ::-1
    ]


async def revision_of(session: AsyncSession) -> str | None:
    """The migration that the database is at; None for an empty database."""
    there = await session.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    if not there:
        return None
    found: str | None = await session.scalar(text("SELECT version_num FROM alembic_version"))
    return found
