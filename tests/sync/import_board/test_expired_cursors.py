"""Notion forgets where a list was: it is read on, or from its beginning, and never ends a run."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from kit.stage import Stage
from sqlalchemy import text

from models.errors import NotionUnavailable
from tasks.board.followed import followed_board
from tasks.sync.fetch import query_recent

FORGOTTEN = {"object": "error", "status": 400, "code": "validation_error", "request_id": "r"}


def cursors_expire(stage: Stage, times: int) -> list[str]:
    """So many cursors are refused, as Notion refuses them; the list of those that were."""
    refused: list[str] = []

    def alter(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        body: dict[str, Any] = json.loads(request.content or b"{}")
        cursor = body.get("start_cursor") or request.url.params.get("start_cursor")
        if cursor is None or len(refused) >= times:
            return response
        refused.append(cursor)
        message = f"The start_cursor provided is invalid: {cursor}"
        return httpx.Response(400, json={**FORGOTTEN, "message": message})

    assert stage.between is not None
    stage.between.alter = alter
    return refused


async def many(stage: Stage, count: int, *, seconds: int = 0) -> list[str]:
    pages = []
    for n in range(count):
        stage.clock.pass_(seconds)
        pages.append(await stage.add_valid(title=f"Card {n}"))
    return pages


async def tasks(stage: Stage) -> int:
    async with stage.sessions() as session:
        return int(
            (
                await session.execute(text("SELECT count(DISTINCT notion_page_id) FROM tasks"))
            ).scalar_one()
        )


@pytest.mark.parametrize("seconds", [0, 20], ids=["made at once", "made one after the other"])
async def test_an_import_whose_cursor_expires_reads_on_and_misses_nobody(
    stage: Stage, seconds: int
) -> None:
    await many(stage, 230, seconds=seconds)
    refused = cursors_expire(stage, 2)
    report = await stage.cycle()
    assert (len(refused), report.failed, report.trashed) == (2, 0, 0)
    assert await tasks(stage) == 230


async def test_a_sweep_whose_cursor_expires_reads_on(stage: Stage) -> None:
    await stage.cycle()
    stage.clock.pass_(60)
    await many(stage, 130)
    refused = cursors_expire(stage, 1)
    await stage.cycle()
    assert (len(refused), await tasks(stage)) == (1, 130)


async def test_cursors_that_are_refused_for_ever_end_a_run_with_one_clear_sentence(
    stage: Stage,
) -> None:
    await many(stage, 130)
    refused = cursors_expire(stage, 1000)
    with pytest.raises(NotionUnavailable, match=r"3 times over.*start_cursor provided is invalid"):
        await stage.cycle()
    assert len(refused) <= 6


async def test_a_board_with_a_card_a_minute_is_read_even_if_no_cursor_ever_works(
    stage: Stage,
) -> None:
    await many(stage, 130, seconds=60)
    cursors_expire(stage, 1000)
    await stage.cycle()
    assert await tasks(stage) == 130


async def test_a_burst_whose_cursor_expires_is_read_all_the_same(stage: Stage) -> None:
    await stage.cycle()
    pages = await many(stage, 130)
    board = await followed_board(stage.ctx)
    refused = cursors_expire(stage, 1)
    readings = await query_recent(
        stage.ctx, board, pages, since=stage.clock.now - timedelta(minutes=10)
    )
    assert (len(refused), {read.card.page_id for read in readings.cards}) == (1, set(pages))


@pytest.mark.parametrize("times", [1, 2])
async def test_a_list_whose_cursor_expires_is_read_from_its_beginning(
    stage: Stage, times: int
) -> None:
    cursors_expire(stage, times)
    for n in range(105):
        await _database(stage, n)
    blocks = await stage.ctx.notion.child_databases(stage.sandbox.root_page_id)
    assert len({block["id"] for block in blocks}) == len(blocks) == 106


async def test_a_list_that_is_never_read_to_its_end_says_so(stage: Stage) -> None:
    for n in range(105):
        await _database(stage, n)
    refused = cursors_expire(stage, 1000)
    with pytest.raises(NotionUnavailable, match="3 times over"):
        await stage.ctx.notion.child_databases(stage.sandbox.root_page_id)
    assert len(refused) == 3


async def _database(stage: Stage, number: int) -> None:
    await stage.ask(
        "POST",
        "/v1/databases",
        {
            "parent": {"type": "page_id", "page_id": stage.sandbox.root_page_id},
            "title": [{"text": {"content": f"Database {number}"}}],
            "initial_data_source": {"properties": {"Name": {"title": {}}}},
        },
    )
