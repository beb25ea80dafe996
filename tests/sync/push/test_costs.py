"""What a change costs in requests, which Notion limits, and in queries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from kit.stage import Stage
from sqlalchemy import event, text

from models.tables.push_queue import PENDING, pending
from models.tables.sync_state import WATERMARK, get_moment
from tasks.board.followed import READ_AGAIN_AFTER, followed_board
from tasks.runtime.card_locks import card_locks
from tasks.sync.push.order import PushOrder

SWEEP = "POST /v1/data_sources/{}/query"


def at_a_slow_pace(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each write take a second of the stage's time: three times as long as the limit allows."""
    write = stage.ctx.notion.update_page

    async def slowly(page_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        stage.clock.pass_(1)
        return await write(page_id, properties)

    monkeypatch.setattr(stage.ctx.notion, "update_page", slowly)


async def in_sync_with_webhooks(stage: Stage, **values: Any) -> str:
    """A card in sync, on a board whose webhooks are delivered."""
    page = await stage.add_valid(**values)
    await stage.cycle()
    stage.clock.pass_(60)
    await stage.webhook(page)
    for _ in range(3):  # one of them asks who is still there, which is due once in ten minutes
        await stage.cycle()
        stage.clock.pass_(60)
    return page


@contextmanager
def statements(stage: Stage) -> Iterator[list[str]]:
    """The SQL statements of our process since the context began."""
    made: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        made.append(" ".join(statement.split()))

    engine = stage.ctx.engine.sync_engine
    event.listen(engine, "before_cursor_execute", record)
    yield made
    event.remove(engine, "before_cursor_execute", record)


async def test_an_idle_cycle_queries_the_push_queue_once(stage: Stage) -> None:
    await in_sync_with_webhooks(stage, status="Queued")
    beginning = " ".join(PENDING.split())[:60]
    with statements(stage) as made:
        await stage.cycle()
    assert sum(statement.startswith(beginning) for statement in made) == 1


async def test_a_change_of_the_pipeline_costs_one_request_beside_the_sweep(stage: Stage) -> None:
    page = await in_sync_with_webhooks(stage, status="Queued")
    await stage.moves(page, "Processing")
    async with stage.requests() as made:
        await stage.cycle()
        assert made() == [SWEEP.format(stage.data_source_id), f"PATCH /v1/pages/{page}"]


async def test_a_persons_edit_costs_two_requests_beside_the_sweep(stage: Stage) -> None:
    page = await in_sync_with_webhooks(stage, status="Draft")
    await stage.edit(page, status="Queued")
    async with stage.requests() as made:
        await stage.webhook(page)
        await stage.ingest()
        await stage.cycle()
        requests = [request for request in made() if request != SWEEP.format(stage.data_source_id)]
    assert requests == [f"GET /v1/pages/{page}", f"PATCH /v1/pages/{page}"]


async def test_without_webhooks_the_board_is_read_before_each_push(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    for status in ("Processing", "Assets Generating"):
        stage.clock.pass_(60)
        await stage.moves(page, status)
        async with stage.requests() as made:
            await stage.cycle()
            assert f"GET /v1/data_sources/{stage.data_source_id}" in made()


async def test_a_board_that_was_read_long_ago_is_read_before_a_push(
    stage: Stage,
) -> None:
    page = await in_sync_with_webhooks(stage, status="Queued")
    stage.clock.pass_(READ_AGAIN_AFTER.total_seconds())
    await stage.moves(page, "Processing")
    async with stage.requests() as made:
        await stage.cycle()
        assert f"GET /v1/data_sources/{stage.data_source_id}" in made()


async def option_made_anew(stage: Stage, name: str) -> None:
    """People delete an option and make it again: of the same name, with another id.

    The webhook of it is lost.
    """
    path = f"/v1/data_sources/{stage.data_source_id}"
    options = (await stage.ask("GET", path))["properties"]["Status"]["select"]["options"]
    without = [option for option in options if option["name"] != name]
    for said in (without, [*without, {"name": name}]):
        await stage.ask("PATCH", path, {"properties": {"Status": {"select": {"options": said}}}})


async def test_a_refused_write_reads_the_board_and_is_sent_again_in_its_present_form(
    stage: Stage,
) -> None:
    page = await in_sync_with_webhooks(stage, status="Queued")
    await option_made_anew(stage, "Processing")
    await stage.moves(page, "Processing")
    report = await stage.cycle()
    assert (report.pushed, report.failed) == (1, 0)
    assert (await stage.shows(page))["Status"] == "Processing"


async def test_many_refused_writes_read_the_board_once(stage: Stage) -> None:
    pages = [await stage.add_valid(status="Queued") for _ in range(6)]
    await in_sync_with_webhooks(stage, status="Queued")
    path = f"/v1/data_sources/{stage.data_source_id}"
    options = (await stage.ask("GET", path))["properties"]["Status"]["select"]["options"]
    said = [option for option in options if option["name"] != "Processing"]
    await stage.ask("PATCH", path, {"properties": {"Status": {"select": {"options": said}}}})
    for page in pages:
        await stage.moves(page, "Processing")
    async with stage.requests() as made:
        report = await stage.cycle()
        observations = [request for request in made() if request == f"GET {path}"]
    assert (report.pushed, report.failed, len(observations)) == (0, 6, 1)


async def test_an_edit_amid_a_backlog_is_taken_within_a_minute_and_the_watermark_stays_before_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_sync_with_webhooks(stage)
    stage.clock.pass_(60)
    for number in range(130):
        await stage.add_valid(title=f"Squid {number}", status="Queued")
    edited = await stage.add_valid(title="Edited", status="Draft")
    for _ in range(2):
        await stage.cycle()
        stage.clock.pass_(300)
    await stage.sql("UPDATE tasks SET board_status = 'Processing' WHERE board_status = 'Queued'")
    at_a_slow_pace(stage, monkeypatch)
    began, writes = stage.clock.now, 0
    write = stage.ctx.notion.update_page

    async def edited_meanwhile(page_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        nonlocal writes
        writes += 1
        if writes == 20:
            await stage.edit(edited, topic="Vampyroteuthis")
        return await write(page_id, properties)

    monkeypatch.setattr(stage.ctx.notion, "update_page", edited_meanwhile)
    async with stage.requests() as made:
        await stage.cycle()
        sweeps = made().count(SWEEP.format(stage.data_source_id))
    task = await stage.task(edited)
    assert task is not None
    assert task.topic == "Vampyroteuthis"
    assert sweeps <= 5, (
        "what was pushed meanwhile is not read again and again; one asked who is still there"
    )
    async with stage.sessions() as session:
        watermark = await get_moment(session, WATERMARK)
    assert watermark is not None
    assert watermark <= began


async def test_an_idle_hour_costs_a_request_a_cycle_and_the_presence_checks(
    stage: Stage,
) -> None:
    for status in ("Draft", "Queued", "Under Review", "Archived"):
        await stage.add_valid(status=status)
    await stage.cycle()
    stage.clock.pass_(600)
    costs = []
    for _ in range(60):
        stage.clock.pass_(60)
        async with stage.requests() as made:
            await stage.cycle()
            costs.append(len(made()))
    assert set(costs) == {1, 2}
    assert sum(costs) <= 60 + 60 / 6 + 2


async def test_a_card_that_is_written_during_the_query_is_not_handed_out_by_its_old_state(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    async with card_locks(stage.ctx) as taken:
        line = PushOrder(stage.ctx, await followed_board(stage.ctx), taken)
        assert await line.next() == page

        async def looked(*args: Any, **given: Any) -> list[str]:
            found = await pending(*args, **given)
            await line.done(page)
            return found

        monkeypatch.setattr("tasks.sync.push.order.pending", looked)
        assert await line.next() is None
        assert await line.next() == page


async def test_what_became_urgent_amid_a_backlog_goes_before_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [
        await stage.add_valid(title=f"Squid {number}", status="Queued") for number in range(80)
    ]
    await stage.cycle()
    stage.clock.pass_(60)
    await stage.sql("UPDATE tasks SET board_status = 'Processing'")
    written: list[str] = []
    write = stage.ctx.notion.update_page

    async def noted(page_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        written.append(page_id)
        if len(written) == 10:
            await stage.sql(
                "UPDATE tasks SET priority = 'high' WHERE notion_page_id = :page", page=pages[-1]
            )
        return await write(page_id, properties)

    monkeypatch.setattr(stage.ctx.notion, "update_page", noted)
    await stage.cycle()
    assert written.index(pages[-1]) < 35
    async with stage.sessions() as session:
        left = await session.execute(
            text("SELECT count(*) FROM cards WHERE notion_status <> 'Processing'")
        )
        assert left.scalar_one() == 0
