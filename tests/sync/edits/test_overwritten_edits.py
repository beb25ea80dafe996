"""Lost updates: edits between our last reading of a card and our write are always reported."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest
from kit.stage import Stage
from sqlalchemy.ext.asyncio import AsyncSession

from models.errors import NotionWriteUncertain
from models.tables import webhook_events as inbox
from models.tables.task_history import TaskHistory
from tasks.runtime.report import Report
from webhook.events import parse, read_delivery

Write = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]


class Post(httpx.AsyncBaseTransport):
    """Takes Notion's webhooks, to be handed to the inbox when the test says so."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(await request.aread())
        return httpx.Response(200)


@pytest.fixture
async def post(stage: Stage) -> Post:
    """The sandbox's own webhooks, on their way."""
    made = Post()
    stage.sandbox.sender._given = httpx.AsyncClient(transport=made)
    stage.sandbox.outbox.subscribe("http://receiver/webhook/notion", None)
    return made


async def arrive(stage: Stage, post: Post) -> list[dict[str, Any]]:
    """Deliver the events that Notion has by now, and process them."""
    stage.clock.pass_(10)
    await stage.sandbox.deliver_due(stage.clock())
    events = [json.loads(body) for body in post.bodies]
    async with stage.sessions.begin() as session:
        for body in post.bodies:
            await _put(session, body, stage)
    post.bodies.clear()
    await stage.ingest()
    return events


async def _put(session: AsyncSession, body: bytes, stage: Stage) -> None:
    delivery = read_delivery(parse(body), body)
    await inbox.put(session, delivery, now=stage.clock(), correlation_id="receiver")


async def lost_updates(stage: Stage, page: str) -> list[TaskHistory]:
    return [row for row in await stage.history(page) if row.reason == "unseen"]


def just_before_our_write(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[Any]]
) -> None:
    """Somebody acts when our next write is on its way."""
    write: Write = stage.ctx.notion.update_page

    async def late(page_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        monkeypatch.undo()
        await act()
        return await write(page_id, properties)

    monkeypatch.setattr(stage.ctx.notion, "update_page", late)


@pytest.mark.parametrize("gathered", [True, False])
async def test_an_edit_that_we_overwrote_is_recorded_when_an_event_reports_it(
    stage: Stage, post: Post, monkeypatch: pytest.MonkeyPatch, *, gathered: bool
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    stage.clock.pass_(180)
    await arrive(stage, post)
    await stage.moves(page, "Processing")

    async def edit() -> None:
        await stage.edit(page, status="Draft")
        if not gathered:
            stage.clock.pass_(5)
            await stage.sandbox.deliver_due(stage.clock())

    just_before_our_write(stage, monkeypatch, edit)
    await stage.cycle()
    (event,) = [
        e for e in await arrive(stage, post) if any(a["type"] == "person" for a in e["authors"])
    ]
    assert (len(event["authors"]) == 2) == gathered
    (row,) = await lost_updates(stage, page)
    assert (row.action, row.property, row.new_value, row.lost_value) == (
        "overruled",
        "Status",
        "Processing",
        None,
    )
    stage.clock.pass_(60)
    await stage.cycle()
    shows = await stage.shows(page)
    assert shows["Status"] == "Processing"
    assert shows["Attention"] == (
        "“Status” was changed by hand just when it was set to “Processing” here; "
        "if it was changed to something else, that was overwritten."
    )


async def test_a_value_that_another_reading_showed_meanwhile_is_recorded_with_it(
    stage: Stage, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await stage.add_valid(priority="Normal")
    await stage.cycle()
    await stage.sql("UPDATE tasks SET priority = 'low'")
    read = stage.ctx.notion.get_page
    caught: list[dict[str, Any]] = []

    async def edit() -> None:
        await stage.edit(page, priority="High")
        caught.append(await read(page))

    async def late(_page_id: str) -> dict[str, Any]:
        """The answer that caught it is slower than our write and its commit."""
        await stage.cycle()
        monkeypatch.undo()
        return caught.pop()

    await stage.webhook(page)
    monkeypatch.setattr(stage.ctx.notion, "get_page", late)
    with monkeypatch.context() as meanwhile:
        just_before_our_write(stage, meanwhile, edit)
        # The cycle inside drains the inbox first; the event is claimed already.
        await stage.ingest()
    (row,) = await lost_updates(stage, page)
    assert (row.property, row.new_value, row.lost_value) == ("Priority", "Low", "High")
    await arrive(stage, post)
    assert len(await lost_updates(stage, page)) == 1
    task = await stage.task(page)
    assert task is not None
    assert task.priority == "low"


async def test_a_write_that_was_saved_despite_its_error_counts_as_one(
    stage: Stage, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    stage.clock.pass_(180)
    await arrive(stage, post)
    await stage.moves(page, "Processing")
    write: Write = stage.ctx.notion.update_page

    async def saved_and_lost(page_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        monkeypatch.undo()
        await stage.edit(page_id, status="Draft")
        await write(page_id, properties)
        raise NotionWriteUncertain("no answer")

    monkeypatch.setattr(stage.ctx.notion, "update_page", saved_and_lost)
    await stage.cycle()
    await arrive(stage, post)
    assert [row.property for row in await lost_updates(stage, page)] == ["Status"]


async def test_a_restored_card_is_no_edit_that_nobody_saw(stage: Stage, post: Post) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    stage.clock.pass_(180)
    await stage.trash(page)
    await stage.webhook(page, "page.deleted")
    await stage.ingest()
    stage.clock.pass_(180)
    await arrive(stage, post)
    await stage.moves(page, "Processing")
    await stage.trash(page, in_trash=False)
    await stage.webhook(page, "page.undeleted")
    await stage.ingest()
    await stage.cycle()
    events = await arrive(stage, post)
    assert [
        len(event["authors"]) for event in events if event["type"] == "page.properties_updated"
    ] == [2]
    assert await lost_updates(stage, page) == []


async def test_edits_that_were_read_are_never_reported_as_lost(stage: Stage, post: Post) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await arrive(stage, post)
    for status, priority in (("Processing", "High"), ("Uploading", "Low"), ("Draft", "Normal")):
        await stage.edit(page, status=status, priority=priority, title=f"Squid {status}")
        report = await stage.cycle()
        assert report.refused or report.taken
        await stage.moves(page, "Assets Ready")
        await stage.cycle()
        await arrive(stage, post)
        stage.clock.pass_(60)
    assert await lost_updates(stage, page) == []


async def test_a_lost_update_stands_in_the_runs_table(
    stage: Stage, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    stage.clock.pass_(180)
    await arrive(stage, post)
    await stage.moves(page, "Processing")
    just_before_our_write(stage, monkeypatch, lambda: stage.edit(page, status="Draft"))
    await stage.cycle()
    stage.clock.pass_(10)
    await stage.sandbox.deliver_due(stage.clock())
    async with stage.sessions.begin() as session:
        for body in post.bodies:
            await _put(session, body, stage)
    report: Report = await stage.ingest()
    assert report.rows[-2:] == [
        {"card": page, "what": "overruled", "detail": "Status: unseen"},
        {"card": page, "what": "pushed", "detail": "Attention"},  # its editor is told at once
    ]
