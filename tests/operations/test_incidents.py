"""When an incident ends: a run must have shown it, or the same alert would repeat every minute."""

from __future__ import annotations

import pytest
from kit.stage import Stage

from flows.runs.context import recorded
from models.errors import NotionAuthError, NotionForbidden
from models.tables.incidents import IncidentRow


async def fails(stage: Stage, kind: str, error: Exception) -> None:
    with pytest.raises(type(error)):
        async with recorded(kind, stage.ctx):
            raise error


async def works(stage: Stage, kind: str, *, asks: bool) -> None:
    async with recorded(kind, stage.ctx) as run:
        if asks:
            await run.ctx.notion.me()


async def is_open(stage: Stage, incident: str) -> bool:
    async with stage.sessions() as session:
        return await session.get(IncidentRow, incident) is not None


async def test_a_run_that_asked_notion_nothing_shows_nothing_to_be_over(stage: Stage) -> None:
    await fails(stage, "push", NotionAuthError("wrong token"))
    for kind in ("push", "ingest", "retention"):
        await works(stage, kind, asks=False)
    assert await is_open(stage, "notion_auth")
    await works(stage, "push", asks=True)
    assert not await is_open(stage, "notion_auth")


async def test_only_a_push_which_may_write_ends_that_nothing_may_be_written(stage: Stage) -> None:
    await fails(stage, "push", NotionForbidden("no writing"))
    await works(stage, "ingest", asks=True)
    assert await is_open(stage, "notion_auth")
    await works(stage, "push", asks=True)
    assert not await is_open(stage, "notion_auth")
