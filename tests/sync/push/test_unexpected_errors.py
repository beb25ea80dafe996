"""An unexpected error of one event or card does not stop the others, and is reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from kit.stage import CHANNEL, Stage
from sqlmodel import col, select

from models.tables.task import Task
from models.tables.webhook_events import WebhookEvent

POISON = "\r\nX: y"
LONG = "x" * 500
"""An editor's id that no column of the history holds."""


def altering(page_id: str, change: Callable[[dict[str, Any]], None], method: str = "") -> Any:
    """Answers in which the page is changed, alone or as a row of a query."""

    def alter(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        body = response.json()
        rows = [row for row in body.get("results", [body]) if row.get("id") == page_id]
        if not rows or not request.method.startswith(method):
            return response
        for row in rows:
            change(row)
        return answer(response, body)

    return alter


def answer(before: httpx.Response, body: dict[str, Any]) -> httpx.Response:
    return httpx.Response(
        before.status_code, headers={"date": before.headers["date"]}, content=json.dumps(body)
    )


def breaks_reading(page: dict[str, Any]) -> None:
    """A text whose parts are no objects."""
    page["properties"]["Topic"]["rich_text"] = ["Architeuthis"]


def breaks_storing(page: dict[str, Any]) -> None:
    page["last_edited_by"]["id"] = LONG


def of_page(events: list[WebhookEvent], page_id: str) -> WebhookEvent:
    return next(event for event in events if event.page_id == page_id)


async def queue_both(stage: Stage) -> tuple[str, str]:
    """Two cards that users queue; the first will be the faulty one."""
    bad, good = await stage.add_valid(title="Bad"), await stage.add_valid(title="Good")
    await stage.cycle()
    stage.clock.pass_(120)
    for page in (bad, good):
        await stage.edit(page, status="Queued")
    return bad, good


async def status_of(stage: Stage, page_id: str) -> str:
    task = await stage.task(page_id)
    assert task is not None
    return task.status


@pytest.mark.parametrize("id_", [POISON, "../users/me", "a?b", "Page-7", "\x1b[2J", "p" * 100])
async def test_an_event_whose_page_id_is_none_is_finished_without_a_request(
    stage: Stage, id_: str
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.edit(page, topic="Another")
    await stage.webhook(id_)
    await stage.webhook(page)
    async with stage.requests() as made:
        await stage.ingest()
    assert [path for path in made() if page not in path] == []
    assert [event.outcome for event in await stage.events()] == ["not_a_page", "looked_at"]
    await stage.cycle()


@pytest.mark.parametrize("breaks", [breaks_reading, breaks_storing])
async def test_an_event_that_fails_in_a_way_nobody_foresaw_fails_alone(
    stage: Stage, breaks: Any
) -> None:
    bad, good = await queue_both(stage)
    for page in (bad, good):
        await stage.webhook(page)
    assert stage.between is not None
    stage.between.alter = altering(bad, breaks)
    report = await stage.ingest()
    assert await status_of(stage, good) == "pending"
    assert of_page(await stage.events(), good).processed
    assert report.failed == 1
    assert "foresaw" in ((await stage.card(bad)).last_error or "")
    stage.between.alter = lambda _request, response: response
    stage.clock.pass_(3600)
    await stage.cycle()
    assert await status_of(stage, bad) == "pending", "it is tried again by itself"


@pytest.mark.parametrize("breaks", [breaks_reading, breaks_storing])
async def test_a_burst_with_one_bad_page_costs_one_page(stage: Stage, breaks: Any) -> None:
    pages = [await stage.add_valid(title=f"Card {n}") for n in range(12)]
    await stage.cycle()
    stage.clock.pass_(120)
    for page in pages:
        await stage.edit(page, status="Queued")
        await stage.webhook(page)
    assert stage.between is not None
    stage.between.alter = altering(pages[5], breaks)
    await stage.ingest()
    assert [await status_of(stage, page) for page in pages] == ["pending"] * 5 + ["draft"] + [
        "pending"
    ] * 6
    assert all(event.dead_at is None for event in await stage.events())


@pytest.mark.parametrize("breaks", [breaks_reading, breaks_storing])
async def test_a_sweep_takes_in_all_cards_but_the_bad_one(stage: Stage, breaks: Any) -> None:
    bad, good = await queue_both(stage)
    assert stage.between is not None
    stage.between.alter = altering(bad, breaks)
    await stage.cycle()
    assert (await status_of(stage, bad), await status_of(stage, good)) == ("draft", "pending")


async def test_an_import_takes_in_all_cards_but_the_bad_one(stage: Stage) -> None:
    bad, good = (
        await stage.add_valid(title="Bad"),
        await stage.add_valid(title="Good", status="Queued"),
    )
    assert stage.between is not None
    stage.between.alter = altering(bad, breaks_reading)
    await stage.imports()
    assert (await stage.task(bad), await status_of(stage, good)) == (None, "pending")
    stage.between.alter = lambda _request, response: response
    stage.clock.pass_(3600)
    await stage.cycle()
    assert await status_of(stage, bad) == "draft"


async def test_a_push_writes_all_cards_but_the_bad_one(stage: Stage) -> None:
    bad, good = await queue_both(stage)
    await stage.cycle()
    for page in (bad, good):
        await stage.moves(page, "Assets Generating")
    assert stage.between is not None
    stage.between.alter = altering(bad, breaks_reading, "PATCH")
    report = await stage.cycle()
    assert (await stage.shows(good))["Status"] == "Assets Generating"
    assert report.failed >= 1
    assert (await stage.card(good)).attempts == 0
    stage.between.alter = lambda _request, response: response
    stage.clock.pass_(3600)
    await stage.cycle()
    assert (await stage.card(bad)).attempts == 0


async def test_a_task_whose_card_fails_in_a_way_nobody_foresaw_holds_up_no_other(
    stage: Stage,
) -> None:
    await stage.cycle()
    for title in ("Bad", "Good"):
        await stage.sql(
            "INSERT INTO tasks (title, channel_id, topic) VALUES (:title, :channel, 'Eyes')",
            title=title,
            channel=CHANNEL,
        )
    assert stage.between is not None

    def alter(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if (
            request.method == "POST"
            and request.url.path == "/v1/pages"
            and b"Bad" in request.content
        ):
            body = response.json()
            breaks_reading(body)
            return answer(response, body)
        return response

    stage.between.alter = alter
    for _ in range(2):
        await stage.cycle()
        stage.clock.pass_(60)
    async with stage.sessions() as session:
        tasks = list(await session.scalars(select(Task).order_by(col(Task.title))))
    assert [(task.title, task.notion_page_id is not None) for task in tasks] == [
        ("Bad", True),
        ("Good", True),
    ]


async def test_what_concerns_everything_still_ends_the_run(stage: Stage) -> None:
    bad, _ = await queue_both(stage)
    await stage.webhook(bad)
    await stage.sql("ALTER TABLE task_history RENAME TO elsewhere")
    with pytest.raises(Exception, match="task_history"):
        await stage.ingest()
    await stage.sql("ALTER TABLE elsewhere RENAME TO task_history")
    stage.clock.pass_(600)
    await stage.ingest()
    assert await status_of(stage, bad) == "pending"


ODD = (POISON, 7, True, {"a": 1}, [POISON], [[]], None)


@pytest.mark.parametrize("value", ODD, ids=repr)
async def test_whatever_else_an_event_holds_its_page_is_read(stage: Stage, value: Any) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    stage.clock.pass_(120)
    await stage.edit(page, status="Queued")
    payloads: list[dict[str, Any]] = [
        {"authors": value},
        {"authors": [value]},
        {"authors": [{"id": value}]},
        {"data": value},
        {"data": {"parent": value}},
        {"data": {"parent": {"type": value}}},
        {"data": {"updated_properties": value}},
        {"data": {"updated_properties": [value]}},
        {"timestamp": value},
        {"entity": value},
        {"entity": {"id": value}},
    ]
    for payload in payloads:
        await stage.webhook(page, **payload)
    await stage.webhook(page, "data_source.schema_updated", entity={"id": value})
    await stage.webhook(str(UUID(int=7)), data={"parent": {"type": value, "data_source_id": value}})
    await stage.ingest()
    events = await stage.events()
    assert [event.error for event in events] == [None] * len(events)
    assert all(event.processed for event in events)
    assert await status_of(stage, page) == "pending"
