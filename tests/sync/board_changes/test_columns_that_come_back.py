"""A property that users delete and bring back: its values are read, and what is due is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kit.stage import Stage
from notion_sandbox.values.dates import DateValue

from models.rules.statuses import Priority
from tasks.board.followed import READ_AGAIN_AFTER, refreshed_board
from tasks.runtime.report import Report
from tasks.sync.push.all_cards import push_pending
from tasks.sync.store import SyncContext
from tasks.sync.sweep import reprocess_remembered


def _take_away(stage: Stage, name: str) -> tuple[str, object]:
    """People delete a column; Notion keeps what it held."""
    source = stage.sandbox.state.sources[stage.data_source_id]
    key, prop = next((key, prop) for key, prop in source.schema.items() if prop.name == name)
    source.schema = {other: kept for other, kept in source.schema.items() if other != key}
    return key, prop


def _bring_back(stage: Stage, column: tuple[str, object], values: dict[str, object]) -> None:
    """People restore it, with the values that its cards had; no card counts as edited."""
    key, prop = column
    state = stage.sandbox.state
    source = state.sources[stage.data_source_id]
    source.schema = {**source.schema, key: prop}
    for page_id, value in values.items():
        page = state.pages[page_id]
        state.put_page(replace(page, values={**page.values, key: value}))


async def test_what_is_due_is_written_when_its_column_is_back_although_no_webhook_says_so(
    stage: Stage,
) -> None:
    await stage.cycle()
    column = _take_away(stage, "Attention")
    page = await stage.add_valid(topic="")
    stage.clock.pass_(120)
    await stage.cycle()
    _bring_back(stage, column, {})
    stage.clock.pass_(READ_AGAIN_AFTER.total_seconds() + 1)
    await stage.cycle()
    assert (await stage.shows(page))["Attention"] == "Topic is empty."


async def test_a_board_that_lacks_a_column_costs_an_idle_cycle_no_request_but_one_an_hour(
    stage: Stage,
) -> None:
    await stage.cycle()
    _take_away(stage, "Attention")
    await stage.add_valid(topic="")
    stage.clock.pass_(120)
    await stage.cycle()
    async with stage.requests() as made:
        for _ in range(55):
            stage.clock.pass_(60)
            await stage.cycle()
        assert sum("GET" in request for request in made()) <= 1


async def test_values_that_come_back_with_their_column_are_read(stage: Stage) -> None:
    page = await stage.add_valid()
    other = await stage.add_valid()
    column = _take_away(stage, "Created")
    await stage.cycle()
    stage.clock.pass_(600)
    _bring_back(stage, column, {page: DateValue(start="2020-02-20T20:20:00Z")})
    for status in ("Processing", "Assets Generating"):
        await stage.moves(other, status)
        stage.clock.pass_(READ_AGAIN_AFTER.total_seconds() + 1)
        await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    shown = datetime.fromisoformat((await stage.shows(page))["Created"])
    assert shown.astimezone(UTC) == task.created_at.replace(second=0, microsecond=0)


async def test_a_priority_that_comes_back_is_read_before_it_is_written_over(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    column = _take_away(stage, "Priority")
    await stage.cycle()
    option = next(one for one in column[1].options if one.name == "High")  # type: ignore[attr-defined]
    _bring_back(stage, column, {page: option.id})
    board = await refreshed_board(stage.ctx)
    later = stage.clock() + timedelta(minutes=1)
    sync = SyncContext(board=board, bot_ids=(), correlation_id=None)
    await push_pending(stage.ctx, sync, Report(), until=later)
    await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert task.priority == Priority.HIGH
    assert (await stage.shows(page))["Priority"] == "High"


async def test_a_card_processed_again_while_its_priority_is_away_keeps_it(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued", priority="Low")
    await stage.cycle()
    column = _take_away(stage, "Priority")
    await stage.edit(page, title="Read without Priority")
    stage.clock.pass_(120)
    await stage.cycle()
    board = await refreshed_board(stage.ctx)
    sync = SyncContext(board=board, bot_ids=(), correlation_id=None)
    await reprocess_remembered(stage.ctx, sync, [await stage.card(page)], Report())
    card, task = await stage.card(page), await stage.task(page)
    assert task is not None
    assert (card.rejection, task.priority) == ("", Priority.LOW)
    await stage.sql("UPDATE tasks SET priority = 'high'")
    option = next(one for one in column[1].options if one.name == "Low")  # type: ignore[attr-defined]
    _bring_back(stage, column, {page: option.id})
    stage.clock.pass_(READ_AGAIN_AFTER.total_seconds() + 1)
    await stage.cycle()
    assert (await stage.shows(page))["Priority"] == "High"
    assert [row.property for row in await stage.history(page) if row.lost_value is not None] == []


async def test_a_priority_that_comes_back_is_read_though_nothing_is_due_and_no_webhook_says_so(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    column = _take_away(stage, "Priority")
    await refreshed_board(stage.ctx)
    stage.clock.pass_(120)
    await stage.cycle()
    option = next(one for one in column[1].options if one.name == "High")  # type: ignore[attr-defined]
    _bring_back(stage, column, {page: option.id})
    for _ in range(2):
        stage.clock.pass_(READ_AGAIN_AFTER.total_seconds() + 1)
        await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert task.priority == Priority.HIGH
